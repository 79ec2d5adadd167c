package io.tidemark.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.it.ClusterHistory.Operation;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Something that is done to a cluster under clients on all nodes; then everything is healed, and
 * what the clients saw is compared with what is left. Each round has databases of its own.
 */
final class ClusterRound {
  private final Workbench bench;
  private final FaultyCluster cluster;
  private final ClusterScript script;
  private final String name;
  private final long seed;
  private final Map<String, String> databases = new LinkedHashMap<>();
  private final List<Conversation> clients = new ArrayList<>();
  private final List<Path> raw = new ArrayList<>();
  private final List<String> story = new ArrayList<>();
  private final List<String> problems = new ArrayList<>();
  private long begun = System.nanoTime();

  /**
   * @param name of the round, which is a part of the names of its databases and files
   * @param seed of what its clients do
   */
  ClusterRound(
      Workbench bench, FaultyCluster cluster, ClusterScript script, String name, long seed) {
    this.bench = bench;
    this.cluster = cluster;
    this.script = script;
    this.name = name;
    this.seed = seed;
    databases.put(name + "-wal.db", "WAL");
    databases.put(name + "-delete.db", "DELETE");
  }

  /** Runs it; fails with the seed and all that happened if something is wrong. */
  void run() throws Exception {
    List<String> found;
    try {
      found = findings();
    } catch (Exception | AssertionError e) {
      throw new AssertionError(told(String.valueOf(e.getMessage())), e);
    }
    assertThat(found).as(told("contradictions")).isEmpty();
  }

  private String told(String what) {
    return "%s with seed %d (repeat with -Dtidemark.it.seed=%d). What happened:\n%s\n%s"
        .formatted(name, seed, seed, String.join("\n", story), what);
  }

  /**
   * Runs it.
   *
   * @return what contradicts the promises
   */
  List<String> findings() throws Exception {
    try {
      cluster.wipedAt().clear();
      createDatabases();
      startClients();
      begun = System.nanoTime();
      script.run(this);
      heal();
      List<Operation> operations = operations();
      ClusterHistory.write(bench.scratch(name + "-history.jsonl"), operations);
      for (String db : databases.keySet()) {
        problems.addAll(
            new ClusterEvidence(cluster, db).check(cluster.awaitEqual(db), of(db, operations)));
      }
      System.out.println(name + ", seed " + seed + ": " + summary(operations));
      return problems;
    } finally {
      Files.write(bench.scratch(name + "-faults.txt"), story);
    }
  }

  // ----------------------------------------------------------------- for the script

  FaultyCluster cluster() {
    return cluster;
  }

  void note(String text) {
    story.add(
        "%d (%+.3f s) %s".formatted(System.nanoTime(), (System.nanoTime() - begun) / 1e9, text));
  }

  /**
   * Whether a client of a node has been told of a commit that it began after a moment.
   *
   * @param since {@link System#nanoTime}
   */
  boolean isWritten(TidemarkProcess node, long since) throws IOException {
    return operations().stream()
        .anyMatch(o -> o.isAcknowledgedSince(since) && o.node().equals(node.name()));
  }

  /** All nodes are dead: what was acknowledged is on as many disks as was promised. */
  void countDisks() throws IOException {
    List<Operation> operations = operations();
    for (String db : databases.keySet()) {
      problems.addAll(new ClusterEvidence(cluster, db).countDisks(of(db, operations)));
    }
  }

  private List<Operation> operations() throws IOException {
    return ClusterHistory.collect(raw);
  }

  private static List<Operation> of(String db, List<Operation> operations) {
    return operations.stream().filter(operation -> operation.db().equals(db)).toList();
  }

  // --------------------------------------------------------------------- clients

  private void createDatabases() {
    TidemarkProcess primary = cluster.awaitPrimary();
    databases.forEach(
        (db, mode) ->
            Command.sqlite(
                    primary.file(db),
                    ".timeout 30000",
                    "PRAGMA journal_mode=" + mode + ";",
                    "CREATE TABLE t(seq INTEGER PRIMARY KEY AUTOINCREMENT, v TEXT NOT NULL);",
                    "CREATE TABLE last(v TEXT NOT NULL);",
                    "INSERT INTO last VALUES('LAST:');",
                    // A second table, so that half a transaction can be told from a whole one.
                    "CREATE TRIGGER noted AFTER INSERT ON t"
                        + " BEGIN UPDATE last SET v = 'LAST:' || new.v; END;")
                .ok());
    Await.until(
        FaultyCluster.LIMIT,
        "the databases on all nodes",
        () ->
            databases.keySet().stream()
                .allMatch(
                    db ->
                        cluster.nodes().stream().map(node -> node.position(db)).distinct().count()
                            == 1));
  }

  private void startClients() {
    for (TidemarkProcess node : cluster.nodes()) {
      for (int i = 1; i <= script.clients(); i++) {
        startClient(node, node.name() + "-c" + i, i == 1 ? 1 : 5, script.shareOfWrites(i));
      }
    }
  }

  private void startClient(TidemarkProcess node, String client, int busySeconds, double writes) {
    Path file = bench.scratch(name + "-" + client + ".jsonl");
    raw.add(file);
    List<Object> arguments =
        new ArrayList<>(List.of(client, node.name(), file, seed + raw.size(), busySeconds, writes));
    databases.keySet().forEach(db -> arguments.add(node.file(db)));
    clients.add(bench.closing(Conversation.python("cluster_client.py", arguments.toArray())));
  }

  // ----------------------------------------------------------------------- after

  /** All faults end; then a write of a client on each database succeeds, or the test fails. */
  private void heal() throws Exception {
    cluster.heal();
    note("healed; primary " + cluster.primary().name());
    long healed = System.nanoTime();
    for (String db : databases.keySet()) {
      while (!isWritten(db, healed)) {
        assertThat(System.nanoTime() - healed)
            .as("nanoseconds without a write of a client of %s after all was healed", db)
            .isLessThan(FaultyCluster.LIMIT.toNanos());
        Thread.sleep(500);
      }
    }
    clients.forEach(Conversation::end);
    note("clients have ended");
    cluster.awaitWhole();
  }

  private boolean isWritten(String db, long since) throws IOException {
    return of(db, operations()).stream()
        .anyMatch(operation -> operation.isAcknowledgedSince(since));
  }

  private static String summary(List<Operation> operations) {
    Map<String, Integer> counts = new TreeMap<>();
    for (Operation operation : operations) {
      counts.merge(operation.kind() + " " + operation.outcome(), 1, Integer::sum);
    }
    return counts.toString();
  }
}
