package io.tidemark.it;

import static java.time.Duration.ofMillis;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Programs on a replica: what they see while the primary writes, whom they hold up, and what is
 * refused to them.
 */
class ReplicaReadersTest {
  private static final Duration LIMIT = Duration.ofSeconds(30);
  private static final String DB = "r.db";

  @RegisterExtension final Workbench bench = new Workbench();
  private Cluster cluster;

  @BeforeEach
  void needsAMount() {
    Requirements.realMount();
    Requirements.programs("sqlite3", Settings.python());
  }

  private void start(int replicas, String mode) {
    cluster =
        new Cluster(bench, replicas)
            .setting("replication.reader-timeout", "2s")
            .startWith(DB, mode);
  }

  private Conversation client(TidemarkProcess node, double busySeconds) {
    return cluster.client(node, DB, busySeconds);
  }

  private static String sql(Conversation client, String sql) {
    return client.ask(sql, LIMIT);
  }

  private static String last(Conversation client) {
    return sql(client, "SELECT max(id) FROM t");
  }

  private void insert(Conversation writer, int count) {
    for (int i = 0; i < count; i++) {
      assertThat(sql(writer, "INSERT INTO t(v) VALUES(randomblob(3000))")).isEmpty();
    }
  }

  @Test
  void walReaderKeepsItsSnapshotAndHoldsUpNobody() throws Exception {
    start(1, "WAL");
    Conversation writer = client(cluster.primary(), 5);
    Conversation reader = client(cluster.replica(), 5);
    Conversation other = client(cluster.replica(), 5);
    sql(reader, "BEGIN");
    assertThat(last(reader)).isEqualTo("1");
    long end = System.nanoTime() + Duration.ofSeconds(seconds(5)).toNanos();
    int newest = 1;
    do {
      insert(writer, 100);
      newest += 100;
      String expected = Integer.toString(newest);
      Await.until(Duration.ofSeconds(5), "the other reader", () -> last(other).equals(expected));
      assertThat(last(reader)).isEqualTo("1");
      assertThat(sql(reader, "SELECT count(*) FROM t")).isEqualTo("1");
      Thread.sleep(200);
    } while (System.nanoTime() < end);
    assertThat(sql(reader, "COMMIT")).isEmpty();
    assertThat(last(reader)).isEqualTo(Integer.toString(newest));
    reader.end();
    other.end();
    cluster.checkEqual(DB);
  }

  @Test
  void unfinishedReaderOfRollbackModeHoldsUpTheOthersForTheReaderTimeoutOnly() throws Exception {
    start(1, "DELETE");
    Conversation writer = client(cluster.primary(), 5);
    Conversation reader = client(cluster.replica(), 5);
    sql(reader, "BEGIN");
    assertThat(last(reader)).isEqualTo("1");
    long begun = System.nanoTime();
    insert(writer, 1);
    Conversation other = client(cluster.replica(), 5);
    assertThat(last(other)).isEqualTo("1");
    cluster.awaitEqual(Duration.ofSeconds(10), DB);
    assertThat(Duration.ofNanos(System.nanoTime() - begun))
        .isBetween(Duration.ofMillis(1500), Duration.ofSeconds(8));
    assertThat(sql(reader, "SELECT total(length(hex(v))) FROM t"))
        .isEqualTo("error: disk I/O error");
    assertThat(last(client(cluster.replica(), 5))).isEqualTo("2");
    reader.kill();
    insert(writer, 1);
    cluster.checkEqual(DB);
  }

  @ParameterizedTest
  @ValueSource(strings = {"WAL", "DELETE"})
  void whatIsWrittenOnAReplicaIsRefusedAndGetsNowhere(String mode) throws Exception {
    start(2, mode);
    TidemarkProcess replica = cluster.replica();
    Position before = cluster.primary().position(DB);
    Conversation client = client(replica, 1);
    // The first thing that any program does with the database on this node.
    long begun = System.nanoTime();
    String answer = sql(client, "INSERT INTO t(v) VALUES('local')");
    Duration took = Duration.ofNanos(System.nanoTime() - begun);
    if (mode.equals("WAL")) {
      assertThat(answer).isEqualTo("error: database is locked");
      assertThat(took).as("the busy timeout says how long it waits").isGreaterThan(ofMillis(900));
    } else {
      assertThat(answer).isEqualTo("error: attempt to write a readonly database");
    }
    assertThat(last(client)).isEqualTo("1");
    client.end();
    Path file = bench.scratch("other.db");
    Command.sqlite(file, "CREATE TABLE other(x);").ok();
    assertThat(Command.of("cp", file, replica.file(DB)).run().exit()).isNotZero();
    assertThat(Command.of("cp", file, replica.file("new.db")).run().exit()).isNotZero();
    assertThat(Command.of("rm", replica.file(DB)).run().exit()).isNotZero();
    for (Command.Result result :
        List.of(
            TidemarkProcess.tidemark("import", "--name", DB, "--url", replica.url(), file).run(),
            TidemarkProcess.tidemark("import", "--name", "n.db", "--url", replica.url(), file)
                .run(),
            TidemarkProcess.tidemark("drop", "--name", DB, "--url", replica.url()).run())) {
      assertThat(result.exit()).as("%s", result).isNotZero();
      assertThat(result.err()).as("%s", result).contains("primary");
    }
    assertThat(cluster.primary().position(DB)).isEqualTo(before);
    assertThat(Cluster.databases(cluster.primary())).isEqualTo("[" + DB + "]");
    assertThat(Cluster.databases(cluster.replicas().get(1))).isEqualTo("[" + DB + "]");
    Conversation writer = client(cluster.primary(), 5);
    insert(writer, 2);
    writer.end();
    cluster.awaitEqual(DB);
    assertThat(Command.sqlite(replica.file(DB), "SELECT count(*) FROM t;").ok()).isEqualTo("3");
  }

