package io.tidemark.stream.send;

import io.tidemark.stream.CommitMode;
import io.tidemark.stream.Id;

/**
 * Who serves the replicas.
 *
 * @param processNonce of the running process
 * @param epoch in which this node is primary
 * @param recordVersion version of the cluster record on which it acts, 0 without a lease store
 */
public record PrimaryIdentity(
    Id clusterId,
    Id nodeId,
    Id processNonce,
    long epoch,
    long recordVersion,
    CommitMode commitMode) {}
