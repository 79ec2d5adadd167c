package io.tidemark.it;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.regex.Pattern;

/**
 * A defect that the nodes can have on purpose ({@code io.tidemark.node.cluster.Mutant}), the faults
 * in which it breaks a promise, and the words in which that is found.
 */
enum ClusterDefect {
  NOBODY_CONFIRMS(ClusterScenario.CUT_OFF_THEN_KILLED, "^It was acknowledged and is "),
  DOUBT_SHOWN(ClusterScenario.CUT_OFF_THEN_KILLED, "^A read is no prefix "),
  MIN_IN_SYNC_IGNORED(
      ClusterScenario.CUT_OFF_THEN_COUNTED, "^It was acknowledged and is on too few disks "),
  ONE_MEMBER_CONFIRMS(ClusterScenario.REPLICA_AND_STORE_AWAY, "^It was acknowledged and is "),
  REMOVAL_COUNTED_EARLY(ClusterScenario.REPLICA_AND_STORE_AWAY, "^It was acknowledged and is "),
  REMOVAL_NOT_RECORDED(ClusterScenario.REPLICA_AND_STORE_AWAY, "^It was acknowledged and is "),
  ANNOUNCED_EARLY(ClusterScenario.REPLICA_AND_STORE_AWAY, "^A read is no prefix "),
  MEMBER_ADDED_EARLY(
      ClusterScenario.SEATED_BEHIND_A_SLOW_LINK, "^It was acknowledged and is ", false),
  MEMBER_WAITED_FOR_LATE(ClusterScenario.SEATED_BY_A_LOST_ANSWER, "^It was acknowledged and is "),
  ANYONE_MAY_BE_PRIMARY(ClusterScenario.OUTDATED_NODE_FIRST, "^It was acknowledged and is "),
  TOKEN_IGNORED(ClusterScenario.OLD_VOLUME_FIRST, "^It was acknowledged and is ", false),
  TAIL_SHOWN_EARLY(ClusterScenario.TAIL_AT_ONE_MEMBER, "^A read is no prefix "),
  EPOCH_NOT_CHECKED(ClusterScenario.PRIMARY_KILLED, "^Several nodes committed in epoch "),
  LEASE_NEVER_ENDS(ClusterScenario.PRIMARY_FROM_STORE, "^It was acknowledged in epoch "),
  DEADLINE_FROM_ANSWER(
      ClusterScenario.PRIMARY_FROM_STORE_FOR_LONG, "^It was acknowledged in epoch "),
  /** Not in the program, but below it: a sync does nothing. */
  ACKNOWLEDGED_BEFORE_DURABLE(
      ClusterScenario.POWER_LOSS_EVERYWHERE, "^It was acknowledged and is nowhere") {
    @Override
    void begin(FaultyCluster cluster) throws IOException {
      for (TidemarkProcess node : cluster.nodes()) {
        cluster.system(node).syncsDoNothing(true);
      }
    }

    @Override
    void end(FaultyCluster cluster) throws IOException {
      for (TidemarkProcess node : cluster.nodes()) {
        cluster.system(node).syncsDoNothing(false);
      }
    }

    @Override
    String mutant() {
      return null;
    }
  };

  /** Longer than anything takes that a defect needs to be seen, also on a slow machine. */
  private static final Duration PATIENCE = Duration.ofSeconds(20);

  private final ClusterScenario scenario;
  private final Pattern symptom;
  private final boolean mended;

  ClusterDefect(ClusterScenario scenario, String symptom) {
    this(scenario, symptom, true);
  }

  /**
   * @param mended whether the nodes start anew without it before all is healed. Some defects would
   *     never let them; with others nobody but a program that has it would be primary after that.
   */
  ClusterDefect(ClusterScenario scenario, String symptom, boolean mended) {
    this.scenario = scenario;
    this.symptom = Pattern.compile(symptom);
    this.mended = mended;
  }

  /** Which the nodes are told of when they start; null if it is made without them. */
  String mutant() {
    return name();
  }

  /** Before the scenario. */
  void begin(FaultyCluster cluster) throws IOException {
    // the nodes have it from their start on
  }

  /** After it, when all nodes are dead. */
  void end(FaultyCluster cluster) throws IOException {
    cluster.defect(null);
  }

  /**
   * Runs the scenario with nodes that have the defect.
   *
   * @return the first contradiction of the expected kind, or null
   */
  String find(Workbench bench, long seed) throws Exception {
    FaultyCluster cluster =
        new FaultyCluster(bench, scenario.isSync())
            .leaseTtl(scenario.leaseTtl())
            .defect(mutant())
            .start();
    ClusterScript defective = scenario.script(PATIENCE);
    ClusterScript withDefect =
        new ClusterScript() {
          @Override
          public void run(ClusterRound round) throws Exception {
            ClusterDefect.this.begin(cluster);
            defective.run(round);
            if (mended) {
              cluster.killAll();
              ClusterDefect.this.end(cluster);
              cluster.startAll();
            }
          }

          @Override
          public int clients() {
            return defective.clients();
          }

          @Override
          public double shareOfWrites(int client) {
            return defective.shareOfWrites(client);
          }
        };
    List<String> found =
        new ClusterRound(bench, cluster, withDefect, scenario.title(), seed).findings();
    System.out.println(name() + ": " + found.size() + " contradictions");
    return found.stream().filter(symptom.asPredicate()).findFirst().orElse(null);
  }
}
