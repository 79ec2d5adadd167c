package io.tidemark.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.database.FileTree;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Kills of replicas and of primaries, replicas that were away for too long, and histories that went
 * apart: in the end all nodes have the same, and what the primary acknowledged is there.
 */
class ReplicationCrashTest {
  private static final int KILLS = Integer.getInteger("tidemark.it.kills", 2);
  private static final Duration LIFE = Duration.ofMinutes(10 + 2 * KILLS);
  private static final String SNAPSHOTS_SENT = "tidemark_db_snapshot_sent_count";
  private static final Duration CUTS = Duration.ofSeconds(60);

  @RegisterExtension final Workbench bench = new Workbench();

  @BeforeEach
  void needsAMount() {
    Requirements.realMount();
    Requirements.programs("sqlite3", Settings.python());
  }

  private static String[] names(CrashRounds.Mode mode) {
    return mode.databases == 1
        ? new String[] {"crash-1-a.db"}
        : new String[] {"crash-1-a.db", "crash-1-b.db"};
  }

  @ParameterizedTest
  @EnumSource(names = {"WAL", "ATTACH"})
  void replicaThatIsKilledAtRandomMomentsCatchesUp(CrashRounds.Mode mode) throws IOException {
    long seed = Settings.seed("kills of a replica, " + mode);
    Random random = new Random(seed);
    Cluster cluster = new Cluster(bench, 1).longestLife(LIFE).start();
    CrashRounds rounds = new CrashRounds(bench, cluster.primary(), mode, seed);
    rounds.newDatabases();
    rounds.load(
        workers -> {
          for (int i = 0; i < KILLS; i++) {
            CrashRounds.awaitAcknowledgements(
                workers, workers.acknowledgements() + 1 + random.nextInt(60));
            cluster.replica().killAndRestart();
          }
        });
    cluster.checkEqual(names(mode));
    rounds.check();
    for (String name : names(mode)) {
      cluster.replica().verifyLog(name);
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"WAL", "ATTACH"})
  void primaryThatIsKilledUnderLoadLosesNothingAndItsReplicasGoOn(CrashRounds.Mode mode)
      throws IOException {
    long seed = Settings.seed("kills of a primary, " + mode);
    Cluster cluster = new Cluster(bench, 2).longestLife(LIFE).start();
    CrashRounds rounds = new CrashRounds(bench, cluster.primary(), mode, seed);
    rounds.newDatabases();
    for (int i = 0; i < KILLS; i++) {
      rounds.round(rounds.killAtARandomMoment());
      // Whatever a replica had that the primary has not would be set aside and reported.
      cluster.checkEqual(names(mode));
    }
  }

