package io.tidemark.database;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import org.junit.jupiter.api.Test;

class ApplierTest extends ReplicaFixture {
  ApplierTest() {
    super(12);
  }

  private FakeReaders readers;

  /** A program on the replica opens the database. */
  private Database opened() throws IOException {
    Database database = bench.onReplica(NAME);
    readers = new FakeReaders(database);
    bench.replica.store.readerAccess(readers);
    readers.open();
    return database;
  }

  @Test
  void onlyWhatIsDurableAndAskedForIsShown() throws Exception {
    for (int i = 3; i < 7; i++) {
      commit(i);
    }
    bench.carry(NAME, 3, random);
    Database database = bench.onReplica(NAME);
    assertThat(database.applier().apply(9).txid()).as("nothing is durable").isZero();
    database.replicaLog().awaitDurable(3);
    assertThat(database.applier().apply(2).txid()).isEqualTo(2);
    assertThat(database.replicaLog().received().txid()).isEqualTo(3);
    assertThat(bench.replica.read(NAME))
        .isEqualTo(LogFold.fold(bench.primary.root, NAME).get(1).bytes());
    bench.follow(NAME);
    bench.assertSame(NAME);
  }

  @Test
  void growthShrinkPageSizeDropAndANewBeginning() throws Exception {
    commit(3);
    bench.follow(NAME);
    bench.assertSame(NAME);
    commit(40);
    bench.follow(NAME);
    bench.assertSame(NAME);
    commit(2);
    bench.follow(NAME);
    bench.assertSame(NAME);
    commit(SqliteSimulator.image(random, 1024, 7, false));
    bench.follow(NAME);
    bench.assertSame(NAME);
    bench.primary.store.drop(NAME);
    bench.follow(NAME);
    assertThat(bench.replica.store.find(NAME)).isNull();
    assertThat(bench.replica.store.get(NAME).mainFile()).isNull();
    image = new byte[0];
    commit(5);
    bench.follow(NAME);
    bench.assertSame(NAME);
    bench.replica.crash();
    bench.assertSame(NAME);
  }

  @Test
  void openReadersSeeEachStateThroughTheirCache() throws Exception {
    commit(3);
    bench.follow(NAME);
    Database database = opened();
    MainFile before = database.mainFile();
    for (int pages : new int[] {3, 9, 4}) {
      commit(pages);
      bench.follow(NAME);
      assertThat(readers.cached()).isEqualTo(image);
    }
    commit(SqliteSimulator.image(random, 512, 9, false));
    bench.follow(NAME);
    assertThat(readers.cached()).isEqualTo(image);
    assertThat(database.mainFile()).as("the same incarnation").isSameAs(before);
    assertThat(readers.attempts).isPositive();
    assertThat(readers.exclusive).isFalse();
  }

  @Test
  void aReaderHoldsUpTheApplierOnlyForSoLong() throws Exception {
    commit(3);
    bench.follow(NAME);
    Database database = opened();
    byte[] old = image;
    commit(4);
    readers.reading = true;
    assertThat(bench.follow(NAME).txid()).isEqualTo(1);
    assertThat(database.applier().isBlocked()).isTrue();
    assertThat(readers.cached()).isEqualTo(old);
    readers.reading = false;
    assertThat(database.applier().apply(2).txid()).isEqualTo(2);
    assertThat(readers.cached()).isEqualTo(image);

    readers.reading = true;
    commit(5);
    bench.replica.store.readerTimeout(Duration.ofMillis(20));
    assertThat(bench.follow(NAME).txid()).isEqualTo(2);
    Thread.sleep(25);
    assertThat(database.applier().apply(3).txid()).isEqualTo(3);
    assertThat(readers.file().isReplaced()).isTrue();
    assertThatThrownBy(() -> database.read(readers.file(), ByteBuffer.allocate(10), 0))
        .hasMessageContaining("replaced");
    bench.assertSame(NAME);
    readers.close();
  }

