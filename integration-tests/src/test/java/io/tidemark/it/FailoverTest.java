package io.tidemark.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.database.FileTree;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Who is primary when nodes go, come back, are replaced, or lose sight of the lease store. */
class FailoverTest {
  private static final Duration LIMIT = ElectedCluster.ELECTION;
  private static final String DB = "app.db";

  @RegisterExtension final Workbench bench = new Workbench();

  @BeforeEach
  void needsAMount() {
    Requirements.realMount();
    Requirements.programs("sqlite3", "etcd", Settings.python());
  }

  private static String insert(Object value) {
    return "INSERT INTO t VALUES(" + value + ");";
  }

  private static void write(TidemarkProcess node, Object value) {
    Command.sqlite(node.file(DB), ".timeout 20000", insert(value)).ok();
  }

  private static Command.Result tryToWrite(TidemarkProcess node, Object value) {
    return Command.sqlite(node.file(DB), insert(value)).run();
  }

  @ParameterizedTest
  @CsvSource({"sync, WAL", "sync, DELETE", "async, WAL"})
  void anotherNodeTakesOverFromAKilledPrimaryAndTheOldOneFollowsWhenItReturns(
      String commit, String mode) throws Exception {
    ElectedCluster cluster = new ElectedCluster(bench, 3);
    if (commit.equals("sync")) {
      cluster.sync(2);
    }
    cluster.start();
    TidemarkProcess first = cluster.node(1);
    cluster.createTable(first, DB, mode);
    for (int i = 1; i <= 20; i++) {
      write(first, i);
    }
    if (commit.equals("async")) {
      cluster.awaitEqual(DB);
    }
    long epoch = ElectedCluster.epoch(first);
    first.kill();
    TidemarkProcess second = cluster.awaitPrimaryOf(cluster.node(2), cluster.node(3));
    assertThat(ElectedCluster.epoch(second)).isGreaterThan(epoch);
    write(second, 21);
    assertThat(Command.sqlite(second.file(DB), "SELECT count(*), sum(v) FROM t;").ok())
        .isEqualTo("21|231");

    first.start();
    Await.until(
        LIMIT, "the old primary follows", () -> first.position(DB).equals(second.position(DB)));
    cluster.awaitInSync(cluster.nodes().toArray(new TidemarkProcess[0]));
    assertThat(ElectedCluster.isPrimary(first)).isFalse();
    assertThat(tryToWrite(first, 22).exit()).isNotZero();
    write(second, 22);
    cluster.checkEqual(DB);
  }

  @Test
  void whoIsAskedToHandsOverAndNothingIsLostMeanwhile() throws Exception {
    ElectedCluster cluster = new ElectedCluster(bench, 3).start();
    TidemarkProcess first = cluster.node(1);
    cluster.createTable(first, DB, "WAL");
    Conversation client = cluster.client(first, DB, 10);
    assertThat(client.ask(insert(1), LIMIT)).isEmpty();
    String third = ElectedCluster.id(cluster.node(3));

    assertThat(first.ask("handoff", "--to", third).ok()).contains(cluster.node(3).url());
    cluster.awaitPrimary(cluster.node(3));
    assertThat(client.ask("SELECT count(*) FROM t", LIMIT)).isEqualTo("1");
    assertThat(client.ask(insert(2), LIMIT)).startsWith("error: ");
    write(cluster.node(3), 2);

    assertThat(cluster.node(2).ask("promote").ok()).contains(cluster.node(2).url());
    cluster.awaitPrimary(cluster.node(2));
    write(cluster.node(2), 3);
    cluster.checkEqual(DB);
    assertThat(ElectedCluster.values(first, DB)).isEqualTo("1,2,3");

    // A program that is to run on the primary makes its node that, or is not for this node.
    Command.Result run =
        first.ask("run", "--promote", "--", "sqlite3", first.file(DB), insert(4)).run();
    assertThat(run.exit()).as("%s", run).isZero();
    cluster.awaitPrimary(first);
    assertThat(ElectedCluster.values(first, DB)).isEqualTo("1,2,3,4");
    first.ask("handoff", "--to", ElectedCluster.id(cluster.node(2))).ok();
    cluster.awaitPrimary(cluster.node(2));

    Command.Result refused = first.ask("handoff").run();
    assertThat(refused.exit()).isEqualTo(1);
    assertThat(refused.err()).contains("not primary").contains(cluster.node(2).url());
    Command.Result unknown = cluster.node(2).ask("handoff", "--to", "00000000000000ab").run();
    assertThat(unknown.exit()).isEqualTo(1);
    assertThat(unknown.err()).contains("no connected member");
    assertThat(cluster.node(2).ask("handoff", "--to", "../x").run().err()).contains("no node's id");
    write(cluster.node(2), 5);
  }

