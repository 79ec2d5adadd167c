package io.tidemark.mount;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.database.DatabasePosition;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What SQLite may do to its files outside a transaction works; all else is refused. */
@Timeout(60)
class StrayWriteTest {
  private static final String FILL =
      "insert into t with recursive n(i) as (select 1 union all select i+1 from n where i<200)"
          + " select printf('%0500d', i) from n";

  @RegisterExtension final MountedStore mounted = new MountedStore();

  private Client walDatabase() {
    Client client = mounted.python("a.db");
    client.sql("pragma journal_mode=wal");
    client.sql("pragma wal_autocheckpoint=0");
    client.sql("create table t(x)");
    client.sql(FILL);
    return client;
  }

  @Test
  void rawWritesToTheDatabaseInWalModeAreRefusedAndHarmless() throws Exception {
    Client client = walDatabase();
    DatabasePosition before = mounted.position("a.db");
    byte[] below = mounted.fileBelow("a.db");
    Client raw = mounted.python();
    raw.run("fd = os.open('" + mounted.path("a.db") + "', os.O_RDWR)");
    for (String write :
        new String[] {
          "os.pwrite(fd, b'x' * 10, 50)",
          "os.pwrite(fd, b'x' * 4096, 0)",
          "os.pwrite(fd, b'x' * 4096, 4096)",
          "os.pwrite(fd, b'x' * 8192, 1 << 20)",
          "os.ftruncate(fd, 2048)",
          "os.ftruncate(fd, 0)"
        }) {
      assertThat(raw.ask(write)).as(write).startsWith("!");
    }
    raw.run("os.close(fd)");
    assertThat(mounted.position("a.db")).isEqualTo(before);
    assertThat(mounted.fileBelow("a.db")).isEqualTo(below);
    assertThat(client.sql("select count(*) from t")).isEqualTo("200");
    client.sql("pragma wal_checkpoint(truncate)");
    assertThat(client.sql("pragma integrity_check")).isEqualTo("ok");
  }

  @ParameterizedTest
  @ValueSource(strings = {"TRUNCATE", "RESTART"})
  void rawWritesBesideAnEmptyWalAreRefusedToo(String checkpoint) throws Exception {
    Client client = walDatabase();
    client.sql("pragma wal_checkpoint(" + checkpoint + ")");
    DatabasePosition before = mounted.position("a.db");
    Client raw = mounted.python();
    raw.run("fd = os.open('" + mounted.path("a.db") + "', os.O_RDWR)");
    assertThat(raw.ask("os.pwrite(fd, b'x' * 4096, 8192)")).startsWith("!");
    assertThat(raw.ask("os.pwrite(fd, b'x' * 10, 50)")).startsWith("!");
    raw.run("os.close(fd)");
    assertThat(mounted.position("a.db")).isEqualTo(before);
    assertThat(client.sql("pragma integrity_check")).isEqualTo("ok");
    client.sql("insert into t values('next')");
    assertThat(client.sql("select count(*) from t")).isEqualTo("201");
    client.sql("pragma wal_checkpoint(truncate)");
    assertThat(client.sql("pragma journal_mode=delete")).isEqualTo("delete");
    client.sql("insert into t values('next')");
  }

  @Test
  void walThatIsNotCheckpointedCannotBeDeletedOrCut() {
    Client client = walDatabase();
    String wal = mounted.path("a.db") + "-wal";
    assertThat(Shell.run("rm", wal).text()).contains("busy");
    assertThat(Shell.run("truncate", "-s", "0", wal).exit()).isNotZero();
    assertThat(Shell.run("truncate", "-s", "5000", wal).exit()).isNotZero();
    assertThat(Shell.run("mv", wal, wal + ".away").exit()).isNotZero();
    assertThat(client.sql("select count(*) from t")).isEqualTo("200");
    client.sql("insert into t values('next')");
    assertThat(Shell.sqlite(mounted.path("a.db"), "select count(*) from t")).isEqualTo("201");
  }

