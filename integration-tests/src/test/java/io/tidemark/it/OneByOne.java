package io.tidemark.it;

import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Faults one after the other; in the middle of each the primary is asked to hand over. */
final class OneByOne implements ClusterScript {
  private static final long MILLIS = 500;

  private final List<ClusterFault> faults;
  private final Map<ClusterFault, Integer> made;

  /**
   * @param made where it is counted how often each fault was made
   */
  OneByOne(Collection<ClusterFault> faults, Map<ClusterFault, Integer> made) {
    this.faults = List.copyOf(faults);
    this.made = made;
  }

  @Override
  public void run(ClusterRound round) throws Exception {
    for (ClusterFault fault : faults) {
      // One that needs a primary, or members, has them in the end.
      Await.until(FaultyCluster.LIMIT, fault + " is possible", () -> isMade(round, fault));
    }
  }

  private boolean isMade(ClusterRound round, ClusterFault fault) throws Exception {
    FaultyCluster cluster = round.cluster();
    ClusterFault.Begun begun = fault.begin(cluster, cluster.network(), new Random(0));
    if (begun.target() == null) {
      return false;
    }
    made.merge(fault, 1, Integer::sum);
    round.note(fault + " begins: " + begun.target());
    Thread.sleep(MILLIS);
    ClusterFault.Begun handoff =
        ClusterFault.HANDOFF.begin(cluster, cluster.network(), new Random(0));
    round.note("handoff of " + handoff.target());
    Thread.sleep(MILLIS);
    begun.end().run();
    handoff.end().run();
    round.note(fault + " has ended");
    return true;
  }
}
