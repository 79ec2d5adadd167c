package io.tidemark.database;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidemark.database.FaultyDisk.Call;
import io.tidemark.database.SqliteSimulator.Finalise;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A replica's database ends although no record says so. */
class HistoryEndTest extends ReplicaFixture {
  HistoryEndTest() {
    super(19);
  }

  @BeforeEach
  void start() throws Exception {
    commit(3);
    commit(300);
    bench.follow(NAME);
  }

  private Database database() throws IOException {
    return bench.onReplica(NAME);
  }

  /** On the primary; the replica does not get these records. */
  private long dropUnheard() throws IOException {
    byte[] before = image;
    commit(7);
    bench.primary.store.drop(NAME);
    assertThat(before).isNotEqualTo(image);
    image = new byte[0];
    return bench.primary.store.get(NAME).position().txid();
  }

  private void dropAt(long txid) throws IOException {
    database().replicaLog().dropAt(bench.primary.store.epoch(), txid);
  }

  private void assertEndedAt(long txid) throws IOException {
    assertThat(database().exists()).isFalse();
    assertThat(database().failure()).isNull();
    assertThat(database().mainFile()).isNull();
    assertThat(database().replicaLog().received())
        .isEqualTo(new LogPosition(bench.primary.store.epoch(), txid, 1L << 63));
    assertThat(bench.replica.databaseFile(NAME).toFile().length()).isZero();
    assertThat(bench.replica.store.databases()).isEmpty();
  }

  private void goOn() throws Exception {
    commit(4);
    commit(5);
    bench.follow(NAME);
    bench.assertSame(NAME);
    bench.replica.crash();
    bench.assertSame(NAME);
  }

  @Test
  void theHistoryGoesOnAfterTheDropThatCouldNotBeSent() throws Exception {
    List<String> heard = new ArrayList<>();
    bench.replica.store.listener(
        new DatabaseListener() {
          @Override
          public void replaced(Database database) {
            heard.add(database.name() + " " + database.exists());
          }
        });
    long txid = dropUnheard();
    dropAt(txid);
    assertThat(heard).containsExactly("app.db false");
    assertEndedAt(txid);
    dropAt(txid);
    assertThat(heard).as("again does nothing").hasSize(1);
    goOn();
  }

  @Test
  void aRestartFindsTheSamePosition() throws Exception {
    long txid = dropUnheard();
    dropAt(txid);
    bench.replica.powerLoss(random);
    assertEndedAt(txid);
    bench.replica.reopenCleanly();
    assertThat(database().replicaLog().received().txid()).isEqualTo(txid);
    goOn();
  }

  @Test
  void aDropOfWhatIsNotHereIsRememberedToo() throws Exception {
    Database unknown = bench.onReplica("unknown.db");
    unknown.replicaLog().dropAt(1, 9);
    bench.replica.powerLoss(random);
    assertThat(bench.onReplica("unknown.db").replicaLog().received())
        .isEqualTo(new LogPosition(1, 9, 1L << 63));
  }

  @Test
  void theTransactionMayBeBelowOrAboveWhatIsHere() throws Exception {
    long txid = dropUnheard();
    dropAt(1);
    assertEndedAt(1);
    dropAt(100);
    assertEndedAt(100);
    dropAt(txid);
    goOn();
  }

  @Test
  void whoHasItOpenKeepsTheContent() throws Exception {
    MainFile main = database().mainFile();
    database().opened(main);
    byte[] before = image;
    dropAt(dropUnheard());
    ByteBuffer all = ByteBuffer.allocate((int) main.size());
    database().read(main, all, 0);
    assertThat(all.array()).isEqualTo(before);
    assertThat(main.isReplaced()).isFalse();
    goOn();
    assertThat(database().mainFile()).isNotSameAs(main);
  }

