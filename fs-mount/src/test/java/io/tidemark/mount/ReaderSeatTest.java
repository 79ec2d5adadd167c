package io.tidemark.mount;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import io.tidemark.database.Database;
import java.io.IOException;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/** What a replica's applier holds while it replaces pages is not given up behind its back. */
@Timeout(60)
class ReaderSeatTest {
  /** Longer than the seats are left alone by the thread that tidies them up. */
  private static final long TIDYING_MILLIS = 2500;

  @RegisterExtension final MountedStore mounted = new MountedStore();
  private ReplicaReaders readers;

  @BeforeEach
  void followAnother() throws IOException {
    try (Client client = mounted.python("a.db")) {
      client.sql("create table t(x)");
      client.sql("insert into t values('old')");
    }
    mounted.store().becomeReplica();
    readers =
        new ReplicaReaders(
            mounted.store(),
            mounted.mountPoint(),
            new KernelView(new Tree(mounted.store(), new ClusterFiles(ClusterView.ALONE))));
  }

  @AfterEach
  void stop() {
    readers.stop(5000);
  }

  @Test
  void exclusiveLockIsHeldUntilTheApplierReleasesIt() throws Exception {
    Database database = mounted.database("a.db");
    Client reader = mounted.python();
    reader.run("c = db('" + mounted.path("a.db") + "', timeout=0)");
    assertThat(reader.sql("select x from t")).isEqualTo("old");
    assertThat(readers.tryExclusive(database)).isTrue();
    long end = System.nanoTime() + TIDYING_MILLIS * 1_000_000;
    while (System.nanoTime() < end) {
      assertThat(reader.trySql("select x from t")).contains("database is locked");
      Thread.sleep(10);
    }
    readers.releaseExclusive(database);
    assertThat(reader.sql("select x from t")).isEqualTo("old");
  }

  @Test
  void lockIsReleasedAfterTheLastProgramHasClosedTheDatabase() throws Exception {
    Database database = mounted.database("a.db");
    assertThat(readers.tryExclusive(database)).isTrue();
    Thread.sleep(TIDYING_MILLIS); // nobody has it open
    readers.releaseExclusive(database);
    assertThat(Shell.sqlite(mounted.path("a.db"), "select x from t")).isEqualTo("old");
  }

  @Test
  void lockOfAWalIndexIsHeldUntilTheApplierReleasesIt() throws Exception {
    Database database = mounted.database("a.db");
    Client reader = mounted.python("a.db");
    mounted.store().becomePrimary(mounted.store().epoch());
    reader.sql("pragma journal_mode=wal");
    reader.sql("insert into t values('new')");
    reader.run("f = os.open('" + mounted.path("a.db-shm") + "', os.O_RDWR)");
    reader.run("import fcntl");
    mounted.store().becomeReplica();
    assertThat(readers.tryLockShm(database, 4, true)).isTrue();
    long end = System.nanoTime() + TIDYING_MILLIS * 1_000_000;
    while (System.nanoTime() < end) {
      assertThat(reader.ask("fcntl.lockf(f, fcntl.LOCK_SH | fcntl.LOCK_NB, 1, 124)"))
          .contains("!BlockingIOError");
      Thread.sleep(10);
    }
    readers.unlockShm(database, 4);
    assertThat(reader.ask("fcntl.lockf(f, fcntl.LOCK_SH | fcntl.LOCK_NB, 1, 124)"))
        .doesNotContain("!");
  }

  @Test
  void threadsThatServeRequestsNeverWaitForASeatThatWaitsForARequest() {
    ReaderSeat seat = new ReaderSeat(mounted.database("a.db"), mounted.mountPoint());
    synchronized (seat) { // as while it opens a file of the mount
      assertTimeoutPreemptively(
          Duration.ofSeconds(5), () -> assertThat(seat.holds(null)).isFalse());
    }
  }
}
