package io.tidemark.database;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidemark.database.DatabaseStatus.Health;
import io.tidemark.database.FaultyDisk.Call;
import io.tidemark.database.SqliteSimulator.Finalise;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Predicate;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A record whose transaction was refused after all does not come back. */
class TakenBackRecordTest {
  @TempDir Path directory;

  private final Random random = new Random(12);
  private TestStore bench;
  private SqliteSimulator one;
  private SqliteSimulator two;
  private byte[] a = new byte[0];
  private byte[] b = new byte[0];

  @BeforeEach
  void open() throws Exception {
    bench = new TestStore(directory).open();
    simulate();
    commitA();
    b = commit(two, b);
  }

  @AfterEach
  void close() {
    FaultPoint.disarm();
    bench.close();
  }

  private void simulate() throws IOException {
    one = new SqliteSimulator(bench.store, "a", random);
    two = new SqliteSimulator(bench.store, "b", random);
  }

  private byte[] next(byte[] before) {
    return SqliteSimulator.next(random, before, 512, 3 + random.nextInt(20), false, 3);
  }

  private byte[] commit(SqliteSimulator sqlite, byte[] before) throws IOException {
    byte[] after = next(before);
    sqlite.commitJournaled(before, after, Finalise.UNLINK, true);
    return after;
  }

  private void commitA() throws IOException {
    a = commit(one, a);
  }

  private void refusedCommit() throws IOException {
    byte[] after = next(a);
    assertThatThrownBy(() -> one.commitJournaled(a, after, Finalise.UNLINK, true))
        .isInstanceOf(RefusedException.class);
    one.rollBack(a, after, Finalise.UNLINK);
  }

  private Health health(String name) {
    return bench.store.get(name).status().health();
  }

  private static Predicate<Path> segmentsOf(String name) {
    return path -> FaultyDisk.segments().test(path) && FaultyDisk.of(name).test(path);
  }

  /** The syncs of one log fail, and from then on the writes to the other one as well. */
  private void failSyncsThenWrites(String synced, String written) {
    bench.disk.failFrom(Call.SYNC, segmentsOf(synced), 1, FaultyDisk.EIO);
    bench.disk.afterFailedSync(
        () -> bench.disk.failFrom(Call.WRITE, segmentsOf(written), 1, FaultyDisk.EIO));
  }

