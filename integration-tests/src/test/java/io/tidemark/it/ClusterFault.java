package io.tidemark.it;

import io.tidemark.lease.etcd.EtcdServer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;

/** What can happen to a cluster; whom it hits is decided when it begins. */
enum ClusterFault {
  KILL_PRIMARY(Group.NODES, 500, 5_000),
  /** And the one that follows it, before both come back. */
  KILL_PRIMARIES(Group.NODES, 2_500, 7_000),
  KILL_REPLICA(Group.NODES, 500, 5_000),
  KILL_ALL(Group.NODES, 200, 2_000),
  STOP_PRIMARY(Group.NODES, 200, 3_000),
  /** Longer than the lease lives. */
  FREEZE_PRIMARY(Group.NODES, 3_500, 7_000),
  FREEZE_PRIMARY_SHORTLY(Group.NODES, 500, 3_000),
  FREEZE_REPLICA(Group.NODES, 1_000, 6_000),
  WIPE_REPLICA(Group.NODES, 200, 2_000),
  WIPE_PRIMARY(Group.NODES, 200, 4_000),
  PRIMARY_FROM_ETCD(Group.NETWORK, 2_000, 7_000),
  PRIMARY_FROM_REPLICAS(Group.NETWORK, 1_000, 6_000),
  PRIMARY_FROM_ETCD_AND_REPLICA(Group.NETWORK, 2_500, 7_000),
  PRIMARY_ALONE(Group.NETWORK, 2_000, 7_000),
  /** What it has not sent is in doubt by then. */
  PRIMARY_FROM_REPLICAS_THEN_KILLED(Group.NETWORK, 1_000, 4_000),
  PRIMARY_DEAF(Group.NETWORK, 2_000, 7_000),
  PRIMARY_MUTE(Group.NETWORK, 2_000, 7_000),
  PRIMARY_DEAF_TO_REPLICAS(Group.NETWORK, 1_000, 6_000),
  REPLICAS_DEAF_TO_PRIMARY(Group.NETWORK, 1_000, 6_000),
  PRIMARY_DEAF_TO_ETCD(Group.NETWORK, 2_000, 7_000),
  ETCD_DEAF_TO_PRIMARY(Group.NETWORK, 2_000, 7_000),
  REPLICA_ALONE(Group.NETWORK, 1_000, 7_000),
  REPLICA_FROM_PRIMARY(Group.NETWORK, 1_000, 6_000),
  REPLICA_FROM_NODES(Group.NETWORK, 2_000, 7_000),
  PRIMARY_LOSES_PACKETS(Group.NETWORK, 1_000, 6_000),
  PRIMARY_IS_RESET(Group.NETWORK, 200, 2_000),
  ETCD_LEADER_KILLED(Group.ETCD, 1_000, 5_000),
  ETCD_LEADER_FROZEN(Group.ETCD, 1_000, 5_000),
  ETCD_FROZEN(Group.ETCD, 1_000, 6_000),
  ETCD_KILLED(Group.ETCD, 500, 3_000),
  DISK_FULL_PRIMARY(Group.DISK, 1_000, 6_000),
  DISK_FULL_REPLICA(Group.DISK, 1_000, 6_000),
  /** Each sync takes seconds. */
  SLOW_DISK_PRIMARY(Group.DISK, 2_000, 8_000),
  SLOW_DISK_REPLICA(Group.DISK, 2_000, 8_000),
  /** The wall clock, for minutes or days; at the end it jumps back. */
  CLOCK_FORWARD(Group.CLOCK, 500, 5_000),
  CLOCK_BACKWARD(Group.CLOCK, 500, 5_000),
  HANDOFF(Group.OPERATOR, 100, 200),
  PROMOTION(Group.OPERATOR, 100, 200);

  /** Of each group one at a time, and one of different groups at the same time. */
  enum Group {
    NODES,
    NETWORK,
    ETCD,
    DISK,
    CLOCK,
    OPERATOR
  }

  /** The end of a fault. */
  interface End {
    void run() throws Exception;
  }

  /**
   * @param target in words; null if there was nothing to do it to
   */
  record Begun(String target, End end) {}

  private static final Begun NOTHING = new Begun(null, () -> {});

  private final Group group;
  private final int fewestMillis;
  private final int mostMillis;

  ClusterFault(Group group, int fewestMillis, int mostMillis) {
    this.group = group;
    this.fewestMillis = fewestMillis;
    this.mostMillis = mostMillis;
  }

  Group group() {
    return group;
  }

