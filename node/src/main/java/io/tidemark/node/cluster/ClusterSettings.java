package io.tidemark.node.cluster;

import io.tidemark.lease.protocol.CommitMode;
import java.time.Duration;

/**
 * How this node takes part in its cluster.
 *
 * @param candidate whether it may become primary
 * @param mayFound whether it may found a cluster where there is none
 * @param advertiseUrl where the others reach it
 * @param hostname its name for people
 * @param mode what commits wait for while this node is primary
 * @param minInSync least number of nodes that a sync commit needs
 * @param ackTimeout how long a sync commit waits before it is in doubt
 * @param lookEvery how often the store is read without a hint
 * @param answerTime how long a new primary waits for members that may be there
 * @param awayTime how long a member may be away before it leaves the in-sync set
 * @param slowTime how long a connected member may owe a sync commit its acknowledgement
 * @param handoffTime how long a handoff may hold writers
 */
public record ClusterSettings(
    boolean candidate,
    boolean mayFound,
    String advertiseUrl,
    String hostname,
    CommitMode mode,
    int minInSync,
    Duration ackTimeout,
    Duration lookEvery,
    Duration answerTime,
    Duration awayTime,
    Duration slowTime,
    Duration handoffTime) {}