  private void heal() {
    bench.disk.afterFailedSync(() -> {});
    bench.disk.heal();
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aRefusedTransactionIsNotThereAfterTheNextCommit(boolean alsoTheWipeFails) throws Exception {
    for (int round = 0; round < 6; round++) {
      if (alsoTheWipeFails) {
        failSyncsThenWrites("a", "a");
      } else {
        bench.disk.failFrom(Call.SYNC, segmentsOf("a"), 1, FaultyDisk.EIO);
      }
      refusedCommit();
      assertThat(health("a")).isEqualTo(Health.READ_ONLY);
      heal();
      bench.upkeepUntil(() -> health("a") == Health.OK);
      if (round % 3 != 0) {
        commitA();
      }
      if (round % 2 == 0) {
        bench.crash();
      } else {
        bench.powerLoss(random);
      }
      assertThat(bench.read("a")).as("round " + round).isEqualTo(a);
      simulate();
    }
  }

  @Test
  void theEpochOfTheTransactionBeforeIsTheEpochOfTheLogAgain() throws Exception {
    long epoch = bench.store.epoch();
    assertThat(bench.store.get("a").logEpoch()).isEqualTo(epoch);
    bench.crash();
    simulate();
    bench.store.get("a").checkpoint();
    bench.disk.failFrom(Call.SYNC, segmentsOf("a"), 1, FaultyDisk.EIO);
    refusedCommit();
    assertThat(bench.store.get("a").logEpoch()).isEqualTo(epoch);
    heal();
    bench.upkeepUntil(() -> health("a") == Health.OK);
    bench.crash();
    assertThat(bench.store.get("a").position().epoch()).isEqualTo(epoch);
  }

  private void writeGroup(byte[] afterA, byte[] afterB) throws IOException {
    one.writeUnderJournal(a, afterA, true);
    one.nameSuperJournal("/m/x-mj1");
    two.writeUnderJournal(b, afterB, true);
    two.nameSuperJournal("/m/x-mj1");
  }

  private void refusedGroup() throws IOException {
    byte[] afterA = next(a);
    byte[] afterB = next(b);
    writeGroup(afterA, afterB);
    assertThatThrownBy(() -> bench.store.commitGroup("x-mj1")).isInstanceOf(RefusedException.class);
    heal();
    one.rollBack(a, afterA, Finalise.UNLINK);
    two.rollBack(b, afterB, Finalise.UNLINK);
  }

  /** The upkeep of one database alone. */
  private void upkeepOfBUntilItWorks() throws Exception {
    while (health("b") != Health.OK) {
      try {
        bench.store.get("b").upkeep();
      } catch (IOException e) {
        // as in the store: the database remembers
      }
      LockSupport.parkNanos(5_000_000);
    }
  }

  @Test
  void aLogThatCannotWipeAGroupRecordTakesNothingUntilTheRecordIsVoid() throws Exception {
    failSyncsThenWrites("b", "a");
    refusedGroup();
    assertThat(bench.store.get("a").position().txid()).isEqualTo(1);
    assertThat(health("a")).isEqualTo(Health.READ_ONLY);
    bench.upkeepUntil(() -> health("a") == Health.OK && health("b") == Health.OK);
    commitA();
    bench.powerLoss(random);
    assertThat(bench.read("a")).isEqualTo(a);
    assertThat(bench.read("b")).isEqualTo(b);
  }

  @Test
  void aGroupIsNotCompleteBecauseAnotherTransactionTookItsTxid() throws Exception {
    failSyncsThenWrites("b", "a");
    refusedGroup();
    upkeepOfBUntilItWorks();
    b = commit(two, b);
    assertThat(bench.store.get("b").position().txid()).isEqualTo(2);
    bench.crash();
    assertThat(bench.read("b")).isEqualTo(b);
    assertThat(bench.read("a")).isEqualTo(a);
  }

  @Test
  void aSyncOfAnotherThreadThatCoversATakenBackRecordMakesTheNextOneNotDurable() throws Exception {
    Database database = bench.store.get("a");
    Thread writer = Thread.currentThread();
    CountDownLatch syncing = new CountDownLatch(1);
    AtomicReference<Throwable> failed = new AtomicReference<>();
    Thread syncer =
        new Thread(
            () -> {
              try {
                database.awaitDurable(2);
              } catch (Throwable e) {
                failed.set(e);
              }
            });
    FaultPoint.arm(
        FaultPoint.GROUP_PARTLY_APPENDED,
        1,
        () -> {
          FaultPoint.arm(
              FaultPoint.COMMIT_BEFORE_SYNC,
              1,
              () -> {
                syncing.countDown();
                // until the writer, which takes its record back, waits for this sync
                while (writer.getState() != Thread.State.WAITING) {
                  LockSupport.parkNanos(1_000_000);
                }
              });
          syncer.start();
          try {
            assertThat(syncing.await(10, TimeUnit.SECONDS)).isTrue();
          } catch (InterruptedException e) {
            throw new AssertionError(e);
          }
        });
    bench.disk.failFrom(Call.WRITE, segmentsOf("b"), 1, FaultyDisk.ENOSPC);
    refusedGroup();
    syncer.join(10_000);
    assertThat(failed.get()).isNull();
    assertThat(database.position().txid()).isEqualTo(1);
    assertThat(database.isDurable(2)).isFalse();
    commitA();
    bench.disk.die();
    bench.powerLoss(random);
    assertThat(bench.read("a")).isEqualTo(a);
  }
}
