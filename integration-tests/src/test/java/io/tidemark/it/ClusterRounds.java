package io.tidemark.it;

import java.time.Duration;

/** Rounds of faults, one after the other, on one cluster. */
final class ClusterRounds {
  private static final int SECONDS_PER_ROUND = 25;

  private final Workbench bench;
  private final boolean sync;
  private final long seed;

  /**
   * @param seed of the first round; each next one has the next
   */
  ClusterRounds(Workbench bench, boolean sync, long seed) {
    this.bench = bench;
    this.sync = sync;
    this.seed = seed;
  }

  /**
   * Property {@code tidemark.it.mutant} names a defect that the nodes are to have.
   *
   * @param seconds of faults; starting, healing and checking take as long again
   */
  void run(int seconds) throws Exception {
    FaultyCluster cluster =
        new FaultyCluster(bench, sync)
            .environment("TIDEMARK_MUTANT", System.getProperty("tidemark.it.mutant"))
            .longestLife(Duration.ofSeconds(seconds).multipliedBy(4).plusMinutes(10))
            .start();
    int number = Math.max(1, seconds / SECONDS_PER_ROUND);
    Duration length = Duration.ofSeconds(Math.max(1, seconds / number));
    for (int i = 0; i < number; i++) {
      new ClusterRound(bench, cluster, i + 1, seed + i, length).run();
    }
  }
}