  /** What its last program left in the WAL goes into the database file, past the kernel's cache. */
  @Test
  void pagesCachedBeforeAWalWasLeftBehindAreNotSeenAgain() throws Exception {
    start(1, "WAL");
    Conversation writer = client(cluster.primary(), 5);
    insert(writer, 20);
    cluster.awaitEqual(DB);
    for (int round = 0; round < 3; round++) {
      // All pages of the database file get into the kernel's cache.
      Command.of("cat", cluster.replica().file(DB)).run();
      Conversation reader = client(cluster.replica(), 5);
      last(reader);
      assertThat(sql(writer, "UPDATE t SET v = randomblob(3100)")).isEmpty();
      insert(writer, 5);
      cluster.awaitEqual(DB);
      reader.end();
      insert(writer, 1);
      cluster.awaitEqual(DB);
      assertThat(Command.sqlite(cluster.replica().file(DB), "PRAGMA integrity_check;").ok())
          .isEqualTo("ok");
      Path copy = bench.scratch("copy-" + round);
      Path exported = bench.scratch("exported-" + round);
      Await.until(
          LIMIT,
          "the file of the replica as the primary has it",
          () -> {
            Command.of("cp", cluster.replica().file(DB), copy).ok();
            cluster.primary().export(DB, exported);
            return java.nio.file.Files.mismatch(copy, exported) == -1;
          });
    }
  }

  /** Real SQLite takes the wal-index that the applier has written, whoever comes and goes. */
  @Test
  void manyReadersComeAndGoWhileTheApplierWritesTheirWal() throws Exception {
    start(1, "WAL");
    Conversation writer = client(cluster.primary(), 5);
    List<Conversation> readers = new ArrayList<>();
    int newest = 1;
    for (int i = 0; i < 6 * seconds(5); i++) {
      Conversation reader = client(cluster.replica(), 5);
      assertThat(sql(reader, "PRAGMA integrity_check")).isEqualTo("ok");
      readers.add(reader);
      insert(writer, 10);
      newest += 10;
      cluster.awaitEqual(DB);
      for (Conversation one : readers) {
        assertThat(last(one)).isEqualTo(Integer.toString(newest));
      }
      if (readers.size() > 3) {
        readers.remove(i % 2 == 0 ? 0 : 3).end();
      }
      if (i % 7 == 6) {
        sql(readers.get(0), "PRAGMA wal_checkpoint(PASSIVE)");
        readers.forEach(Conversation::end); // the last close looks at the WAL
        readers.clear();
      }
    }
    readers.forEach(Conversation::end);
    cluster.checkEqual(DB);
  }

  /**
   * HAZARDS 6: a journal that a program left on the replica rolls back nothing that was applied.
   */
  @Test
  void journalThatAProgramLeftOnAReplicaIsNotPlayedBack() throws Exception {
    start(1, "DELETE");
    Conversation writer = client(cluster.primary(), 5);
    for (int round = 2; round < 6; round++) {
      Conversation dying = client(cluster.replica(), 5);
      sql(dying, "PRAGMA cache_size=1");
      sql(dying, "BEGIN IMMEDIATE");
      sql(dying, "UPDATE t SET v = randomblob(50000)");
      dying.kill();
      insert(writer, 1);
      cluster.awaitEqual(DB);
      Conversation reader = client(cluster.replica(), 5);
      assertThat(last(reader)).isEqualTo(Integer.toString(round));
      assertThat(sql(reader, "PRAGMA integrity_check")).isEqualTo("ok");
      insert(writer, 1);
      round++;
      String expected = Integer.toString(round);
      Await.until(LIMIT, "the open reader sees it", () -> last(reader).equals(expected));
      reader.end();
    }
    cluster.checkEqual(DB);
  }

  /** HAZARDS 5: connections never mix what a name stood for with what it stands for now. */
  @ParameterizedTest
  @ValueSource(strings = {"WAL", "DELETE"})
  void connectionOfAReplacedDatabaseFailsInsteadOfMixing(String mode) throws IOException {
    start(1, mode);
    Conversation reader = client(cluster.replica(), 5);
    assertThat(last(reader)).isEqualTo("1");
    Path file = bench.scratch("other.db");
    Command.sqlite(
            file,
            "PRAGMA page_size=8192;",
            "CREATE TABLE t(id INTEGER PRIMARY KEY, v BLOB);",
            "INSERT INTO t VALUES(77, zeroblob(20000));")
        .ok();
    TidemarkProcess.tidemark("import", "--name", DB, "--url", cluster.primary().url(), file).ok();
    cluster.awaitEqual(DB);
    assertThat(last(reader)).isIn("77", "error: disk I/O error");
    assertThat(last(client(cluster.replica(), 5))).isEqualTo("77");
    cluster.checkEqual(DB);
  }

  /** HAZARDS 16: a file that looks read-only would stay read-only for its openers. */
  @Test
  void filesOfAReplicaDoNotLookReadOnly() throws Exception {
    start(1, "DELETE");
    assertThat(Command.of("stat", "-c", "%a", cluster.replica().file(DB)).ok()).isEqualTo("644");
  }

  private static int seconds(int ordinary) {
    return Integer.getInteger("tidemark.it.reader-seconds", ordinary);
  }
}
