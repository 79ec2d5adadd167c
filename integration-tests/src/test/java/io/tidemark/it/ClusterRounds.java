package io.tidemark.it;

import java.time.Duration;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/** Rounds of faults, one after the other, on one cluster. */
final class ClusterRounds {
  private static final int SECONDS_PER_ROUND = 25;

  private final Workbench bench;
  private final FaultyCluster cluster;
  private final long seed;
  private final Map<ClusterFault, Integer> made = new EnumMap<>(ClusterFault.class);

  /**
   * Starts the cluster. Property {@code tidemark.it.mutant} names a defect that the nodes are to
   * have.
   *
   * @param seed of the first round; each next one has the next
   * @param longest of all that is to come
   */
  ClusterRounds(Workbench bench, boolean sync, Duration leaseTtl, long seed, Duration longest)
      throws Exception {
    this.bench = bench;
    this.seed = seed;
    cluster =
        new FaultyCluster(bench, sync)
            .defect(System.getProperty("tidemark.it.mutant"))
            .leaseTtl(leaseTtl)
            .longestLife(longest)
            .start();
  }

  /**
   * Faults by the seed.
   *
   * @param seconds of faults; starting, healing and checking take as long again
   */
  ClusterRounds random(int seconds) throws Exception {
    int number = Math.max(1, seconds / SECONDS_PER_ROUND);
    Duration length = Duration.ofSeconds(Math.max(1, seconds / number));
    for (int i = 0; i < number; i++) {
      new ClusterRound(
              bench, cluster, new RandomFaults(seed + i, length, made), "round" + (i + 1), seed + i)
          .run();
    }
    return this;
  }

  /** Each of these once. */
  ClusterRounds scenarios(List<ClusterScenario> scenarios) throws Exception {
    for (ClusterScenario scenario : scenarios) {
      new ClusterRound(
              bench,
              cluster,
              scenario.script(ClusterScenario.HEALTHY_PATIENCE),
              scenario.title(),
              seed)
          .run();
    }
    return this;
  }

  /** How often each fault was made. */
  Map<ClusterFault, Integer> made() {
    return made;
  }
}
