package io.tidemark.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** A primary and the replicas that follow it, each a process with a mount of its own. */
final class Cluster {
  private static final Duration CATCH_UP = Duration.ofSeconds(30);

  private final Workbench bench;
  private final TidemarkProcess primary;
  private final List<TidemarkProcess> replicas = new ArrayList<>();

  /** Nothing is started yet. */
  Cluster(Workbench bench, int replicaCount) {
    this.bench = bench;
    primary = bench.tidemark("primary").keepPort().lead();
    for (int i = 1; i <= replicaCount; i++) {
      replicas.add(bench.tidemark("replica" + i).keepPort().follow(primary));
    }
  }

  /** The same, each on a host of its own. */
  Cluster(Workbench bench, int replicaCount, Network network) {
    this(bench, replicaCount);
    primary.on(network.host("primary"));
    for (int i = 1; i <= replicaCount; i++) {
      replicas.get(i - 1).on(network.host("replica" + i)).follow(primary);
    }
  }

  /** A setting of every node. */
  Cluster setting(String key, String value) {
    primary.setting(key, value);
    replicas.forEach(replica -> replica.setting(key, value));
    return this;
  }

  /** A variable of every node, for the next starts. */
  Cluster environment(String variable, String value) {
    primary.environment(variable, value);
    replicas.forEach(replica -> replica.environment(variable, value));
    return this;
  }

  /** Every node is compiled as for users, for tests with a load that lasts. */
  Cluster optimised() {
    primary.optimised();
    replicas.forEach(TidemarkProcess::optimised);
    return this;
  }

  Cluster longestLife(Duration life) {
    primary.longestLife(life);
    replicas.forEach(replica -> replica.longestLife(life));
    return this;
  }

  Cluster start() {
    primary.start();
    startReplicas();
    return this;
  }

  /** All at once. */
  void startReplicas() {
    replicas.forEach(TidemarkProcess::launch);
    replicas.forEach(TidemarkProcess::awaitStarted);
  }

  /** The same, with a database that every node has. */
  Cluster startWith(String db, String journalMode) {
    start();
    createTable(db, journalMode);
    return this;
  }

  /** A table t with one row of some pages; every replica shows it at the end. */
  void createTable(String db, String journalMode) {
    Command.sqlite(
            primary.file(db),
            "PRAGMA journal_mode=" + journalMode + ";",
            "CREATE TABLE t(id INTEGER PRIMARY KEY, v BLOB);",
            "INSERT INTO t VALUES(1, zeroblob(20000));")
        .ok();
    awaitEqual(db);
  }

  /** A program that has opened a database of a node, and does what it is told. */
  Conversation client(TidemarkProcess node, String db, double busySeconds) {
    return bench.closing(Conversation.python("sql_client.py", node.file(db), busySeconds));
  }

  TidemarkProcess primary() {
    return primary;
  }

  TidemarkProcess replica() {
    return replicas.get(0);
  }

  List<TidemarkProcess> replicas() {
    return replicas;
  }

  /** One more replica, over a data directory of its own; not started. */
  TidemarkProcess addReplica(TidemarkProcess replica) {
    replicas.add(replica.follow(primary));
    return replica;
  }

  /** Names of the databases of a node, sorted, by its own list. */
  static String databases(TidemarkProcess node) {
    return Command.of("find", node.mount(), "-type", "f", "-name", "*.db", "-printf", "%P\\n")
        .run()
        .text()
        .lines()
        .sorted()
        .toList()
        .toString();
  }

  /** Waits until every replica shows what the primary shows. Nobody may write meanwhile. */
  void awaitEqual(String... names) {
    awaitEqual(CATCH_UP, names);
  }

  void awaitEqual(Duration limit, String... names) {
    replicas.forEach(replica -> awaitEqual(replica, limit, names));
  }

  /** The same of one replica. */
  void awaitEqual(TidemarkProcess replica, Duration limit, String... names) {
    for (String name : names) {
      Position wanted = primary.position(name);
      if (!Await.within(limit, () -> replica.position(name).equals(wanted))) {
        Command.Result status = replica.ask("status").run();
        throw new AssertionError(
            String.join(
                "\n",
                name + " of " + replica + " is not at " + wanted,
                status.toString(),
                replica.output()));
      }
    }
  }

  /** The same, and all of it is the same to the byte, and sound. */
  void checkEqual(String... names) throws IOException {
    awaitEqual(names);
    for (TidemarkProcess replica : replicas) {
      Await.until(
          CATCH_UP,
          "the databases of the primary on " + replica,
          () -> databases(replica).equals(databases(primary)));
    }
    for (String name : names) {
      Path expected = bench.scratch("primary.image");
      primary.export(name, expected);
      assertThat(Command.sqlite(expected, "PRAGMA integrity_check;").ok()).isEqualTo("ok");
      for (TidemarkProcess replica : replicas) {
        Path image = bench.scratch("replica.image");
        replica.export(name, image);
        assertThat(Files.mismatch(expected, image))
            .as("first byte of %s that differs on %s", name, replica)
            .isEqualTo(-1);
        Files.delete(image);
      }
      Files.delete(expected);
    }
  }
}
