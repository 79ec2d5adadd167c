package io.tidemark.node.cluster;

import io.tidemark.database.InDoubt;
import io.tidemark.lease.Owner;
import io.tidemark.lease.protocol.ClusterRecord;
import io.tidemark.lease.protocol.Role;
import java.util.Map;

/**
 * A moment's view of this node in its cluster.
 *
 * @param reason why the role is what it is, and what the node waits for
 * @param record the newest that this node has read or written; null if none
 * @param primary who is primary; null if nobody is known to be
 * @param storeProblem why the lease store cannot be asked; null if it can
 * @param doubts transactions of this primary that may or may not be committed, by database
 * @param aborting transactions that this primary has cut off, but which a member may still have
 */
public record ClusterStatus(
    Role role,
    String reason,
    ClusterRecord record,
    Owner primary,
    String storeProblem,
    Map<String, InDoubt> doubts,
    Map<String, InDoubt> aborting) {}