  @Test
  void aWalWithFramesThatTheFileDoesNotHaveGoesToo() throws Exception {
    Store store = bench.replica.store;
    store.becomePrimary(3);
    byte[] inWal = SqliteSimulator.next(random, image, 4096, 300, true, 1);
    SqliteSimulator sqlite = new SqliteSimulator(store, NAME, random);
    sqlite.commitJournaled(image, inWal, Finalise.UNLINK, true);
    for (int i = 0; i < 3; i++) {
      byte[] after = SqliteSimulator.next(random, inWal, 4096, 300, true, 3);
      sqlite.commitWal(inWal, after);
      inWal = after;
    }
    store.becomeReplica();
    bench.primary.store.becomePrimary(4);
    bench.primary.store.drop(NAME);
    dropAt(3);
    assertThat(database().wal()).isNull();
    image = new byte[0];
    goOn();
    database().checkpoint();
    bench.replica.crash();
    bench.assertSame(NAME);
  }

  @Test
  void aCheckpointOnItsWayDoesNotBringTheOldStateBack() throws Exception {
    CountDownLatch atCheckpoint = new CountDownLatch(1);
    CountDownLatch goOn = new CountDownLatch(1);
    FaultPoint.arm(
        FaultPoint.CHECKPOINT_AFTER_SYNC,
        1,
        () -> {
          atCheckpoint.countDown();
          try {
            goOn.await(10, TimeUnit.SECONDS);
          } catch (InterruptedException e) {
            throw new AssertionError(e);
          }
        });
    Database database = database();
    Thread checkpointing =
        new Thread(
            () -> {
              try {
                database.checkpoint();
              } catch (IOException e) {
                throw new AssertionError(e);
              }
            });
    checkpointing.start();
    assertThat(atCheckpoint.await(10, TimeUnit.SECONDS)).isTrue();
    long txid = dropUnheard();
    Thread ending =
        new Thread(
            () -> {
              try {
                dropAt(txid);
              } catch (IOException e) {
                throw new AssertionError(e);
              }
            });
    ending.start();
    ending.join(200);
    assertThat(ending.isAlive()).as("waits for the checkpoint").isTrue();
    goOn.countDown();
    ending.join(10_000);
    checkpointing.join(10_000);
    bench.replica.crash();
    assertEndedAt(txid);
    goOn();
  }

  @Test
  void readersOfTheRecordsHearThatTheyAreGone() throws Exception {
    try (RecordReader reader = database().recordsAfter(0)) {
      assertThat(reader.next()).isTrue();
      dropAt(dropUnheard());
      assertThatThrownBy(reader::next).isInstanceOf(ReadingEndedException.class);
    }
  }

  @Test
  void aPrimaryEndsNothing() throws Exception {
    bench.replica.store.becomePrimary(9);
    assertThatThrownBy(() -> database().replicaLog().dropAt(9, 5))
        .isInstanceOfSatisfying(
            ReplicationException.class,
            e -> assertThat(e.kind()).isEqualTo(ReplicationException.Kind.OLDER_EPOCH));
    bench.assertSame(NAME);
  }

  @Test
  void aNameThatThePrimaryNeverHadIsFreeWhenItsTransactionsAreKept() throws Exception {
    Store store = bench.replica.store;
    store.becomePrimary(5);
    byte[] own = SqliteSimulator.image(random, 1024, 9, false);
    new SqliteSimulator(store, "own.db", random)
        .commitJournaled(new byte[0], own, Finalise.UNLINK, true);
    store.becomeReplica();
    store.get("own.db").forget("the primary has no such database");
    assertThat(store.divergences())
        .singleElement()
        .satisfies(set -> assertThat(set.databaseFile()).hasBinaryContent(own));
    assertThat(store.get("own.db").replicaLog().received()).isEqualTo(LogPosition.NONE);
    store.get("own.db").forget("again");
    assertThat(store.divergences()).hasSize(1);
    assertThat(LogReader.databaseNames(bench.replica.root)).containsExactly(NAME);
    bench.replica.powerLoss(random);
    assertThat(bench.replica.store.get("own.db")).isNull();

    bench.primary.store.becomePrimary(6);
    byte[] other = SqliteSimulator.image(random, 4096, 2, false);
    new SqliteSimulator(bench.primary.store, "own.db", random)
        .commitJournaled(new byte[0], other, Finalise.UNLINK, true);
    bench.onReplica("own.db").forget("it does not matter");
    bench.follow("own.db");
    bench.assertSame("own.db");
    bench.replica.crash();
    bench.assertSame("own.db");
  }