  @Test
  void aPrimaryThatIsToStopHandsOverFirstAndAStoppedNodeThatWakesNeverServesOldData()
      throws Exception {
    ElectedCluster cluster = new ElectedCluster(bench, 3).start();
    TidemarkProcess first = cluster.node(1);
    cluster.createTable(first, DB, "WAL");
    write(first, 1);
    cluster.node(3).terminate();
    write(first, 2);
    first.terminate();
    assertThat(first.output()).contains("HOLDING -> FOLLOWING");
    TidemarkProcess second = cluster.node(2);
    cluster.awaitPrimary(second);
    write(second, 3);
    assertThat(ElectedCluster.values(second, DB)).isEqualTo("1,2,3");

    // Both sleep now; the one that wakes first was away when others wrote.
    cluster.awaitInSync(second);
    second.terminate();
    TidemarkProcess third = cluster.node(3);
    third.start();
    Await.until(
        LIMIT,
        "why it may not be primary",
        () -> ElectedCluster.reason(third).contains("not in the in-sync set"));
    assertThat(tryToWrite(third, 99).exit()).isNotZero();
    second.start();
    cluster.awaitPrimary(second);
    write(second, 4);
    Await.until(LIMIT, "the rest", () -> third.position(DB).equals(second.position(DB)));
    assertThat(ElectedCluster.values(third, DB)).isEqualTo("1,2,3,4");
  }

  @Test
  void aNodeIsAddedThenAllReplicasRestartAtOnceAndOneOfThemTakesOver() throws Exception {
    ElectedCluster cluster = new ElectedCluster(bench, 2).start();
    TidemarkProcess first = cluster.node(1);
    cluster.createTable(first, DB, "WAL");
    write(first, 1);
    TidemarkProcess second = cluster.node(2);
    TidemarkProcess added = cluster.add("added").setting("lease.promote", "true").start();
    cluster.awaitInSync(first, second, added);
    assertThat(ElectedCluster.values(added, DB)).isEqualTo("1");

    second.kill();
    added.kill();
    write(first, 2);
    second.launch();
    added.launch();
    second.awaitStarted();
    added.awaitStarted();
    write(first, 3);
    cluster.awaitInSync(first, second, added);
    cluster.awaitEqual(DB);

    first.kill();
    TidemarkProcess next = cluster.awaitPrimaryOf(second, added);
    write(next, 4);
    cluster.checkEqual(DB);
    assertThat(ElectedCluster.values(second, DB)).isEqualTo("1,2,3,4");
    assertThat(ElectedCluster.values(added, DB)).isEqualTo("1,2,3,4");
  }

  @Test
  void anEmptyNodeIsNeverPrimaryWhateverItsConfigurationSays() throws Exception {
    ElectedCluster cluster = new ElectedCluster(bench, 2).start();
    TidemarkProcess first = cluster.node(1);
    cluster.createTable(first, DB, "WAL");
    write(first, 1);
    cluster.nodes().forEach(TidemarkProcess::kill);
    TidemarkProcess empty = cluster.add("empty").setting("lease.promote", "true").start();
    Await.until(
        LIMIT,
        "why it may not be primary",
        () -> ElectedCluster.reason(empty).contains("not in the in-sync set"));
    // A node whose disk was lost is as empty as one that never had any.
    FileTree.delete(cluster.node(2).data());
    cluster.node(2).setting("lease.promote", "true").start();
    Thread.sleep(4000); // longer than the lease of the killed one lives
    assertThat(ElectedCluster.isPrimary(empty)).isFalse();
    assertThat(ElectedCluster.isPrimary(cluster.node(2))).isFalse();
    first.start();
    cluster.awaitPrimary(first);
    write(first, 2);
    cluster.awaitEqual(DB);
    assertThat(ElectedCluster.values(empty, DB)).isEqualTo("1,2");
  }

