package io.tidemark.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.extension.RegisterExtension;

/**
 * A primary and three replicas on hosts of their own, whose links, processes and disks fail in
 * every way that does not kill them. The primary never waits for a replica, each replica says what
 * it waits for, and when the fault is gone all are equal again without a restart.
 *
 * <p>The cluster is shared; each test has databases of its own.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ReplicationFaultTest {
  /** Longer than a silent connection is kept. */
  private static final Duration FAULT =
      Duration.ofSeconds(Integer.getInteger("tidemark.it.fault-seconds", 13));

  /** Far more than a COMMIT takes on a machine that is busy, and less than any fault. */
  private static final int LONGEST_COMMIT_MILLIS = 5_000;

  /** A database that has stopped is tried again after thirty seconds. */
  private static final Duration RETRY = Duration.ofSeconds(60);

  private static final Duration LIMIT = Duration.ofSeconds(60);
  private static final int DISK_MEGABYTES = 512;
  private static final long MOST_RESIDENT_BYTES = 700L << 20;

  @RegisterExtension final Workbench bench = new Workbench();
  private Cluster cluster;
  private Network network;
  private LoopDisk disk;
  private TidemarkProcess primary;
  private TidemarkProcess first;
  private TidemarkProcess second;
  private TidemarkProcess third;

  /** By the database that each writes. */
  private final Map<String, Conversation> writers = new LinkedHashMap<>();

  @BeforeEach
  void needsACluster() throws IOException {
    Requirements.realMount();
    Requirements.programs("sqlite3", Settings.python());
    Requirements.networkNamespaces();
    Requirements.loopDevices();
    writers.clear();
    if (cluster != null) {
      return;
    }
    network = bench.closingLast(Network.create());
    disk =
        bench.closingLast(
            LoopDisk.create(bench.scratch("disk.img"), bench.scratch("disk"), DISK_MEGABYTES));
    disk.mount();
    Cluster starting = new Cluster(bench, 2, network);
    third =
        bench.tidemark("replica3", disk.mountPoint().resolve("data")).on(network.host("replica3"));
    starting.addReplica(third);
    starting
        .optimised()
        .environment("JAVA_TOOL_OPTIONS", "-Xmx128m") // as the program's script does
        .longestLife(FAULT.multipliedBy(10).plusMinutes(10))
        .start();
    cluster = starting;
    primary = cluster.primary();
    first = cluster.replicas().get(0);
    second = cluster.replicas().get(1);
  }

  /** A test that failed takes no other with it. */
  @AfterEach
  void noFaultStays() throws IOException {
    if (cluster != null) {
      network.heal();
      disk.empty();
      primary.thaw();
      cluster.replicas().forEach(TidemarkProcess::thaw);
    }
  }

  /** Programs that write on the primary from now on, in two journal modes. */
  private String[] beginToWrite(String name) {
    for (String mode : List.of("WAL", "DELETE")) {
      String db = name + "-" + mode.toLowerCase(java.util.Locale.ROOT) + ".db";
      writers.put(
          db,
          bench.closing(Conversation.python("steady_writer.py", primary.file(db), mode, 3000, 10)));
    }
    String[] names = writers.keySet().toArray(String[]::new);
    Await.until(
        LIMIT,
        "first rows on all replicas",
        () -> {
          for (TidemarkProcess replica : cluster.replicas()) {
            for (String name1 : names) {
              if (replica.position(name1).equals(Position.NONE)) {
                return false;
              }
            }
          }
          return true;
        });
    return names;
  }

  /** How long the longest COMMIT took since this was asked the last time, in milliseconds. */
  private int longestCommit() {
    int longest = 0;
    for (Conversation writer : writers.values()) {
      longest = Math.max(longest, Integer.parseInt(writer.ask("?", LIMIT).split(" ")[1]));
    }
    return longest;
  }

  /** The writers end; all nodes have what they wrote. */
  private void endAndCompare(String... names) throws IOException {
    Map<String, String> rows = new LinkedHashMap<>();
    writers.forEach((db, writer) -> rows.put(db, writer.end().split(" ")[0]));
    cluster.checkEqual(names);
    rows.forEach(
        (db, count) ->
            assertThat(Command.sqlite(third.file(db), "SELECT count(*) FROM t;").ok())
                .as("rows of %s that were committed", db)
                .isEqualTo(count));
  }

  private void awaitConnected(TidemarkProcess... replicas) {
    for (TidemarkProcess replica : replicas) {
      Await.until(
          LIMIT,
          replica + " is connected",
          () -> connection(replica).get("connected").equals(true));
    }
  }

  private static Map<?, ?> connection(TidemarkProcess replica) {
    return (Map<?, ?>) replica.status().get("primary");
  }

  private static void assertSaysThatItIsCutOff(TidemarkProcess replica) {
    Map<?, ?> status = replica.status();
    Map<?, ?> connection = (Map<?, ?>) status.get("primary");
    assertThat(connection.get("connected")).as("%s", status).isEqualTo(false);
    assertThat(connection.get("problem")).as("%s", status).asString().isNotBlank();
    assertThat(((Number) status.get("lagMillis")).longValue())
        .as("%s", status)
        .isGreaterThan(FAULT.toMillis() / 2);
    assertThat(replica.output()).contains("not connected to the primary");
  }

  private static void sleepUntil(long nanoTime) throws InterruptedException {
    Thread.sleep(Math.max(0, (nanoTime - System.nanoTime()) / 1_000_000));
  }

  @Test
  void commitsGoOnWhileTheLinksOfReplicasFailAndAllAreEqualWhenTheyAreHealed() throws Exception {
    String[] names = beginToWrite("links");
    long before = snapshots();
    int calm = longestCommit();
    long end = System.nanoTime() + FAULT.toNanos();
    first.host().drop();
    second.host().dropOutgoing();
    while (System.nanoTime() < end) {
      third.host().resetConnections();
      Thread.sleep(100);
      third.host().heal();
      Thread.sleep(400);
    }
    assertSaysThatItIsCutOff(first);
    assertSaysThatItIsCutOff(second);
    assertThat(first.output()).contains("nothing was heard");
    assertThat(third.output()).contains("not connected to the primary");
    String seen = primary.get("/status");
    assertThat(seen).doesNotContain(first.host().address() + ":", second.host().address() + ":");
    int longest = longestCommit();
    long healed = System.nanoTime();
    first.host().heal();
    second.host().heal();
    awaitConnected(first, second, third);
    System.out.printf(
        "links: longest commit %d ms, before %d ms; connected %d ms after healing%n",
        longest, calm, (System.nanoTime() - healed) / 1_000_000);
    assertThat(longest).isLessThan(LONGEST_COMMIT_MILLIS);
    endAndCompare(names);
    assertThat(snapshots()).as("records did").isEqualTo(before);
  }

  @Test
  void replicasThatStandStillLosePacketsOrRestartGoOnWhereTheyWere() throws Exception {
    String[] names = beginToWrite("still");
    long sent = primary.metric("tidemark_db_snapshot_sent_count");
    String bulk = "still-bulk.db";
    writers.put(
        bulk,
        bench.closing(
            Conversation.python("steady_writer.py", primary.file(bulk), "WAL", 60_000, 25)));
    longestCommit();
    long end = System.nanoTime() + FAULT.toNanos();
    first.freeze();
    second.host().lose(0.2);
    third.killAndRestart();
    awaitConnected(third);
    assertThat(third.metric("tidemark_db_snapshot_received_count")).isZero();
    sleepUntil(end);
    assertThat(primary.get("/status")).doesNotContain(first.host().address() + ":");
    long resident = primary.residentBytes();
    int longest = longestCommit();
    first.thaw();
    second.host().heal();
    awaitConnected(first, second, third);
    System.out.printf(
        "standing still: longest commit %d ms, primary has %d MB%n", longest, resident >> 20);
    assertThat(longest).isLessThan(LONGEST_COMMIT_MILLIS);
    assertThat(resident).isLessThan(MOST_RESIDENT_BYTES);
    List<String> all = new ArrayList<>(List.of(names));
    all.add(bulk);
    endAndCompare(all.toArray(String[]::new));
    assertThat(primary.metric("tidemark_db_snapshot_sent_count")).isEqualTo(sent);
  }

  @Test
  void aPrimaryThatStandsStillLosesNothingAndReplicasServeWhatTheyHave() throws Exception {
    String[] names = beginToWrite("primary");
    long before = snapshots();
    primary.freeze();
    try {
      Thread.sleep(FAULT.toMillis());
      for (TidemarkProcess replica : cluster.replicas()) {
        assertSaysThatItIsCutOff(replica);
        assertThat(Command.sqlite(replica.file(names[0]), "SELECT count(*) FROM t;").ok())
            .isNotEqualTo("0");
      }
    } finally {
      primary.thaw();
    }
    awaitConnected(first, second, third);
    longestCommit();
    assertThat(primary.residentBytes()).isLessThan(MOST_RESIDENT_BYTES);
    endAndCompare(names);
    assertThat(snapshots()).as("records did").isEqualTo(before);
  }

  @Test
  void aReplicaWithAFullDiskSaysSoAndGoesOnByItselfWhenThereIsSpace() throws Exception {
    String[] names = beginToWrite("full");
    longestCommit();
    Conversation reader = cluster.client(third, names[0], 5);
    assertThat(reader.ask("SELECT count(*) > 0 FROM t", LIMIT)).isEqualTo("1");
    disk.fill();
    Await.until(
        LIMIT,
        "what " + third + " says of its disk",
        () -> third.ask("status").ok().matches("(?s).*full-.*does not follow.*No space left.*"));
    int longest = longestCommit();
    assertThat(longest).isLessThan(LONGEST_COMMIT_MILLIS);
    Map<String, String> rows = new LinkedHashMap<>();
    writers.forEach((db, writer) -> rows.put(db, writer.end()));
    writers.clear();
    cluster.awaitEqual(first, LIMIT, names);
    cluster.awaitEqual(second, LIMIT, names);
    assertThat(third.position(names[0])).isNotEqualTo(primary.position(names[0]));
    assertThat(reader.ask("PRAGMA integrity_check", LIMIT)).isEqualTo("ok");
    disk.empty();
    long freed = System.nanoTime();
    cluster.awaitEqual(third, RETRY, names);
    System.out.printf(
        "full disk: longest commit %d ms; equal %d ms after there was space%n",
        longest, (System.nanoTime() - freed) / 1_000_000);
    cluster.checkEqual(names);
    assertThat(third.status().toString()).doesNotContain("No space left");
  }

  /** Received so far by replicas that run. */
  private long snapshots() {
    return cluster.replicas().stream()
        .mapToLong(replica -> replica.metric("tidemark_db_snapshot_received_count"))
        .sum();
  }
}
