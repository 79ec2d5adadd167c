package io.tidemark.it;

import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Faults one after the other; in the middle of each the primary is asked to hand over. */
final class OneByOne implements ClusterScript {
  private static final long MILLIS = 1_000;

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
    TidemarkProcess before = cluster.primary();
    ClusterFault.Begun begun = fault.begin(cluster, cluster.network(), new Random(0));
    if (begun.target() == null) {
      return false;
    }
    made.merge(fault, 1, Integer::sum);
    round.note(fault + " begins: " + begun.target());
    Thread.sleep(MILLIS);
    if (before != null && before.isAlive()) {
      Command.Result result = before.ask("handoff").within(Duration.ofSeconds(30)).run();
      round.note("handoff of " + before.name() + ": " + result.exit());
    }
    begun.end().run();
    round.note(fault + " has ended");
    return true;
  }
}