  @Test
  void withTheLeaseStoreGoneReadsGoOnWritesStopAndAllResumesByItself() throws Exception {
    ElectedCluster cluster = new ElectedCluster(bench, 2).start();
    TidemarkProcess first = cluster.node(1);
    cluster.createTable(first, DB, "WAL");
    write(first, 1);
    cluster.etcd().signal("STOP");
    Await.until(LIMIT, "no more writes", () -> tryToWrite(first, 0).exit() != 0);
    String held = ElectedCluster.values(first, DB);
    for (TidemarkProcess node : cluster.nodes()) {
      assertThat(ElectedCluster.values(node, DB)).isEqualTo(held);
    }
    Await.until(
        LIMIT,
        "what is wrong",
        () -> String.valueOf(ElectedCluster.cluster(first).get("storeProblem")).contains("etcd"));
    assertThat(first.output()).contains("DEADLINE_PASSED");
    cluster.etcd().signal("CONT");
    TidemarkProcess next = cluster.awaitPrimaryOf(first, cluster.node(2));
    write(next, 2);
    cluster.checkEqual(DB);
    assertThat(ElectedCluster.values(first, DB)).isEqualTo(held + ",2");
  }

  @Test
  void aFrozenPrimaryThatThawsFollowsAndWhatItHadNotSentIsSetAside() throws Exception {
    ElectedCluster cluster = new ElectedCluster(bench, 3).start();
    TidemarkProcess first = cluster.node(1);
    cluster.createTable(first, DB, "WAL");
    write(first, 1);
    cluster.awaitEqual(DB);
    first.freeze();
    TidemarkProcess second = cluster.awaitPrimaryOf(cluster.node(2), cluster.node(3));
    write(second, 2);
    first.thaw();
    Await.until(LIMIT, "the old one", () -> first.position(DB).equals(second.position(DB)));
    assertThat(tryToWrite(first, 3).exit()).isNotZero();
    write(second, 4);
    cluster.checkEqual(DB);
    assertThat(ElectedCluster.values(first, DB)).isEqualTo("1,2,4");
  }

  @Test
  void withTooFewNodesInSyncWritersWaitAndNothingOfThemAppears() throws Exception {
    ElectedCluster cluster = new ElectedCluster(bench, 2).sync(2).start();
    TidemarkProcess first = cluster.node(1);
    TidemarkProcess second = cluster.node(2);
    cluster.createTable(first, DB, "WAL");
    write(first, 1);
    second.terminate();
    Await.until(LIMIT, "refusals", () -> tryToWrite(first, 0).err().contains("database is locked"));
    String before = ElectedCluster.values(first, DB);
    Conversation patient = cluster.client(first, DB, 60);
    patient.send(insert(2));
    second.start();
    assertThat(patient.answer(LIMIT)).isEmpty();
    cluster.awaitEqual(DB);
    assertThat(ElectedCluster.values(second, DB)).isEqualTo(before + ",2");
  }

  @ParameterizedTest
  @ValueSource(strings = {"WAL", "DELETE"})
  void aCommitThatIsNotConfirmedInTimeIsInDoubtAndThenNeverHappened(String mode) throws Exception {
    ElectedCluster cluster =
        new ElectedCluster(bench, 2).sync(2).setting("replication.ack-timeout", "2s").start();
    TidemarkProcess first = cluster.node(1);
    TidemarkProcess second = cluster.node(2);
    cluster.createTable(first, DB, mode);
    write(first, 1);
    Conversation client = cluster.client(first, DB, 1);
    client.ask("SELECT 1", LIMIT);
    second.freeze();
    assertThat(client.ask(insert(2), LIMIT)).isEqualTo("error: disk I/O error");
    assertThat(ElectedCluster.values(first, DB)).isEqualTo("1");
    // A confirmation that came before the abort begins would still make it a commit.
    Await.until(
        LIMIT,
        "the abort",
        () -> ElectedCluster.cluster(first).get("aborting").toString().contains(DB));
    second.thaw();
    Await.until(LIMIT, "the next commit", () -> tryToWrite(first, 3).exit() == 0);
    cluster.awaitEqual(DB);
    assertThat(ElectedCluster.values(first, DB)).isEqualTo("1,3");
    assertThat(ElectedCluster.values(second, DB)).isEqualTo("1,3");
    assertThat(first.output()).contains("never happened");
  }

