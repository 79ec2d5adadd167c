package io.tidemark.stream.send;

import io.tidemark.stream.Hello;
import io.tidemark.stream.Refusal;
import io.tidemark.stream.Refusal.Reason;

/** Whether a replica is served, judged by its greeting. A pure function. */
final class Greeting {
  private Greeting() {}

  /** Why the node is sent away, or null if it is welcome. */
  static Refusal refusal(Hello replica, PrimaryIdentity primary) {
    if (replica.nodeId().equals(primary.nodeId())) {
      return new Refusal(
          Reason.SAME_NODE,
          "both nodes have the id " + primary.nodeId() + ": one is a copy of the other",
          "Give the replica an empty data directory; it fetches everything from the primary.");
    }
    if (!replica.clusterId().isNone() && !replica.clusterId().equals(primary.clusterId())) {
      return new Refusal(
          Reason.CLUSTER,
          "the replica has data of cluster "
              + replica.clusterId()
              + ", this is cluster "
              + primary.clusterId(),
          "Check the address of the primary. To give up the replica's data, start it with an empty"
              + " data directory.");
    }
    if (replica.greatestEpoch() > primary.epoch()) {
      return new Refusal(
          Reason.EPOCH,
          "the replica has seen epoch "
              + replica.greatestEpoch()
              + ", this primary is of epoch "
              + primary.epoch(),
          "Another node has been primary since. Start that one as the primary, or this one with the"
              + " data that it had.");
    }
    return null;
  }
}
