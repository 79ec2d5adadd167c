package io.tidemark.stream.send;

import io.tidemark.stream.CommitMode;
import io.tidemark.stream.Id;

/**
 * Who serves the replicas.
 *
 * @param processNonce of the running process
 * @param epoch in which this node is primary
 */
public record PrimaryIdentity(
    Id clusterId, Id nodeId, Id processNonce, long epoch, CommitMode commitMode) {}
