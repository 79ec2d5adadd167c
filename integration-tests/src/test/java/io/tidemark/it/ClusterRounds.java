package io.tidemark.it;

import java.time.Duration;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Rounds of faults, one after the other, on one cluster. */
final class ClusterRounds {
  private static final int SECONDS_PER_ROUND = 25;

  private static final Set<ClusterFault> WIPES =
      EnumSet.of(ClusterFault.WIPE_REPLICA, ClusterFault.WIPE_PRIMARY);

  private final Workbench bench;
  private final FaultyCluster cluster;
  private final long seed;
  private final Set<ClusterFault> planned = EnumSet.noneOf(ClusterFault.class);
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
              bench,
              cluster,
              new RandomFaults(seed + i, length, planned, made),
              "round" + (i + 1),
              seed)
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

  /** Each fault that was never made so far, by itself, while the primary is asked to hand over. */
  ClusterRounds rest() throws Exception {
    Set<ClusterFault> missing = EnumSet.allOf(ClusterFault.class);
    missing.removeAll(made.keySet());
    oneByOne("rest", missing);
    System.out.println("faults made: " + made);
    return this;
  }

  /** The same with every fault. */
  ClusterRounds oneByOne() throws Exception {
    oneByOne("one-by-one", EnumSet.allOf(ClusterFault.class));
    return this;
  }

  /** One round can have one directory taken away. */
  private void oneByOne(String name, Set<ClusterFault> faults) throws Exception {
    Set<ClusterFault> first = EnumSet.copyOf(faults);
    Set<ClusterFault> second = EnumSet.noneOf(ClusterFault.class);
    if (first.containsAll(WIPES)) {
      first.remove(ClusterFault.WIPE_PRIMARY);
      second.add(ClusterFault.WIPE_PRIMARY);
    }
    for (Set<ClusterFault> round : List.of(first, second)) {
      if (!round.isEmpty()) {
        String title = name + "-" + round.size();
        new ClusterRound(bench, cluster, new OneByOne(round, made), title, seed).run();
      }
    }
  }
}
