package io.tidemark.node;

import io.tidemark.stream.receive.FollowStatus;
import io.tidemark.stream.send.ReplicaStatus;
import java.util.List;

/**
 * Replication as it is at this moment.
 *
 * @param replicas those that are connected, of a primary; else empty
 * @param following the connection to the primary, of a replica that has been told where it is; else
 *     null
 */
public record ReplicationView(List<ReplicaStatus> replicas, FollowStatus following) {
  /** A node without any. */
  public static final ReplicationView NONE = new ReplicationView(List.of(), null);
}
