package io.tidemark.database;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidemark.database.DatabaseStatus.Health;
import io.tidemark.database.FaultyDisk.Call;
import io.tidemark.database.SqliteSimulator.Finalise;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The log when something throws in the middle, ends in the middle, or was left in the middle. */
class TransactionLogTest {
  @TempDir Path directory;

  private final Random random = new Random(3);
  private TestStore bench;
  private SqliteSimulator sqlite;
  private byte[] image = new byte[0];

  @BeforeEach
  void open() throws Exception {
    start(directory);
  }

  private void start(Path home) throws IOException {
    bench = new TestStore(home).open();
    sqlite = new SqliteSimulator(bench.store, "a", random);
    image = new byte[0];
  }

  @AfterEach
  void close() {
    FaultPoint.disarm();
    bench.close();
  }

  private void commit(int pages, int changes, boolean sync) throws IOException {
    byte[] after = SqliteSimulator.next(random, image, 512, pages, false, changes);
    sqlite.commitJournaled(image, after, Finalise.UNLINK, sync);
    image = after;
  }

  @Test
  void whateverIsThrownInTheMiddleOfARecordEndsIt() throws Exception {
    commit(5, 2, true);
    for (boolean error : new boolean[] {false, true}) {
      FaultPoint.arm(
          FaultPoint.COMMIT_RECORD_TORN,
          1,
          () -> {
            if (error) {
              throw new OutOfMemoryError("of a test");
            }
            throw new IllegalStateException("of a test");
          });
      byte[] after = SqliteSimulator.next(random, image, 512, 2000, false, 0);
      assertThatThrownBy(() -> sqlite.commitJournaled(image, after, Finalise.UNLINK, true))
          .hasMessage("of a test");
      sqlite.rollBack(image, after, Finalise.UNLINK);
      assertThat(bench.read("a")).isEqualTo(image);
      commit(6, 2, true);
    }
    bench.crash();
    assertThat(bench.read("a")).isEqualTo(image);
    assertThat(bench.store.get("a").position().txid()).isEqualTo(3);
  }

  @Test
  void recordsThatCannotBeReadBackAfterAFailedSyncFenceTheLog() throws Exception {
    commit(5, 2, true);
    commit(5, 2, false);
    commit(5, 2, false);
    List<LogFold.Image> folded = LogFold.fold(bench.root, "a");
    long start = folded.get(1).end() + 7 & ~7L;
    try (RandomAccessFile file = new RandomAccessFile(bench.lastSegment("a").toFile(), "rw")) {
      file.seek(start);
      file.write(new byte[RecordHeader.SIZE]);
    }
    bench.disk.failOnce(Call.SYNC, FaultyDisk.segments(), 1, FaultyDisk.EIO);
    Database database = bench.store.get("a");
    assertThatThrownBy(() -> database.awaitDurable(3)).isInstanceOf(RefusedException.class);
    assertThat(database.status().health()).isEqualTo(Health.READ_ONLY);
    assertThat(database.isDurable(2)).isFalse();
    bench.upkeep();
    assertThat(database.isDurable(2)).isFalse();
  }

  @Test
  void closingTheLogWaitsForASyncThatRuns() throws Exception {
    commit(5, 2, false);
    Database database = bench.store.get("a");
    CountDownLatch syncing = new CountDownLatch(1);
    CountDownLatch goOn = new CountDownLatch(1);
    FaultPoint.arm(
        FaultPoint.COMMIT_BEFORE_SYNC,
        1,
        () -> {
          syncing.countDown();
          try {
            goOn.await(10, TimeUnit.SECONDS);
          } catch (InterruptedException e) {
            throw new AssertionError(e);
          }
        });
    AtomicReference<Throwable> failed = new AtomicReference<>();
    Thread syncer =
        new Thread(
            () -> {
              try {
                database.awaitDurable(1);
              } catch (Throwable e) {
                failed.set(e);
              }
            });
    Thread closer = new Thread(database::retire);
    syncer.start();
    assertThat(syncing.await(10, TimeUnit.SECONDS)).isTrue();
    closer.start();
    while (closer.getState() != Thread.State.WAITING && closer.isAlive()) {
      LockSupport.parkNanos(1_000_000);
    }
    goOn.countDown();
    syncer.join(10_000);
    closer.join(10_000);
    assertThat(failed.get()).isNull();
    assertThat(database.isDurable(1)).isTrue();
  }

  @Test
  void aSyncAfterTheLogWasClosedIsRefused() throws Exception {
    commit(5, 2, false);
    Database database = bench.store.get("a");
    database.retire();
    assertThatThrownBy(() -> database.awaitDurable(1))
        .isInstanceOf(RefusedException.class)
        .hasMessageContaining("closed");
  }

  @Test
  void whatAKilledProcessLeftUnsyncedIsDurableOnceItWasFound() throws Exception {
    bench.close();
    for (int round = 0; round < 12; round++) {
      start(directory.resolve("round" + round));
      for (int i = 0; i < 5; i++) {
        commit(250, 220, false); // more than one segment
        bench.settle();
      }
      bench.crash();
      assertThat(bench.read("a")).isEqualTo(image);
      sqlite = new SqliteSimulator(bench.store, "a", random);
      if (round % 3 == 0) {
        commit(5, 2, true);
      } else if (round % 3 == 1) {
        bench.store.get("a").checkpoint();
      } else {
        bench.store.get("a").awaitDurable(bench.store.get("a").walSyncTarget());
      }
      bench.powerLoss(random);
      assertThat(bench.store.get("a").failure()).isNull();
      assertThat(bench.read("a")).as("round " + round).isEqualTo(image);
      bench.close();
    }
  }

  @Test
  void theThreadThatMakesSegmentsRunsBeforeAnybodyNeedsOne() {
    assertThat(((ThreadPoolExecutor) bench.store.background()).getPoolSize()).isEqualTo(1);
  }
}