  @Test
  void aHotJournalIsNotPlayedBackIntoAppliedPages() throws Exception {
    commit(3);
    bench.follow(NAME);
    bench.replica.store.becomePrimary(9);
    byte[] local = SqliteSimulator.next(random, image, 4096, 3, false, 2);
    SqliteSimulator dead = new SqliteSimulator(bench.replica.store, NAME, random);
    dead.writeUnderJournal(image, local, true);
    bench.replica.store.becomeReplica();
    Database database = opened();
    assertThat(database.journal()).isNotNull();
    assertThat(bench.replica.read(NAME)).isEqualTo(image);
    bench.primary.store.becomePrimary(10);
    commit(4);
    bench.follow(NAME);
    assertThat(database.journal()).isNull();
    assertThat(readers.removals).isEqualTo(1);
    assertThat(readers.cached()).isEqualTo(image);
  }

  @Test
  void aRecordThatDoesNotFitIsNeverShownAndFailsThisDatabaseOnly() throws Exception {
    commit(3);
    bench.follow(NAME);
    Database database = bench.onReplica(NAME);
    var field = Database.class.getDeclaredField("committed");
    field.setAccessible(true);
    CommittedState committed = (CommittedState) field.get(database);
    committed.sums().set(2, 4711);
    commit(SqliteSimulator.next(random, image, 4096, 4, false, 0));
    byte[] before = java.nio.file.Files.readAllBytes(bench.replica.databaseFile(NAME));
    assertThatThrownBy(() -> bench.follow(NAME)).hasMessageContaining("does not fit");
    assertThat(database.failure()).contains("transaction 2", "copy from the primary");
    assertThat(java.nio.file.Files.readAllBytes(bench.replica.databaseFile(NAME)))
        .isEqualTo(before);
  }

  @Test
  void aDiskThatTakesNoPagesLeavesTheImageWhole() throws Exception {
    commit(3);
    bench.follow(NAME);
    commit(9);
    commit(5);
    bench.replica.disk.failFrom(
        FaultyDisk.Call.WRITE, FaultyDisk.named("database"), 2, FaultyDisk.ENOSPC);
    assertThatThrownBy(() -> bench.follow(NAME)).hasMessageContaining("No space left");
    assertThat(bench.replica.store.get(NAME).position().txid()).isEqualTo(2);
    assertThat(bench.replica.read(NAME))
        .isEqualTo(LogFold.fold(bench.primary.root, NAME).get(1).bytes());
    bench.replica.disk.heal();
    bench.follow(NAME);
    bench.assertSame(NAME);
  }

  @Test
  void aReplicaThatDiesWhileApplyingRedoesItsLog() throws Exception {
    for (FaultPoint point :
        new FaultPoint[] {
          FaultPoint.APPLY_CHECKED, FaultPoint.COMMIT_APPLYING, FaultPoint.APPLY_SHOWN
        }) {
      commit(6);
      commit(3);
      FaultPoint.arm(point, 1, () -> bench.replica.disk.die());
      try {
        bench.follow(NAME);
      } catch (IOException | RuntimeException | Error e) {
        assertThat(bench.replica.disk.isDead()).isTrue();
      }
      FaultPoint.disarm();
      long received = bench.onReplica(NAME).replicaLog().durableTxid();
      bench.replica.powerLoss(random);
      assertThat(bench.replica.store.get(NAME).position().txid()).isEqualTo(received);
      bench.follow(NAME);
      bench.assertSame(NAME);
    }
  }

  @Test
  void aReplicaGoesOnWhereItWasAfterEachRestart() throws Exception {
    commit(3);
    bench.follow(NAME);
    long epoch = bench.replica.store.epoch();
    for (int i = 0; i < 3; i++) {
      commit(4);
      bench.carry(NAME, 9, random);
      bench.replica.reopenCleanly();
      bench.follow(NAME);
      bench.assertSame(NAME);
    }
    assertThat(bench.replica.store.epoch()).as("a replica takes no epochs").isEqualTo(epoch);
  }
}
