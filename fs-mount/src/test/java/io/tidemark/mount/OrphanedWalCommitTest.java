package io.tidemark.mount;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/**
 * A writer dies between the write that commits and its update of the wal-index. The log has the
 * transaction, so everybody must see it and nobody may overwrite it.
 */
@Timeout(60)
class OrphanedWalCommitTest {
  @RegisterExtension final MountedStore mounted = new MountedStore();
  private Client open;
  private Client dying;
  private long before;

  @BeforeEach
  void databaseInWalMode() {
    open = mounted.python("a.db");
    open.sql("pragma journal_mode=wal");
    open.sql("create table t(x)");
    open.sql("insert into t values('first')");
    before = mounted.txid("a.db");
    dying = mounted.python();
    dying.run("path = '" + mounted.path("a.db") + "'");
    dying.run("off, data = shadow(path, \"insert into t values('orphan')\")");
    dying.run("fd = os.open(path + '-wal', os.O_RDWR)");
    dying.run("shm = os.open(path + '-shm', os.O_RDWR)");
  }

  @Test
  void openConnectionSeesTheTransactionOfAKilledWriter() {
    dying.send("n = os.pwrite(fd, data, off); die()").awaitDeath();
    assertThat(mounted.txid("a.db")).isEqualTo(before + 1);
    Await.until(
        "the open connection sees the orphan",
        () -> open.trySql("select * from t").equals("first\norphan"));
    open.sql("insert into t values('next')");
    assertThat(open.sql("select * from t")).isEqualTo("first\norphan\nnext");
    assertThat(mounted.txid("a.db")).isEqualTo(before + 2);
  }

  @Test
  void closingAloneTellsTheOthers() {
    dying.run("n = os.pwrite(fd, data, off)");
    dying.run("os.close(shm)");
    Await.until(
        "the open connection sees the orphan",
        () -> open.trySql("select * from t").equals("first\norphan"));
  }

  @Test
  void nextWriterDoesNotOverwriteTheTransaction() {
    dying.run("n = os.pwrite(fd, data, off)"); // and stays alive: nothing is closed
    String first = open.trySql("insert into t values('next')");
    if (!first.isEmpty()) {
      assertThat(first).contains("disk I/O error");
      Await.until(
          "the next writer works", () -> open.trySql("insert into t values('next')").isEmpty());
    }
    assertThat(open.sql("select * from t")).isEqualTo("first\norphan\nnext");
    assertThat(mounted.txid("a.db")).isEqualTo(before + 2);
    assertThat(Shell.sqlite(mounted.path("a.db"), "select count(*) from t")).isEqualTo("3");
  }

  @Test
  void largerTransactionOfTheNextWriterDoesNotOverwriteItEither() {
    dying.run("n = os.pwrite(fd, data, off)");
    open.sql("pragma cache_size=5");
    String insert =
        "insert into t with recursive n(i) as (select 1 union all select i+1 from n where i<300)"
            + " select printf('%0500d', i) from n";
    Await.until("the next writer works", () -> open.trySql(insert).isEmpty());
    assertThat(open.sql("select count(*), sum(x = 'orphan') from t")).isEqualTo("302|1");
  }

  @Test
  void readerWithAnOldSnapshotKeepsItAndThenSeesTheTransaction() {
    Client reader = mounted.python("a.db");
    reader.sql("begin");
    assertThat(reader.sql("select * from t")).isEqualTo("first");
    dying.send("n = os.pwrite(fd, data, off); die()").awaitDeath();
    Await.until(
        "another connection sees the orphan",
        () -> open.trySql("select * from t").equals("first\norphan"));
    assertThat(reader.sql("select * from t")).isEqualTo("first");
    reader.sql("commit");
    assertThat(reader.sql("select * from t")).isEqualTo("first\norphan");
  }

  @Test
  void realWriterKilledBeforeItsSyncLeavesAVisibleTransaction() {
    // Its first fdatasync in WAL mode follows the frames and precedes the wal-index.
    Client killed = mounted.straced("fdatasync", "signal=KILL:when=1");
    killed.open(mounted.path("a.db"));
    killed.sql("pragma synchronous=full");
    killed.send("q(c, \"insert into t values('killed')\")").awaitDeath();
    assertThat(mounted.txid("a.db")).isEqualTo(before + 1);
    Await.until(
        "the open connection sees it",
        () -> open.trySql("select * from t").equals("first\nkilled"));
    open.sql("insert into t values('next')");
    assertThat(open.sql("select * from t")).isEqualTo("first\nkilled\nnext");
  }

  @Test
  void transactionOfTheLastConnectionIsThereForTheNextOne() {
    open.run("c.execute('pragma wal_autocheckpoint=0')");
    open.kill();
    dying.send("n = os.pwrite(fd, data, off); die()").awaitDeath();
    assertThat(Shell.sqlite(mounted.path("a.db"), "select * from t")).isEqualTo("first\norphan");
    assertThat(mounted.txid("a.db")).isEqualTo(before + 1);
  }
}
