package io.tidemark.it;

import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.regex.Pattern;

/**
 * Faults in an order in which a certain defect of the program would break a promise; by chance they
 * would meet once in many hours. A program without defects keeps its promises in all of them.
 *
 * <p>X and Y are the replicas; the primary is the one at the beginning.
 */
enum ClusterScenario {
  /** What the primary commits while its last replica hears nothing of it, it takes with it. */
  CUT_OFF_THEN_KILLED(true) {
    @Override
    void play(Stage on) throws Exception {
      on.unseat(on.x::kill); // so that the record does not change any more
      on.primary.host().dropAll(on.y.host());
      on.awaitAcknowledged(on.patience);
      on.pause(1_500); // readers look at what it shows
      on.primary.kill();
      on.cluster.network().heal();
      on.x.start();
      on.awaitOtherPrimary();
      on.primary.start();
    }
  },

  /** All nodes end while the primary alone could have had something. */
  CUT_OFF_THEN_COUNTED(true) {
    @Override
    void play(Stage on) throws Exception {
      on.replicas().forEach(replica -> on.primary.host().dropAll(replica.host()));
      on.awaitAcknowledged(on.patience);
      on.cluster.killAll();
      on.round.countDisks();
      on.cluster.network().heal();
      on.cluster.startAll();
    }
  },

  /** X, which the primary can neither reach nor take out of the record, is all that is left. */
  REPLICA_AND_STORE_AWAY(true) {
    @Override
    void play(Stage on) throws Exception {
      on.fromStore(on.primary);
      on.primary.host().dropAll(on.x.host());
      on.awaitAcknowledged(WITHIN_LEASE);
      on.leaveOnly(on.x);
    }
  },

  /** X has a seat before it has the data, which come slowly; then it is alone. */
  SEATED_BEHIND_A_SLOW_LINK(true) {
    @Override
    void play(Stage on) throws Exception {
      String id = on.unseat(on.x::kill);
      on.awaitAcknowledged(FaultyCluster.LIMIT);
      on.pause(3_000); // something to catch up with
      on.cluster.network().slow(on.x.host(), 30);
      on.x.start();
      on.within(on.patience, () -> FaultyCluster.names(on.primary, id));
      on.leaveOnly(on.x);
    }
  },

  /** X gets its seat while the primary does not hear of it, and then nothing more. */
  SEATED_BY_A_LOST_ANSWER(true) {
    @Override
    void play(Stage on) throws Exception {
      String id = on.unseat(on.x::freeze);
      Callable<Boolean> caughtUp = on.saysAgain(on.primary, id + ".* is caught up");
      on.cluster.etcdHosts().forEach(on.primary.host()::dropFrom);
      on.x.thaw();
      on.within(WITHIN_LEASE, caughtUp);
      on.pause(100); // the change gets to the store
      on.primary.host().dropAll(on.x.host());
      on.awaitAcknowledged(WITHIN_LEASE);
      on.leaveOnly(on.x);
    }
  },

  /** X, which has left the set, is there before all others. */
  OUTDATED_NODE_FIRST(true) {
    @Override
    void play(Stage on) throws Exception {
      on.unseat(on.x::kill);
      on.awaitAcknowledged(FaultyCluster.LIMIT);
      on.leaveOnly(on.x);
    }
  },

  /** The same with a copy of X's disk from before it left the set and came back. */
  OLD_VOLUME_FIRST(true) {
    @Override
    void play(Stage on) throws Exception {
      String id =
          on.unseat(
              () -> {
                on.x.kill();
                on.cluster.copyData(on.x);
              });
      on.x.start();
      on.within(FaultyCluster.LIMIT, () -> FaultyCluster.names(on.primary, id));
      on.awaitAcknowledged(FaultyCluster.LIMIT);
      on.primary.kill(); // first, or it would take X out of the record
      on.x.kill();
      on.cluster.wipe(on.x);
      on.cluster.restoreData(on.x);
      on.leaveOnly(on.x);
    }
  },

  /** Only X has the last transactions, becomes primary and ends; then Y, which never had them. */
  TAIL_AT_ONE_MEMBER(true) {
    @Override
    void play(Stage on) throws Exception {
      on.y.host().drop();
      on.fromStore(on.primary);
      on.pause(800);
      Callable<Boolean> settling = on.saysAgain(on.x, "FENCING -> SETTLING");
      on.primary.kill();
      on.within(LEASE_ENDS, settling);
      on.pause(1_500); // readers look at what it shows
      on.x.kill();
      Callable<Boolean> acquired = on.saysAgain(on.y, "ACQUIRING -> FENCING");
      on.cluster.network().heal();
      on.within(LEASE_ENDS, acquired);
      on.primary.start();
      on.x.start();
    }
  },

  /** All machines lose their power at once. */
  POWER_LOSS_EVERYWHERE(true) {
    @Override
    void play(Stage on) throws Exception {
      on.awaitAcknowledged(FaultyCluster.LIMIT);
      on.pause(500);
      on.cluster.losePower();
      on.cluster.startAll();
    }
  },

  /** Somebody else is primary, with the next epoch. */
  PRIMARY_KILLED(true) {
    @Override
    void play(Stage on) throws Exception {
      on.primary.kill();
      on.awaitOtherPrimary();
      on.primary.start();
    }
  },