  /** Only one of them can be made in a round. */
  boolean isWipe() {
    return this == WIPE_REPLICA || this == WIPE_PRIMARY;
  }

  long lastsMillis(Random random) {
    return fewestMillis + random.nextInt(mostMillis - fewestMillis);
  }

  Begun begin(FaultyCluster cluster, Network network, Random random) throws Exception {
    TidemarkProcess primary = cluster.primary();
    if (group == Group.ETCD) {
      return beginAtEtcd(cluster);
    }
    if (this == KILL_ALL) {
      return killAll(cluster, random);
    }
    if (primary == null) {
      return NOTHING;
    }
    List<TidemarkProcess> replicas = cluster.others(primary);
    TidemarkProcess replica = replicas.get(random.nextInt(replicas.size()));
    return switch (group) {
      case NETWORK -> beginInNetwork(cluster, network, primary, replica);
      case DISK -> beginAtDisk(cluster, name().endsWith("PRIMARY") ? primary : replica, random);
      case CLOCK -> beginAtClock(cluster, random.nextBoolean() ? primary : replica, random);
      case OPERATOR -> ask(primary, replica);
      default -> beginAtNode(cluster, primary, replica);
    };
  }

  // ------------------------------------------------------------------------ nodes

  private Begun beginAtNode(FaultyCluster cluster, TidemarkProcess primary, TidemarkProcess replica)
      throws Exception {
    return switch (this) {
      case KILL_PRIMARY -> kill(primary);
      case KILL_REPLICA -> kill(replica);
      case KILL_PRIMARIES -> killTwo(cluster, primary);
      case STOP_PRIMARY -> {
        primary.terminateUnderLoad();
        yield new Begun(primary.name(), primary::start);
      }
      case FREEZE_PRIMARY, FREEZE_PRIMARY_SHORTLY -> freeze(primary);
      case FREEZE_REPLICA -> freeze(replica);
      case WIPE_REPLICA -> wipe(cluster, replica);
      case WIPE_PRIMARY -> wipe(cluster, primary);
      default -> throw new IllegalStateException(name());
    };
  }

  private static Begun kill(TidemarkProcess node) {
    node.kill();
    return new Begun(node.name(), node::start);
  }

  private static Begun killTwo(FaultyCluster cluster, TidemarkProcess first) {
    first.kill();
    return new Begun(
        first.name() + " and the next",
        () -> {
          TidemarkProcess next = cluster.primary();
          if (next != null) {
            next.kill();
            next.launch();
          }
          first.launch();
          if (next != null) {
            next.awaitStarted();
          }
          first.awaitStarted();
        });
  }

  private static Begun freeze(TidemarkProcess node) {
    node.freeze();
    return new Begun(node.name(), node::thaw);
  }

  private static Begun killAll(FaultyCluster cluster, Random random) {
    List<TidemarkProcess> order = new ArrayList<>(cluster.nodes());
    Collections.shuffle(order, random);
    order.forEach(TidemarkProcess::kill);
    Collections.shuffle(order, random);
    return new Begun(
        "all, started again in the order " + order.stream().map(TidemarkProcess::name).toList(),
        () -> {
          order.forEach(TidemarkProcess::launch);
          order.forEach(TidemarkProcess::awaitStarted);
        });
  }

  /**
   * The first in a round, so that all others have their data. In sync mode with two nodes that must
   * be in sync no single disk has anything for itself, whoever it belongs to and whatever else is
   * going on. In async mode only if the two others have a seat; a node that does not answer just
   * now has none.
   */
  private static Begun wipe(FaultyCluster cluster, TidemarkProcess node) throws Exception {
    if (!cluster.wipedAt().isEmpty()) {
      return NOTHING;
    }
    if (!cluster.isSync()) {
      try {
        if (!cluster.areInSync(cluster.others(node))) {
          return NOTHING;
        }
      } catch (AssertionError doesNotAnswer) {
        return NOTHING;
      }
    }
    node.kill();
    cluster.wipe(node);
    cluster.disk(node).empty(); // on one without room there is no beginning anew
    return new Begun(node.name(), node::start);
  }

  /** What comes of it is in the node's log; the answer may be no. */
  private Begun ask(TidemarkProcess primary, TidemarkProcess replica) {
    TidemarkProcess node = this == HANDOFF ? primary : replica;
    String subcommand = this == HANDOFF ? "handoff" : "promote";
    Thread thread =
        new Thread(
            () -> {
              try {
                node.ask(subcommand).within(Duration.ofSeconds(15)).run();
              } catch (AssertionError e) {
                // A node that stands still does not answer; that is no finding.
                System.out.println(subcommand + " of " + node.name() + ": no answer");
              }
            },
            subcommand);
    thread.setDaemon(true);
    thread.start();
    return new Begun(node.name(), thread::join);
  }

