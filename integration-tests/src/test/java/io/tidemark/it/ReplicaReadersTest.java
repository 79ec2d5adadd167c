package io.tidemark.it;

import static java.time.Duration.ofMillis;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Programs on a replica: what they see while the primary writes, whom they hold up, and what is
 * refused to them. The cluster is shared; each test has a database of its own.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ReplicaReadersTest {
  private static final Duration LIMIT = Duration.ofSeconds(30);

  @RegisterExtension final Workbench bench = new Workbench();
  private Cluster cluster;

  /** The database of the test. */
  private String db;

  private int databases;

  @BeforeEach
  void needsAMount() {
    Requirements.realMount();
    Requirements.programs("sqlite3", Settings.python());
  }

  private void start(String mode) {
    if (cluster == null) {
      Cluster starting =
          new Cluster(bench, 2).setting("replication.reader-timeout", "2s").optimised();
      cluster = starting.start();
    }
    db = "readers-" + ++databases + ".db";
    cluster.createTable(db, mode);
  }

  private Conversation client(TidemarkProcess node, double busySeconds) {
    return cluster.client(node, db, busySeconds);
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
    start("WAL");
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
    cluster.checkEqual(db);
  }

  @Test
  void unfinishedReaderOfRollbackModeHoldsUpTheOthersForTheReaderTimeoutOnly() throws Exception {
    start("DELETE");
    Conversation writer = client(cluster.primary(), 5);
    Conversation reader = client(cluster.replica(), 5);
    sql(reader, "BEGIN");
    assertThat(last(reader)).isEqualTo("1");
    long begun = System.nanoTime();
    insert(writer, 1);
    Conversation other = client(cluster.replica(), 5);
    assertThat(last(other)).isEqualTo("1");
    cluster.awaitEqual(Duration.ofSeconds(10), db);
    assertThat(Duration.ofNanos(System.nanoTime() - begun))
        .isBetween(Duration.ofMillis(1500), Duration.ofSeconds(8));
    assertThat(sql(reader, "SELECT total(length(hex(v))) FROM t"))
        .isEqualTo("error: disk I/O error");
    assertThat(last(client(cluster.replica(), 5))).isEqualTo("2");
    reader.kill();
    insert(writer, 1);
    cluster.checkEqual(db);
  }

  @Test
  void whoWritesWhileADatabaseArrivesOnAReplicaIsRefusedBeforeAnythingIsWritten() throws Exception {
    start("WAL");
    TidemarkProcess replica = cluster.replica();
    for (int i = 0; i < 8; i++) {
      String fresh = "fresh-" + i + ".db";
      Thread primary =
          new Thread(
              () ->
                  Command.sqlite(
                          cluster.primary().file(fresh),
                          "CREATE TABLE t(v);",
                          "INSERT INTO t VALUES(1);",
                          "PRAGMA journal_mode=WAL;",
                          "INSERT INTO t VALUES(2);".repeat(20))
                      .ok());
      primary.start();
      boolean busy = false;
      do {
        String said =
            Command.sqlite(replica.file(fresh), ".timeout 30", "INSERT INTO t VALUES('local');")
                .run()
                .err();
        assertThat(said).as("round %d", i).isNotEmpty().doesNotContain("disk I/O error");
        busy = said.contains("database is locked");
      } while (primary.isAlive() || !busy);
      primary.join();
      cluster.checkEqual(fresh);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"WAL", "DELETE"})
  void whatIsWrittenOnAReplicaIsRefusedAndGetsNowhere(String mode) throws Exception {
    start(mode);
    TidemarkProcess replica = cluster.replica();
    Position before = cluster.primary().position(db);
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
    Path file = bench.scratch("other-" + db);
    Command.sqlite(file, "CREATE TABLE other(x);").ok();
    assertThat(Command.of("cp", file, replica.file(db)).run().exit()).isNotZero();
    assertThat(Command.of("cp", file, replica.file("new.db")).run().exit()).isNotZero();
    // A plain file that is empty, of this node only.
    Command.of("rm", "-f", replica.file("new.db")).ok();
    assertThat(Command.of("rm", replica.file(db)).run().exit()).isNotZero();
    for (Command.Result result :
        List.of(
            replica.ask("import", "--name", db, file).run(),
            replica.ask("import", "--name", "n.db", file).run(),
            replica.ask("drop", "--name", db).run())) {
      assertThat(result.exit()).as("%s", result).isNotZero();
      assertThat(result.err()).as("%s", result).contains("primary");
    }
    assertThat(cluster.primary().position(db)).isEqualTo(before);
    for (TidemarkProcess node : List.of(cluster.primary(), cluster.replicas().get(1))) {
      assertThat(Cluster.databases(node)).contains(db).doesNotContain("new.db", "n.db");
    }
    Conversation writer = client(cluster.primary(), 5);
    insert(writer, 2);
    writer.end();
    cluster.awaitEqual(db);
    assertThat(Command.sqlite(replica.file(db), "SELECT count(*) FROM t;").ok()).isEqualTo("3");
  }

  /** What its last program left in the WAL goes into the database file, past the kernel's cache. */
  @Test
  void pagesCachedBeforeAWalWasLeftBehindAreNotSeenAgain() throws Exception {
    start("WAL");
    Conversation writer = client(cluster.primary(), 5);
    insert(writer, 20);
    cluster.awaitEqual(db);
    for (int round = 0; round < 3; round++) {
      // All pages of the database file get into the kernel's cache.
      Command.of("cat", cluster.replica().file(db)).run();
      Conversation reader = client(cluster.replica(), 5);
      last(reader);
      assertThat(sql(writer, "UPDATE t SET v = randomblob(3100)")).isEmpty();
      insert(writer, 5);
      cluster.awaitEqual(db);
      reader.end();
      insert(writer, 1);
      cluster.awaitEqual(db);
      assertThat(Command.sqlite(cluster.replica().file(db), "PRAGMA integrity_check;").ok())
          .isEqualTo("ok");
      Path copy = bench.scratch("copy-" + round);
      Path exported = bench.scratch("exported-" + round);
      Await.until(
          LIMIT,
          "the file of the replica as the primary has it",
          () -> {
            Command.of("cp", cluster.replica().file(db), copy).ok();
            cluster.primary().export(db, exported);
            return java.nio.file.Files.mismatch(copy, exported) == -1;
          });
    }
  }

  /** Real SQLite takes the wal-index that the applier has written, whoever comes and goes. */
  @Test
  void manyReadersComeAndGoWhileTheApplierWritesTheirWal() throws Exception {
    start("WAL");
    Conversation writer = client(cluster.primary(), 5);
    List<Conversation> readers = new ArrayList<>();
    int newest = 1;
    for (int i = 0; i < 6 * seconds(5); i++) {
      Conversation reader = client(cluster.replica(), 5);
      assertThat(sql(reader, "PRAGMA integrity_check")).isEqualTo("ok");
      readers.add(reader);
      insert(writer, 10);
      newest += 10;
      cluster.awaitEqual(db);
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
    cluster.checkEqual(db);
  }

  /** A journal that a program left on the replica rolls back nothing that was applied. */
  @Test
  void journalThatAProgramLeftOnAReplicaIsNotPlayedBack() throws Exception {
    start("DELETE");
    Conversation writer = client(cluster.primary(), 5);
    for (int round = 2; round < 6; round++) {
      Conversation dying = client(cluster.replica(), 5);
      sql(dying, "PRAGMA cache_size=1");
      sql(dying, "BEGIN IMMEDIATE");
      sql(dying, "UPDATE t SET v = randomblob(50000)");
      dying.kill();
      insert(writer, 1);
      cluster.awaitEqual(db);
      Conversation reader = client(cluster.replica(), 5);
      assertThat(last(reader)).isEqualTo(Integer.toString(round));
      assertThat(sql(reader, "PRAGMA integrity_check")).isEqualTo("ok");
      insert(writer, 1);
      round++;
      String expected = Integer.toString(round);
      Await.until(LIMIT, "the open reader sees it", () -> last(reader).equals(expected));
      reader.end();
    }
    cluster.checkEqual(db);
  }

  /** Connections never mix what a name stood for with what it stands for now. */
  @ParameterizedTest
  @ValueSource(strings = {"WAL", "DELETE"})
  void connectionOfAReplacedDatabaseFailsInsteadOfMixing(String mode) throws IOException {
    start(mode);
    Conversation reader = client(cluster.replica(), 5);
    assertThat(last(reader)).isEqualTo("1");
    Path file = bench.scratch("other-" + db);
    Command.sqlite(
            file,
            "PRAGMA page_size=8192;",
            "CREATE TABLE t(id INTEGER PRIMARY KEY, v BLOB);",
            "INSERT INTO t VALUES(77, zeroblob(20000));")
        .ok();
    cluster.primary().ask("import", "--name", db, file).ok();
    cluster.awaitEqual(db);
    assertThat(last(reader)).isIn("77", "error: disk I/O error");
    assertThat(last(client(cluster.replica(), 5))).isEqualTo("77");
    cluster.checkEqual(db);
  }

  /** A file that looks read-only would stay read-only for its openers. */
  @Test
  void filesOfAReplicaDoNotLookReadOnly() throws Exception {
    start("DELETE");
    assertThat(Command.of("stat", "-c", "%a", cluster.replica().file(db)).ok()).isEqualTo("644");
  }

  /** Who has the WAL open holds SHARED for life, so nothing but a WAL can be shown to it. */
  @Test
  void readersThatKeepAWalOpenSeeWhatComesAfterTheSwitchToARollbackJournal() throws Exception {
    start("WAL");
    Conversation inTransaction = client(cluster.replica(), 5);
    Conversation open = client(cluster.replica(), 5);
    sql(inTransaction, "BEGIN");
    assertThat(last(inTransaction)).isEqualTo("1");
    assertThat(last(open)).isEqualTo("1");
    Path onPrimary = cluster.primary().file(db);
    assertThat(Command.sqlite(onPrimary, "PRAGMA journal_mode=DELETE;").ok()).isEqualTo("delete");
    Conversation writer = client(cluster.primary(), 5);
    insert(writer, 3);
    cluster.awaitEqual(db);
    assertThat(last(open)).isEqualTo("4");
    assertThat(last(client(cluster.replica(), 5))).isEqualTo("4");
    assertThat(last(inTransaction)).isEqualTo("1");
    sql(inTransaction, "COMMIT");
    assertThat(last(inTransaction)).isEqualTo("4");
    insert(writer, 2);
    cluster.awaitEqual(db);
    assertThat(last(open)).isEqualTo("6");
    open.end();
    inTransaction.end();
    insert(writer, 1);
    cluster.checkEqual(db);
    // And back, with a reader that began between the two.
    Conversation between = client(cluster.replica(), 5);
    assertThat(last(between)).isEqualTo("7");
    writer.end();
    Command.sqlite(onPrimary, "PRAGMA journal_mode=WAL;", "INSERT INTO t VALUES(8, 'wal');").ok();
    Await.until(LIMIT, "the reader sees it", () -> last(between).equals("8"));
    cluster.checkEqual(db);
  }

  /**
   * A write lock on a replica would stop what comes from the primary. In WAL mode it cannot be had;
   * with a rollback journal it is as good as an unfinished read.
   */
  @ParameterizedTest
  @ValueSource(strings = {"WAL", "DELETE"})
  void aWriteTransactionThatOnlyBeganHoldsUpAReplicaNoLongerThanAReader(String mode)
      throws Exception {
    start(mode);
    boolean wal = mode.equals("WAL");
    Conversation writer = client(cluster.primary(), 5);
    Conversation idle = client(cluster.replica(), 0);
    Conversation reader = client(cluster.replica(), 5);
    assertThat(last(idle)).isEqualTo("1");
    String begun = sql(idle, "BEGIN IMMEDIATE");
    assertThat(begun).isEqualTo(wal ? "error: database is locked" : "");
    insert(writer, 5);
    cluster.awaitEqual(Duration.ofSeconds(10), db);
    assertThat(last(wal ? reader : client(cluster.replica(), 5))).isEqualTo("6");
    if (!wal) {
      assertThat(sql(idle, "INSERT INTO t VALUES(9, 'local')")).startsWith("error");
    }
    cluster.checkEqual(db);
  }

  /** A read transaction holds up neither what others see nor the clock that says so. */
  @Test
  void lagWithALongReadTransactionIsAsWithoutIt() throws Exception {
    start("WAL");
    Path file = cluster.primary().file(db);
    bench.closing(Conversation.python("steady_writer.py", file, "WAL", 1000, 10));
    Conversation meter =
        bench.closing(Conversation.python("lag_meter.py", cluster.replica().file(".lag")));
    int seconds = seconds(5);
    int[] without = lag(meter, Math.min(seconds, 5));
    Conversation reader = client(cluster.replica(), 5);
    sql(reader, "BEGIN");
    String seen = last(reader);
    int[] with = lag(meter, seconds);
    System.out.printf(
        "lag in ms, median and p99: %d and %d, with a read transaction of %d s %d and %d%n",
        without[0], without[1], seconds, with[0], with[1]);
    // A reader that held up what is shown would make it grow with its transaction.
    assertThat(with[0]).isLessThan(without[0] + 250);
    assertThat(with[1]).isLessThan(without[1] + 1500);
    assertThat(last(reader)).isEqualTo(seen);
  }

  /** Median and p99 over some seconds. */
  private static int[] lag(Conversation meter, int seconds) {
    String answer = meter.ask(Integer.toString(seconds), LIMIT.plusSeconds(seconds));
    return Arrays.stream(answer.split(" ")).mapToInt(Integer::parseInt).toArray();
  }

  private static int seconds(int ordinary) {
    return Integer.getInteger("tidemark.it.reader-seconds", ordinary);
  }
}
