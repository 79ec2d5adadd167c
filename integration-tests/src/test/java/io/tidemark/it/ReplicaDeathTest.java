package io.tidemark.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.database.FileTree;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Each of three replicas dies at another named step on the way of what it receives; the next start
 * makes it equal to the primary again. The cluster is shared; each test has databases of its own.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ReplicaDeathTest {
  private static final Duration LIMIT = Duration.ofSeconds(60);

  @RegisterExtension final Workbench bench = new Workbench();
  private Cluster cluster;

  @BeforeEach
  void needsACluster() {
    Requirements.realMount();
    Requirements.programs("sqlite3", Settings.python());
    if (cluster == null) {
      // Short, so that those that were away need a snapshot.
      cluster = new Cluster(bench, 3).setting("data.retention", "1s").start();
    }
  }

  private Conversation writer(String db, String mode, int bytes) {
    Path file = cluster.primary().file(db);
    return bench.closing(Conversation.python("steady_writer.py", file, mode, bytes, 5));
  }

  private static int commits(Conversation writer) {
    return Integer.parseInt(writer.ask("?", LIMIT).split(" ")[0]);
  }

  private static void awaitCommits(Conversation writer, int count) {
    int wanted = commits(writer) + count;
    Await.until(LIMIT, count + " commits", () -> commits(writer) >= wanted);
  }

  /** Replicas that do not run die where they are told, one each, and start again. */
  private void die(List<String> points) {
    for (int i = 0; i < points.size(); i++) {
      cluster.replicas().get(i).environment("TIDEMARK_FAULT", points.get(i)).launch();
    }
    for (int i = 0; i < points.size(); i++) {
      TidemarkProcess replica = cluster.replicas().get(i);
      if (points.get(i).startsWith("CHECKPOINT")) {
        // Recovery, or else the clean stop after it, writes a checkpoint.
        replica.awaitMountOrExit();
        replica.askToStop();
      }
    }
    for (int i = 0; i < points.size(); i++) {
      TidemarkProcess replica = cluster.replicas().get(i);
      replica.awaitKilled();
      assertThat(replica.output()).contains(points.get(i));
    }
    cluster.replicas().forEach(replica -> replica.environment("TIDEMARK_FAULT", null));
    cluster.startReplicas();
  }

  @ParameterizedTest
  @CsvSource({
    "APPLY_CHECKED:5, APPLY_SHOWN:5, COMMIT_BEFORE_SYNC:7, WAL",
    "COMMIT_AFTER_SYNC:9, SEGMENT_ROLL:1, SEGMENT_HEADER_WRITTEN:1, DELETE",
    "RECOVERY_APPLYING:1, CHECKPOINT_AFTER_SYNC:1, CHECKPOINT_BEFORE_RENAME:1, WAL"
  })
  void whatIsReceivedUnderLoadIsThereAfterADeathAt(
      String one, String two, String three, String mode) throws IOException {
    String db = "load-" + one.replace(':', '-') + ".db";
    Conversation writer = writer(db, mode, 3000);
    awaitCommits(writer, 20);
    for (TidemarkProcess replica : cluster.replicas()) {
      Await.until(LIMIT, "first records on " + replica, () -> replica.position(db).txid() > 1);
    }
    cluster.replicas().forEach(TidemarkProcess::kill);
    die(List.of(one, two, three));
    awaitCommits(writer, 20);
    writer.end();
    cluster.checkEqual(db);
    cluster.replicas().forEach(replica -> replica.verifyLog(db));
  }

  @Test
  void aSnapshotIsThereAsAWholeAfterADeathAtEachOfItsSteps() throws IOException {
    TidemarkProcess first = cluster.replicas().get(0);
    TidemarkProcess second = cluster.replicas().get(1);
    TidemarkProcess third = cluster.replicas().get(2);
    String db = "snapshot.db";
    Conversation writer = writer(db, "DELETE", 40_000);
    awaitCommits(writer, 10);
    Await.until(LIMIT, "records on " + second, () -> second.position(db).txid() > 5);
    cluster.replicas().forEach(TidemarkProcess::kill);
    // Two have nothing at all, one has a log that the primary's does not continue.
    FileTree.delete(first.data());
    FileTree.delete(third.data());
    long last = LogFold.lastTxid(second.data(), db);
    Await.until(
        LIMIT,
        "retention beyond " + last,
        () -> LogFold.firstTxid(cluster.primary().data(), db) > last + 1);
    die(List.of("SNAPSHOT_STAGED", "SNAPSHOT_LOG_PARTLY_GONE", "SNAPSHOT_IN_PLACE"));
    Position now = cluster.primary().position(db);
    Await.until(LIMIT, "the snapshot", () -> first.position(db).txid() >= now.txid());
    // Its copy had to come once more.
    assertThat(first.metric("tidemark_db_snapshot_received_count", db)).isEqualTo(1);
    cluster.replicas().forEach(TidemarkProcess::kill);
    FileTree.delete(first.data());
    FileTree.delete(third.data());
    die(List.of("SNAPSHOT_DECIDED", "APPLY_SHOWN:3", "SNAPSHOT_DONE"));
    writer.end();
    cluster.checkEqual(db);
    cluster.replicas().forEach(replica -> replica.verifyLog(db));
  }

  @Test
  void whatThePrimaryDoesNotHaveIsSetAsideOrEndsInSpiteOfADeath() throws Exception {
    TidemarkProcess primary = cluster.primary();
    Path shared = primary.file("history.db");
    Command.sqlite(shared, "CREATE TABLE t(v);", "INSERT INTO t VALUES('both');").ok();
    cluster.awaitEqual("history.db");
    primary.terminate();
    Path saved = bench.scratch("saved");
    Command.of("cp", "-a", primary.data(), saved).ok();
    primary.start();
    Command.sqlite(shared, "INSERT INTO t VALUES('lost');").ok();
    Command.sqlite(primary.file("only.db"), "CREATE TABLE t(v);").ok();
    cluster.awaitEqual("history.db", "only.db");
    cluster.replicas().forEach(TidemarkProcess::kill);
    primary.terminate();
    // The primary gets the data of its past, and a later epoch than the replicas know.
    FileTree.delete(primary.data());
    Command.of("mv", saved, primary.data()).ok();
    primary.start();
    primary.terminate();
    primary.start();
    Command.sqlite(shared, "INSERT INTO t VALUES('primary');").ok();
    die(List.of("SET_ASIDE_WRITTEN", "ENDING_DECIDED", "ENDING_FILES_GONE"));
    cluster.checkEqual("history.db");
    for (TidemarkProcess replica : cluster.replicas()) {
      assertThat(Command.sqlite(replica.file("history.db"), "SELECT group_concat(v) FROM t;").ok())
          .isEqualTo("both,primary");
      assertThat(TidemarkProcess.tidemark("divergent", "ls", "--url", replica.url()).ok())
          .contains("history.db", "only.db");
    }
  }
}