  @Test
  void aMemberThatHoldsTheHaltLockAcknowledgesWhatItsProgramsWrite() throws Exception {
    ElectedCluster cluster = new ElectedCluster(bench, 2).sync(2).start();
    TidemarkProcess holder = cluster.node(2);
    for (String mode : List.of("WAL", "DELETE")) {
      String db = mode.toLowerCase(Locale.ROOT) + ".db";
      cluster.createTable(cluster.node(1), db, mode);
      cluster.awaitEqual(db);
      String file = holder.file(db).toString();
      // One after the other: each has to be acknowledged by this node, too.
      String script =
          "for i in 1 2 3 4 5; do sqlite3 "
              + file
              + " 'INSERT INTO t(v) VALUES('$i')' || exit 1; done";
      holder.ask("run", "--with-halt-lock-on", file, "--", "sh", "-c", script).ok();
      cluster.checkEqual(db);
      for (TidemarkProcess node : cluster.nodes()) {
        assertThat(ElectedCluster.values(node, db)).isEqualTo("1,2,3,4,5");
      }
    }
    assertThat(cluster.node(1).output()).doesNotContain("leaves the set");
  }

  @Test
  void theJournalOfACommitThatIsInDoubtIsNotReadAsCommittedWhileWritersWait() throws Exception {
    ElectedCluster cluster =
        new ElectedCluster(bench, 2).sync(2).setting("replication.ack-timeout", "2s").start();
    TidemarkProcess first = cluster.node(1);
    cluster.createTable(first, DB, "DELETE");
    write(first, 1);
    Conversation client = cluster.client(first, DB, 1);
    client.ask("SELECT 1", LIMIT);
    cluster.node(2).freeze();
    client.send(insert(2));
    cluster.node(2).kill();
    assertThat(client.answer(LIMIT)).isEqualTo("error: disk I/O error");
    client.kill();
    // Long enough for the node to have taken the locks of the writer that is gone: with them the
    // journal does not look hot, and nobody rolls it back.
    Thread.sleep(2_000);
    assertThat(ElectedCluster.values(first, DB)).isEqualTo("1");
    cluster.node(2).start();
    Await.until(LIMIT, "the next commit", () -> tryToWrite(first, 3).exit() == 0);
    cluster.checkEqual(DB);
    assertThat(ElectedCluster.values(first, DB)).isEqualTo("1,3");
  }

  @Test
  void aNodeCanBeForcedToBePrimaryWhenAllThatMayAreLost() throws Exception {
    ElectedCluster cluster = new ElectedCluster(bench, 2).start();
    TidemarkProcess first = cluster.node(1);
    TidemarkProcess second = cluster.node(2);
    cluster.createTable(first, DB, "WAL");
    write(first, 1);
    cluster.awaitEqual(DB);
    assertThat(second.ask("promote", "--force").run().err()).contains("has the lease");
    second.kill();
    cluster.awaitInSync(first);
    write(first, 2);
    first.kill();
    second.start();
    Await.until(
        LIMIT,
        "why it may not be primary",
        () -> ElectedCluster.reason(second).contains("not in the in-sync set"));
    assertThat(second.ask("promote").run().err()).contains("--force");
    second.ask("promote", "--force").ok();
    write(second, 3);
    assertThat(second.output()).contains("FORCED");

    first.start();
    Await.until(LIMIT, "the other", () -> first.position(DB).equals(second.position(DB)));
    assertThat(ElectedCluster.values(first, DB)).isEqualTo("1,3");
    assertThat(TidemarkProcess.tidemark("divergent", "ls", "--data-dir", first.data()).ok())
        .contains(DB);
  }
}