  @Test
  void aForgottenNameTakesRecordsInTheSameProcess() throws Exception {
    database().forget("a test");
    bench.follow(NAME);
    bench.assertSame(NAME);
    bench.replica.powerLoss(random);
    bench.assertSame(NAME);
  }

  /** The end, by name, so that each way is tried at each step. */
  private void endBy(boolean forget, long txid) throws IOException {
    if (forget) {
      database().replicaLog().forget();
    } else {
      dropAt(txid);
    }
  }

  /** It is whole, or ended. */
  private boolean assertOneOrTheOther(byte[] before, long txid) throws IOException {
    assertThat(database().failure()).isNull();
    if (database().exists()) {
      assertThat(bench.replica.read(NAME)).isEqualTo(before);
      assertThat(database().position().txid()).isEqualTo(2);
      assertThat(LogFold.fold(bench.replica.root, NAME)).hasSize(2);
      return false;
    }
    assertThat(database().replicaLog().received().txid()).isEqualTo(txid);
    return true;
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 5, 6})
  void thePowerMayGoAtAnyStep(int seed) throws Exception {
    Random luck = new Random(seed);
    boolean forget = seed % 2 == 0;
    byte[] before = image;
    long txid = forget ? 0 : dropUnheard();
    boolean whole = false;
    int ended = 0;
    for (int step = 0; !whole; step++) {
      bench.replica.disk.cutPowerAt(step);
      try {
        endBy(forget, txid);
        whole = true;
      } catch (FaultyDisk.PowerCut e) {
        // as wanted
      } catch (ReplicationException e) {
        // as wanted, if a thread in the background met the cut first
        assertThat(bench.replica.disk.isDead()).isTrue();
      }
      if (step % 3 == 0) {
        bench.replica.crash();
      } else {
        bench.replica.powerLoss(luck);
      }
      boolean over = assertOneOrTheOther(before, txid);
      assertThat(over || !whole).isTrue();
      if (over && !whole) {
        ended++;
        restore(before);
      }
    }
    assertThat(ended).isPositive();
    assertOneOrTheOther(before, txid);
  }

  /** A replica with the first two transactions, as before. */
  private void restore(byte[] before) throws IOException {
    database().replicaLog().forget();
    List<ReplicaBench.Travelling> records = bench.recordsAfter(NAME, 0).subList(0, 2);
    for (ReplicaBench.Travelling record : records) {
      ReplicaBench.take(
          database().replicaLog(), bench.primary.store.epoch(), record, record.ltx().length);
    }
    database().replicaLog().awaitDurable(2);
    database().applier().apply(2);
    assertThat(bench.replica.read(NAME)).isEqualTo(before);
  }

  @ParameterizedTest
  @EnumSource(
      value = Call.class,
      names = {"OPEN", "WRITE", "SYNC", "RENAME", "DELETE", "SYNC_DIRECTORY"})
  void aDiskThatRefusesLeavesItWholeOrEndsItLater(Call call) throws Exception {
    byte[] before = image;
    long txid = dropUnheard();
    int failures = 0;
    for (int nth = 1; nth < 100; nth++) {
      bench.replica.disk.failFrom(
          call, FaultyDisk.of(NAME).or(FaultyDisk.named(NAME)), nth, FaultyDisk.EIO);
      IOException thrown = null;
      try {
        dropAt(txid);
      } catch (IOException e) {
        thrown = e;
      }
      boolean hit = bench.replica.disk.faultsHit() > 0;
      bench.replica.disk.heal();
      if (!hit) {
        assertThat(thrown).isNull();
        break;
      }
      if (thrown != null) {
        failures++;
        if (database().failure() != null) {
          bench.replica.store.retryFailed();
          assertThat(database().failure()).isNull();
          assertThat(database().exists()).isFalse();
        }
      }
      if (!assertOneOrTheOther(before, txid)) {
        dropAt(txid);
        assertThat(assertOneOrTheOther(before, txid)).isTrue();
      }
      restore(before);
    }
    assertThat(failures).isPositive();
  }
}