  // ---------------------------------------------------------------------- network

  private Begun beginInNetwork(
      FaultyCluster cluster, Network network, TidemarkProcess primary, TidemarkProcess replica) {
    Host of = primary.host();
    List<Host> replicas = cluster.others(primary).stream().map(TidemarkProcess::host).toList();
    List<Host> etcd = cluster.etcdHosts();
    switch (this) {
      case PRIMARY_FROM_ETCD -> etcd.forEach(of::dropAll);
      case PRIMARY_FROM_REPLICAS, PRIMARY_FROM_REPLICAS_THEN_KILLED ->
          replicas.forEach(of::dropAll);
      case PRIMARY_FROM_ETCD_AND_REPLICA -> {
        etcd.forEach(of::dropAll);
        of.dropAll(replica.host());
      }
      case PRIMARY_ALONE -> of.drop();
      case PRIMARY_DEAF -> of.dropIncoming();
      case PRIMARY_MUTE -> of.dropOutgoing();
      case PRIMARY_DEAF_TO_REPLICAS -> replicas.forEach(of::dropFrom);
      case REPLICAS_DEAF_TO_PRIMARY -> replicas.forEach(host -> host.dropFrom(of));
      case PRIMARY_DEAF_TO_ETCD -> etcd.forEach(of::dropFrom);
      case ETCD_DEAF_TO_PRIMARY -> etcd.forEach(host -> host.dropFrom(of));
      case REPLICA_ALONE -> replica.host().drop();
      case REPLICA_FROM_PRIMARY -> replica.host().dropAll(of);
      case REPLICA_FROM_NODES ->
          cluster.others(replica).forEach(node -> replica.host().dropAll(node.host()));
      case PRIMARY_LOSES_PACKETS -> of.lose(0.3);
      case PRIMARY_IS_RESET -> of.resetConnections();
      default -> throw new IllegalStateException(name());
    }
    String target = name().contains("REPLICA") ? replica.name() + ", " : "";
    return new Begun(
        target + "primary " + primary.name(),
        () -> {
          // A fault of nodes may have killed it meanwhile, and starts it again.
          boolean kill = this == PRIMARY_FROM_REPLICAS_THEN_KILLED && primary.isAlive();
          if (kill) {
            primary.kill();
          }
          network.heal();
          if (kill) {
            primary.start();
          }
        });
  }

  // --------------------------------------------------------------- disks and clocks

  private Begun beginAtDisk(FaultyCluster cluster, TidemarkProcess node, Random random)
      throws Exception {
    FaultySystem system = cluster.system(node);
    if (this == DISK_FULL_PRIMARY || this == DISK_FULL_REPLICA) {
      cluster.disk(node).fill();
      return new Begun(node.name(), cluster.disk(node)::empty);
    }
    Duration time = Duration.ofMillis(1_000 + random.nextInt(4_000));
    system.syncsTake(time);
    return new Begun(node.name() + " by " + time, () -> system.syncsTake(Duration.ZERO));
  }

  private Begun beginAtClock(FaultyCluster cluster, TidemarkProcess node, Random random)
      throws Exception {
    FaultySystem system = cluster.system(node);
    Duration by = Duration.ofSeconds(10 + random.nextInt(random.nextBoolean() ? 600 : 1_000_000));
    system.wallClockIsAhead(this == CLOCK_FORWARD ? by : by.negated());
    return new Begun(node.name() + " by " + by, () -> system.wallClockIsAhead(Duration.ZERO));
  }

  // ------------------------------------------------------------------------- etcd

  private Begun beginAtEtcd(FaultyCluster cluster) throws Exception {
    List<EtcdServer> servers =
        this == ETCD_LEADER_KILLED || this == ETCD_LEADER_FROZEN
            ? List.of(cluster.etcdLeader())
            : cluster.etcd();
    boolean kill = this == ETCD_LEADER_KILLED || this == ETCD_KILLED;
    for (EtcdServer server : servers) {
      if (kill) {
        server.kill();
      } else {
        server.signal("STOP");
      }
    }
    return new Begun(
        servers.size() == 1 ? servers.get(0).name() : "all",
        () -> {
          for (EtcdServer server : servers) {
            if (kill) {
              server.run();
            } else {
              server.signal("CONT");
            }
          }
        });
  }
}