  /** The primary's clock alone says when its lease is over. */
  PRIMARY_FROM_STORE(false) {
    @Override
    void play(Stage on) throws Exception {
      on.fromStore(on.primary);
      on.awaitOtherPrimary();
      on.pause(1_000); // who has been replaced acknowledges nothing any more
      on.primary.kill(); // one that does not know would never follow
      on.cluster.network().heal();
      on.primary.start();
    }
  },

  /** The same with a lease that is long enough to be a little longer. */
  PRIMARY_FROM_STORE_FOR_LONG(false, Duration.ofSeconds(10)) {
    @Override
    void play(Stage on) throws Exception {
      PRIMARY_FROM_STORE.play(on);
    }
  };

  /** How long it is waited for what only a program with a defect does, in one without. */
  static final Duration HEALTHY_PATIENCE = Duration.ofSeconds(3);

  /** In which a primary that hears nothing of the store goes on, by its own clock. */
  private static final Duration WITHIN_LEASE = Duration.ofMillis(1_500);

  private static final Duration LEASE_ENDS = Duration.ofSeconds(20);

  private final boolean sync;
  private final Duration leaseTtl;

  ClusterScenario(boolean sync) {
    this(sync, FaultyCluster.LEASE_TTL);
  }

  ClusterScenario(boolean sync, Duration leaseTtl) {
    this.sync = sync;
    this.leaseTtl = leaseTtl;
  }

  /** Those for a cluster of that kind. */
  static List<ClusterScenario> of(boolean sync, Duration leaseTtl) {
    return Arrays.stream(values())
        .filter(scenario -> scenario.sync == sync && scenario.leaseTtl.equals(leaseTtl))
        .toList();
  }

  Duration leaseTtl() {
    return leaseTtl;
  }

  boolean isSync() {
    return sync;
  }

  /** For names of files. */
  String title() {
    return name().toLowerCase(java.util.Locale.ROOT).replace('_', '-');
  }

  /**
   * @param patience how long to wait for what only a program with a defect does
   */
  ClusterScript script(Duration patience) {
    return new ClusterScript() {
      @Override
      public void run(ClusterRound round) throws Exception {
        play(new Stage(round, patience));
      }

      @Override
      public double shareOfWrites(int client) {
        return client == 1 ? 0.7 : client == 2 ? 1 : 0;
      }

      @Override
      public int clients() {
        return 3;
      }
    };
  }

  abstract void play(Stage on) throws Exception;

  /** What is done to a node. */
  private interface Harm {
    void run() throws Exception;
  }

  /** Who is there at the beginning, and what they do. */
  private static final class Stage {
    private final ClusterRound round;
    private final FaultyCluster cluster;
    private final Duration patience;
    private final TidemarkProcess primary;
    private final TidemarkProcess x;
    private final TidemarkProcess y;

    Stage(ClusterRound round, Duration patience) {
      this.round = round;
      this.patience = patience;
      cluster = round.cluster();
      primary = cluster.awaitPrimary();
      x = cluster.others(primary).get(0);
      y = cluster.others(primary).get(1);
      round.note("primary " + primary.name() + ", X " + x.name() + ", Y " + y.name());
      pause(500);
    }

    List<TidemarkProcess> replicas() {
      return List.of(x, y);
    }

    void pause(long millis) {
      within(Duration.ofMillis(millis), () -> false);
    }

    /** Until it holds or the time is over; the checks at the end judge both. */
    boolean within(Duration limit, Callable<Boolean> condition) {
      boolean held = Await.within(limit, condition);
      round.note(held ? "it came about" : "after " + limit);
      return held;
    }

    void fromStore(TidemarkProcess node) {
      cluster.etcdHosts().forEach(node.host()::dropAll);
    }

    /** The primary acknowledges something that begins now. */
    void awaitAcknowledged(Duration limit) {
      long now = System.nanoTime();
      within(limit, () -> round.isWritten(primary, now));
    }

    /**
     * Does something to X on which it leaves the set, and waits for that.
     *
     * @return its id
     */
    String unseat(Harm harm) throws Exception {
      String id = ElectedCluster.id(x);
      Callable<Boolean> changed = saysAgain(primary, "record version");
      harm.run();
      within(FaultyCluster.LIMIT, () -> changed.call() && !FaultyCluster.names(primary, id));
      return id;
    }

    /** Whether a node has said something since now. */
    Callable<Boolean> saysAgain(TidemarkProcess node, String pattern) {
      Pattern wanted = Pattern.compile(pattern);
      long before = node.isAlive() ? wanted.matcher(node.output()).results().count() : 0;
      return () -> wanted.matcher(node.output()).results().count() > before;
    }

    void awaitOtherPrimary() {
      long now = System.nanoTime();
      within(
          LEASE_ENDS,
          () -> {
            TidemarkProcess next = cluster.primary();
            return next != null && next != primary && round.isWritten(next, now);
          });
    }

    /** The others end, and come back when that node is about to be primary, or will not be. */
    void leaveOnly(TidemarkProcess node) {
      primary.kill(); // first, or it would change the record once more
      cluster.others(node).forEach(TidemarkProcess::kill);
      Callable<Boolean> acquired = saysAgain(node, "ACQUIRING -> FENCING");
      round.note("only " + node.name() + " is left");
      cluster.network().heal();
      if (!node.isAlive()) {
        node.start();
      }
      within(patience.plusSeconds(4), acquired);
      cluster.others(node).forEach(TidemarkProcess::launch);
      cluster.others(node).forEach(TidemarkProcess::awaitStarted);
    }
  }
}
