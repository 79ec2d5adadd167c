package io.tidemark.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.lease.etcd.EtcdServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;

/** Nodes that elect their primary by a real etcd, each a process with a mount of its own. */
final class ElectedCluster {
  /** The lease's TTL is three seconds; the rest is for a machine with much to do. */
  static final Duration ELECTION = Duration.ofSeconds(40);

  private final Workbench bench;
  private final EtcdServer etcd;
  private final UnaryOperator<TidemarkProcess> store;
  private final List<TidemarkProcess> nodes = new ArrayList<>();

  /** Nothing but etcd is started yet. */
  ElectedCluster(Workbench bench, int size) throws Exception {
    this.bench = bench;
    etcd = bench.closingLast(EtcdServer.start(bench.scratch("etcd")));
    store = node -> node.elect(etcd.url().toString());
    addNodes(size);
  }

  /**
   * Nothing is started yet.
   *
   * @param store makes a node elect its primary by a store that the caller has started
   */
  ElectedCluster(Workbench bench, int size, UnaryOperator<TidemarkProcess> store) {
    this.bench = bench;
    this.store = store;
    etcd = null;
    addNodes(size);
  }

  private void addNodes(int size) {
    for (int i = 1; i <= size; i++) {
      add("node" + i);
    }
    nodes.get(0).setting("lease.promote", "true");
  }

  /** One more node, without data; not started. */
  TidemarkProcess add(String name) {
    TidemarkProcess node = store.apply(bench.tidemark(name).keepPort());
    nodes.add(node);
    return node;
  }

  /** A setting of every node, for the next starts. */
  ElectedCluster setting(String key, String value) {
    nodes.forEach(node -> node.setting(key, value));
    return this;
  }

  /** Commits wait for the in-sync set. */
  ElectedCluster sync(int minInSync) {
    return setting("replication.commit", "sync")
        .setting("replication.min-in-sync", Integer.toString(minInSync));
  }

  /** Starts all; the first is primary and the others are in its set. */
  ElectedCluster start() {
    nodes.get(0).start();
    awaitPrimary(nodes.get(0));
    List<TidemarkProcess> others = nodes.subList(1, nodes.size());
    others.forEach(TidemarkProcess::launch);
    others.forEach(TidemarkProcess::awaitStarted);
    awaitInSync(nodes.toArray(new TidemarkProcess[0]));
    return this;
  }

  EtcdServer etcd() {
    return etcd;
  }

  TidemarkProcess node(int number) {
    return nodes.get(number - 1);
  }

  List<TidemarkProcess> nodes() {
    return nodes;
  }

  // ---------------------------------------------------------------- who is primary

  static boolean isPrimary(TidemarkProcess node) {
    return Boolean.TRUE.equals(node.status().get("isPrimary"));
  }

  /** What a node says of its place in the cluster. */
  static Map<?, ?> cluster(TidemarkProcess node) {
    return (Map<?, ?>) node.status().get("cluster");
  }

  static String reason(TidemarkProcess node) {
    return String.valueOf(cluster(node).get("reason"));
  }

  static String id(TidemarkProcess node) {
    return String.valueOf(node.status().get("nodeID"));
  }

  static long epoch(TidemarkProcess node) {
    return ((Number) node.status().get("epoch")).longValue();
  }

  void awaitPrimary(TidemarkProcess node) {
    awaitOrExplain("that " + node + " is primary", () -> isPrimary(node));
  }

  /** The one of these nodes that becomes primary. */
  TidemarkProcess awaitPrimaryOf(TidemarkProcess... candidates) {
    List<TidemarkProcess> found = new ArrayList<>();
    awaitOrExplain(
        "a primary",
        () -> {
          for (TidemarkProcess candidate : candidates) {
            if (isPrimary(candidate)) {
              found.add(candidate);
              return true;
            }
          }
          return false;
        });
    return found.get(0);
  }

  /** Exactly these are in the in-sync set. */
  void awaitInSync(TidemarkProcess... members) {
    List<String> ids = new ArrayList<>();
    for (TidemarkProcess member : members) {
      ids.add(id(member));
    }
    awaitOrExplain(
        "these in the set: " + List.of(members),
        () -> {
          Object record = cluster(awaitPrimaryOf(members)).get("record");
          List<?> inSync = (List<?>) ((Map<?, ?>) record).get("inSync");
          return inSync.size() == ids.size() && inSync.containsAll(ids);
        });
  }

  private interface Condition {
    boolean holds();
  }

  private void awaitOrExplain(String what, Condition condition) {
    if (!Await.within(ELECTION, condition::holds)) {
      StringBuilder text = new StringBuilder("Waited in vain for " + what);
      for (TidemarkProcess node : nodes) {
        text.append('\n').append(node).append('\n').append(node.output());
      }
      throw new AssertionError(text);
    }
  }

  // --------------------------------------------------------------------- contents

  /** A table t with no rows, which every node has at the end. */
  void createTable(TidemarkProcess primary, String db, String journalMode) {
    Command.sqlite(
            primary.file(db), "PRAGMA journal_mode=" + journalMode + ";", "CREATE TABLE t(v);")
        .ok();
    awaitEqual(db);
  }

  /** All nodes that run have the same position. */
  void awaitEqual(String db) {
    awaitOrExplain(
        "the same position of " + db,
        () ->
            nodes.stream()
                    .filter(TidemarkProcess::isAlive)
                    .map(node -> node.position(db))
                    .distinct()
                    .count()
                == 1);
  }

  /** The same, and the same bytes. */
  void checkEqual(String db) throws IOException {
    awaitEqual(db);
    Path first = null;
    for (TidemarkProcess node : nodes) {
      if (node.isAlive()) {
        Path image = bench.scratch(node.name() + ".image");
        node.export(db, image);
        assertThat(Command.sqlite(image, "PRAGMA integrity_check;").ok()).isEqualTo("ok");
        if (first == null) {
          first = image;
        }
        assertThat(Files.mismatch(first, image)).as("first difference of %s", node).isEqualTo(-1);
      }
    }
  }

  static String values(TidemarkProcess node, String db) {
    return Command.sqlite(node.file(db), "SELECT group_concat(v) FROM t;").ok();
  }

  /** A program that has opened a database of a node, and does what it is told. */
  Conversation client(TidemarkProcess node, String db, double busySeconds) {
    return bench.closing(Conversation.python("sql_client.py", node.file(db), busySeconds));
  }
}
