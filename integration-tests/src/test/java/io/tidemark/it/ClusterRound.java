package io.tidemark.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.it.ClusterFault.Group;
import io.tidemark.it.ClusterHistory.Operation;
import io.tidemark.it.ClusterHistory.Outcome;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/**
 * Some seconds of faults, chosen by a seed, under clients on all nodes; then everything is healed,
 * and what the clients saw is compared with what is left. Each round has databases of its own.
 */
final class ClusterRound {
  private static final int CLIENTS_PER_NODE = 2;

  /** A fault that is to come: when, from the beginning of the round. */
  private record Planned(long atMillis, long lastsMillis, ClusterFault fault, long seed) {}

  private record Running(long endsAt, Planned planned, ClusterFault.Begun begun) {}

  private final Workbench bench;
  private final FaultyCluster cluster;
  private final long seed;
  private final Duration length;
  private final String prefix;
  private final Map<String, String> databases = new LinkedHashMap<>();
  private final List<Conversation> clients = new ArrayList<>();
  private final List<Path> raw = new ArrayList<>();
  private final List<String> story = new ArrayList<>();
  private long begun;

  ClusterRound(Workbench bench, FaultyCluster cluster, int number, long seed, Duration length) {
    this.bench = bench;
    this.cluster = cluster;
    this.seed = seed;
    this.length = length;
    prefix = "round" + number;
    databases.put(prefix + "-wal.db", "WAL");
    databases.put(prefix + "-delete.db", "DELETE");
  }

  /** What is planned, by the seed alone. */
  private List<Planned> plan() {
    Random random = new Random(seed);
    List<Planned> plan = new ArrayList<>();
    Map<Group, Long> busyUntil = new EnumMap<>(Group.class);
    long at = 500 + random.nextInt(1_000);
    while (at < length.toMillis() - 500) {
      ClusterFault fault = ClusterFault.values()[random.nextInt(ClusterFault.values().length)];
      long lasts = fault.lastsMillis(random);
      if (busyUntil.getOrDefault(fault.group(), 0L) <= at) {
        plan.add(new Planned(at, lasts, fault, random.nextLong()));
        busyUntil.put(fault.group(), at + lasts + 300);
        at += random.nextInt(3_500);
      } else {
        at += 200;
      }
    }
    return plan;
  }

  /** Runs it; fails with the seed and all that happened if something is wrong. */
  void run() throws Exception {
    try {
      List<String> problems = new ArrayList<>();
      cluster.wipedAt().clear();
      createDatabases();
      startClients();
      begun = System.nanoTime();
      hurt();
      heal();
      List<Operation> operations = ClusterHistory.collect(raw);
      ClusterHistory.write(bench.scratch(prefix + "-history.jsonl"), operations);
      for (String db : databases.keySet()) {
        ClusterEvidence evidence = new ClusterEvidence(cluster, db);
        problems.addAll(
            evidence.check(
                cluster.awaitEqual(db),
                operations.stream().filter(operation -> operation.db().equals(db)).toList()));
      }
      assertThat(String.join("\n", problems)).as("contradictions").isEmpty();
      System.out.println(prefix + ", seed " + seed + ": " + summary(operations));
    } catch (Exception | AssertionError e) {
      throw new AssertionError(
          "Round with seed "
              + seed
              + " (repeat with -Dtidemark.it.seed="
              + seed
              + "). What happened:\n"
              + String.join("\n", story)
              + "\n"
              + e.getMessage(),
          e);
    } finally {
      Files.write(bench.scratch(prefix + "-faults.txt"), story);
    }
  }

  private void note(String text) {
    story.add(
        "%d (%+.3f s) %s".formatted(System.nanoTime(), (System.nanoTime() - begun) / 1e9, text));
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
      for (int i = 1; i <= CLIENTS_PER_NODE; i++) {
        String client = node.name() + "-c" + i;
        Path file = bench.scratch(prefix + "-" + client + ".jsonl");
        raw.add(file);
        List<Object> arguments =
            new ArrayList<>(List.of(client, node.name(), file, seed + i, i == 1 ? 1 : 5));
        databases.keySet().forEach(db -> arguments.add(node.file(db)));
        clients.add(bench.closing(Conversation.python("cluster_client.py", arguments.toArray())));
      }
    }
  }

  // ---------------------------------------------------------------------- faults

  private void hurt() throws Exception {
    List<Running> running = new ArrayList<>();
    for (Planned planned : plan()) {
      endWhatIsDue(running, begun + planned.atMillis() * 1_000_000);
      sleepUntil(begun + planned.atMillis() * 1_000_000);
      // A fault that took long to begin or to end has moved all later ones; groups stay separate.
      for (Running other : List.copyOf(running)) {
        if (other.planned().fault().group() == planned.fault().group()) {
          end(running, other);
        }
      }
      ClusterFault.Begun begins =
          planned.fault().begin(cluster, cluster.network(), new Random(planned.seed()));
      if (begins.target() == null) {
        note(planned.fault() + ": not possible now");
        continue;
      }
      note(planned.fault() + " begins: " + begins.target());
      running.add(
          new Running(System.nanoTime() + planned.lastsMillis() * 1_000_000, planned, begins));
    }
    endWhatIsDue(running, Long.MAX_VALUE);
  }

  private void endWhatIsDue(List<Running> running, long until) throws Exception {
    while (!running.isEmpty()) {
      Running first = running.stream().min(Comparator.comparingLong(Running::endsAt)).orElseThrow();
      if (first.endsAt() > until) {
        return;
      }
      sleepUntil(first.endsAt());
      end(running, first);
    }
  }

  private void end(List<Running> running, Running one) throws Exception {
    running.remove(one);
    note(one.planned().fault() + " is to end: " + one.begun().target());
    one.begun().end().run();
    note(one.planned().fault() + " has ended");
  }

  private static void sleepUntil(long nanoTime) throws InterruptedException {
    Thread.sleep(Math.max(0, (nanoTime - System.nanoTime()) / 1_000_000));
  }

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
    return ClusterHistory.collect(raw).stream()
        .anyMatch(
            operation ->
                operation.isWrite()
                    && operation.db().equals(db)
                    && operation.start() > since
                    && operation.outcome() == Outcome.OK);
  }

  private static String summary(List<Operation> operations) {
    Map<String, Integer> counts = new java.util.TreeMap<>();
    for (Operation operation : operations) {
      counts.merge(operation.kind() + " " + operation.outcome(), 1, Integer::sum);
    }
    return counts.toString();
  }
}
