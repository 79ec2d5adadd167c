package io.tidemark.mount;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * A program that outlives the daemon has its database open in a mount that is gone, and finds the
 * next daemon's mount at the same path. It must do no harm there.
 */
@Timeout(90)
class OutlivedMountTest {
  @TempDir Path temp;
  private Path data;
  private Path mount;
  private Path database;

  @BeforeEach
  void prepare() throws Exception {
    MountedStore.requireMounts();
    data = temp.resolve("data");
    mount = Files.createDirectory(temp.resolve("mount"));
    database = mount.resolve("a.db");
  }

  private void dies(Daemon daemon) throws Exception {
    daemon.kill();
    daemon.awaitEnd();
  }

  @Test
  void aTransactionOfAnEarlierMountLeavesNoHotJournalInTheNextOne() throws Exception {
    try (Client survivor = Client.python()) {
      try (Daemon daemon = new Daemon(data, mount, "")) {
        survivor.open(database);
        survivor.sql("pragma journal_mode=DELETE");
        survivor.sql("create table t(x)");
        survivor.sql("insert into t values(1)");
        // The journal is opened by the first change, long after the lock was taken.
        survivor.sql("begin immediate");
        survivor.sql("select * from t");
        dies(daemon);
      }
      try (Daemon daemon = new Daemon(data, mount, "")) {
        for (int i = 2; i <= 10; i++) {
          Shell.sqlite(database, "insert into t values(zeroblob(3000))");
        }
        assertThat(survivor.trySql("insert into t values(11)")).startsWith("!");
        survivor.trySql("commit");
        survivor.kill();
        assertThat(Shell.sqlite(database, "select count(*) from t")).isEqualTo("10");
        assertThat(Shell.sqlite(database, "pragma integrity_check")).isEqualTo("ok");
        daemon.stop();
      }
    }
    MountedStore.checkLogs(data);
  }

  @Test
  void aConnectionOfAnEarlierMountTakesNoWalIndexAwayWhenItEnds() throws Exception {
    try (Client survivor = Client.python();
        Client user = Client.python()) {
      try (Daemon daemon = new Daemon(data, mount, "")) {
        survivor.open(database);
        survivor.sql("pragma journal_mode=WAL");
        survivor.sql("create table t(x)");
        survivor.sql("pragma wal_checkpoint(TRUNCATE)");
        dies(daemon);
      }
      try (Daemon daemon = new Daemon(data, mount, "")) {
        user.open(database);
        user.sql("insert into t values(1)");
        survivor.ask("c.close()");
        assertThat(mount.resolve("a.db-shm")).exists();
        assertThat(mount.resolve("a.db-wal")).exists();
        Shell.sqlite(database, "insert into t values(2)");
        assertThat(user.sql("select count(*) from t")).isEqualTo("2");
        user.run("c.close()");
        daemon.stop();
      }
    }
    MountedStore.checkLogs(data);
  }
}