  @Test
  void replicaThatWasAwayForLongerThanTheRetentionGetsASnapshotInSpiteOfCutsAndAKill()
      throws Exception {
    Cluster cluster = new Cluster(bench, 1).setting("data.retention", "1s");
    cluster.primary().start();
    Relay relay = bench.closing(new Relay(URI.create(cluster.primary().url()).getPort()));
    cluster.replica().setting("lease.advertise-url", "http://127.0.0.1:" + relay.port()).start();
    Path big = cluster.primary().file("big.db");
    int megabytes = Integer.getInteger("tidemark.it.snapshot-megabytes", 16);
    Command.sqlite(big, "PRAGMA journal_mode=WAL;", "CREATE TABLE t(id INTEGER PRIMARY KEY, v);")
        .ok();
    Command.sqlite(cluster.primary().file("small.db"), "CREATE TABLE t(id INTEGER PRIMARY KEY, v);")
        .ok();
    cluster.awaitEqual("big.db", "small.db");
    cluster.replica().terminate();
    for (int i = 0; i < megabytes; i++) {
      Command.sqlite(
              big,
              "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<256)"
                  + " INSERT INTO t(v) SELECT randomblob(4000) FROM n;",
              "PRAGMA wal_checkpoint(TRUNCATE);")
          .ok();
    }
    // Later commits make older segments go.
    for (int i = 0; i < 8; i++) {
      Thread.sleep(1000);
      Command.sqlite(big, "UPDATE t SET v = randomblob(4000) WHERE id < 50;").ok();
    }
    Conversation writer = cluster.client(cluster.primary(), "small.db", 5);
    Conversation bigWriter = bench.closing(Conversation.python("sql_client.py", big, 5));
    assertThat(cluster.primary().metric(SNAPSHOTS_SENT)).isZero();
    long part = ((long) megabytes << 20) / 5;
    relay.cutAfter(part, 1);
    cluster.replica().start();
    for (int i = 1; i <= 20; i++) {
      assertThat(writer.ask("INSERT INTO t(v) VALUES(zeroblob(100))", Duration.ofSeconds(20)))
          .isEmpty();
      assertThat(
              bigWriter.ask(
                  "UPDATE t SET v = randomblob(4000) WHERE id = " + i, Duration.ofSeconds(20)))
          .isEmpty();
      if (i == 5) {
        Await.until(CUTS, "a cut in the middle of the snapshot", () -> relay.cutsLeft() == 0);
        cluster.replica().kill();
        // One that has nothing need not compare, and goes on where it was cut.
        FileTree.delete(cluster.replica().data());
        relay.cutAfter(part, 3);
        cluster.replica().start();
      }
    }
    Await.until(CUTS, "all cuts in the middle of the snapshot", () -> relay.cutsLeft() == 0);
    cluster.awaitEqual(Duration.ofSeconds(60 + megabytes), "small.db", "big.db");
    writer.end();
    bigWriter.end();
    cluster.checkEqual("small.db", "big.db");
    assertThat(cluster.primary().metric(SNAPSHOTS_SENT, "big.db")).isPositive();
    assertThat(cluster.replica().metric("tidemark_db_snapshot_received_count", "big.db"))
        .isPositive();
    assertThat(cluster.primary().metric(SNAPSHOTS_SENT, "small.db")).as("records do").isZero();
    assertThat(cluster.replica().output()).contains("the snapshot goes on after page");
  }

  @Test
  void transactionsThatOnlyAReplicaHasAreSetAside() throws Exception {
    Cluster cluster = new Cluster(bench, 1).start();
    Path onPrimary = cluster.primary().file("d.db");
    Command.sqlite(onPrimary, "CREATE TABLE t(v);", "INSERT INTO t VALUES('both');").ok();
    cluster.awaitEqual("d.db");
    TidemarkProcess replica = cluster.replica();
    replica.terminate();
    replica.lead().start();
    Command.sqlite(replica.file("d.db"), "INSERT INTO t VALUES('only here');").ok();
    Command.sqlite(replica.file("d.db"), "INSERT INTO t VALUES('and this');").ok();
    replica.terminate();
    // The one that leads has to be the newer one, or it is refused as outdated.
    for (int i = 0; i < 3; i++) {
      cluster.primary().terminate();
      cluster.primary().start();
    }
    Command.sqlite(onPrimary, "INSERT INTO t VALUES('primary');").ok();
    replica.follow(cluster.primary()).start();
    cluster.checkEqual("d.db");
    assertThat(Command.sqlite(replica.file("d.db"), "SELECT group_concat(v) FROM t;").ok())
        .isEqualTo("both,primary");
    assertThat(TidemarkProcess.tidemark("divergent", "ls", "--url", replica.url()).ok())
        .contains("d.db");
  }

  @Test
  void aDatabaseThatIsDamagedOnAReplicaIsReceivedAnew() throws Exception {
    Cluster cluster = new Cluster(bench, 1).startWith("d.db", "WAL");
    TidemarkProcess replica = cluster.replica();
    replica.terminate();
    Path segment = replica.data().resolve("dbs/d.db/log/0000000000000001.seg");
    byte[] bytes = Files.readAllBytes(segment);
    bytes[4096 + 100] ^= 1; // in the first record, below what is known to be durable
    Files.write(segment, bytes);
    replica.start();
    cluster.checkEqual("d.db");
    assertThat(replica.output()).contains("it is received anew", "the damaged files are kept in");
    replica.killAndRestart();
    cluster.checkEqual("d.db");
  }
}
