package io.tidemark.node.cluster;

import io.tidemark.lease.protocol.ClusterRecord;
import io.tidemark.lease.protocol.Role;

/**
 * A moment's view of this node in its cluster.
 *
 * @param reason why the role is what it is, and what the node waits for
 * @param record the newest that this node has read or written; null if none
 * @param primaryUrl where the primary is reached; null if none is known
 * @param storeProblem why the lease store cannot be asked; null if it can
 */
public record ClusterStatus(
    Role role, String reason, ClusterRecord record, String primaryUrl, String storeProblem) {}