  @ParameterizedTest
  @CsvSource({"PERSIST,1000", "PERSIST,0", "TRUNCATE,1000", "WAL,40000", "WAL,0"})
  void journalSizeLimitWorks(String mode, int limit) {
    Client client = mounted.python("a.db");
    client.sql("pragma journal_mode=" + mode);
    client.sql("create table t(x)");
    client.sql(FILL);
    client.sql("pragma journal_size_limit=" + limit);
    for (int i = 0; i < 4; i++) {
      long before = mounted.txid("a.db");
      client.sql("update t set x = x || 'a'");
      assertThat(mounted.txid("a.db")).isEqualTo(before + 1);
      if (mode.equals("WAL")) {
        client.sql("pragma wal_checkpoint(restart)");
      }
    }
    client.sql("insert into t values('last')");
    String side = mode.equals("WAL") ? "-wal" : "-journal";
    assertThat(Long.parseLong(Shell.ok("stat", "-c", "%s", mounted.path("a.db") + side)))
        .isLessThanOrEqualTo(Math.max(limit, 20_000));
    assertThat(Shell.sqlite(mounted.path("a.db"), "select count(*), sum(x like '%aaaa') from t"))
        .isEqualTo("201|200");
  }

  @ParameterizedTest
  @ValueSource(strings = {"PASSIVE", "FULL", "RESTART", "TRUNCATE"})
  void checkpointsWork(String checkpoint) {
    Client client = walDatabase();
    for (int i = 0; i < 3; i++) {
      client.sql("update t set x = x || 'a'");
      assertThat(client.sql("pragma wal_checkpoint(" + checkpoint + ")")).startsWith("0|");
      client.sql("insert into t values('b')");
    }
    assertThat(client.sql("select count(*) from t")).isEqualTo("203");
    client.sql("pragma wal_checkpoint(" + checkpoint + ")");
    assertThat(client.sql("pragma integrity_check")).isEqualTo("ok");
  }

  @ParameterizedTest
  @ValueSource(strings = {"PASSIVE", "FULL", "RESTART", "TRUNCATE"})
  void checkpointsLeaveReadersTheirSnapshots(String checkpoint) {
    Client client = walDatabase();
    client.sql("pragma wal_checkpoint(full)");
    Client old = mounted.python("a.db");
    old.sql("begin");
    assertThat(old.sql("select count(*), sum(length(x)) from t")).isEqualTo("200|100000");
    client.sql("update t set x = x || 'a'");
    Client middle = mounted.python("a.db");
    middle.sql("begin");
    assertThat(middle.sql("select count(*), sum(length(x)) from t")).isEqualTo("200|100200");
    client.sql("update t set x = x || 'a'");
    client.sql("pragma busy_timeout=100");
    client.sql("pragma wal_checkpoint(" + checkpoint + ")");
    client.sql("insert into t values('b')");
    assertThat(old.sql("select count(*), sum(length(x)) from t")).isEqualTo("200|100000");
    old.sql("commit");
    client.sql("pragma wal_checkpoint(" + checkpoint + ")");
    client.sql("insert into t values('b')");
    assertThat(middle.sql("select count(*), sum(length(x)) from t")).isEqualTo("200|100200");
    middle.sql("commit");
    assertThat(client.sql("pragma wal_checkpoint(" + checkpoint + ")")).startsWith("0|");
    for (Client each : new Client[] {old, middle, client}) {
      assertThat(each.sql("select count(*), sum(length(x)) from t")).isEqualTo("202|100402");
    }
    assertThat(client.sql("pragma integrity_check")).isEqualTo("ok");
  }

  @Test
  void databaseCannotBeEmptiedByTruncation() {
    Client client = mounted.python("a.db");
    client.sql("create table t(x)");
    client.sql("insert into t values('kept')");
    client.run("c.close()");
    DatabasePosition before = mounted.position("a.db");
    assertThat(Shell.sh(": > \"$1\"", mounted.path("a.db")).text()).contains("not permitted");
    assertThat(Shell.run("truncate", "-s", "0", mounted.path("a.db")).text())
        .contains("not permitted");
    assertThat(mounted.position("a.db")).isEqualTo(before);
    assertThat(Shell.sqlite(mounted.path("a.db"), "select * from t")).isEqualTo("kept");
  }

  @Test
  void garbageWrittenOverADatabaseIsNeverRecorded() throws Exception {
    Client client = mounted.python("a.db");
    client.sql("create table t(x)");
    client.sql("insert into t values('kept')");
    client.run("c.close()");
    DatabasePosition before = mounted.position("a.db");
    String script = "printf garbage-garbage-garbage | dd of=\"$1\" conv=notrunc 2>&1";
    Shell.sh(script, mounted.path("a.db"));
    assertThat(mounted.position("a.db")).isEqualTo(before);
    mounted.restart();
    assertThat(mounted.txid("a.db")).isEqualTo(before.txid());
    assertThat(Shell.sqlite(mounted.path("a.db"), "select * from t")).isEqualTo("kept");
  }
}
