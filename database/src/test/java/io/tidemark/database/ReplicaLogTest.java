package io.tidemark.database;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidemark.database.ReplicaBench.Travelling;
import io.tidemark.database.ReplicationException.Kind;
import io.tidemark.database.SqliteSimulator.Finalise;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;

class ReplicaLogTest extends ReplicaFixture {
  ReplicaLogTest() {
    super(11);
  }

  private ReplicaLog log() throws IOException {
    return bench.onReplica(NAME).replicaLog();
  }

  private static void assertRefused(Kind kind, ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(
            ReplicationException.class, e -> assertThat(e.kind()).isEqualTo(kind));
  }

  private LogPosition take(Travelling record) throws IOException {
    return ReplicaBench.take(log(), bench.primary.store.epoch(), record, 1000);
  }

  /** Two records of the primary; the replica has taken the first. */
  private Travelling secondAfterTheFirst() throws IOException {
    commit(3);
    commit(300);
    List<Travelling> records = bench.recordsAfter(NAME, 0);
    take(records.get(0));
    return records.get(1);
  }

  @Test
  void bodiesAreByteForByteThoseOfThePrimaryWhateverTheirSize() throws Exception {
    commit(3);
    commit(5);
    commit(400); // larger than the buffer
    commit(2);
    bench.carry(NAME, Integer.MAX_VALUE, random);
    assertThat(log().received())
        .isEqualTo(
            new LogPosition(
                bench.primary.store.epoch(),
                4,
                bench.primary.store.get(NAME).position().checksum()));
    List<LogFold.Image> original = LogFold.fold(bench.primary.root, NAME);
    List<LogFold.Image> copy = LogFold.fold(bench.replica.root, NAME);
    assertThat(copy).hasSize(4);
    for (int i = 0; i < 4; i++) {
      assertThat(copy.get(i).bytes()).isEqualTo(original.get(i).bytes());
      assertThat(copy.get(i).epoch()).isEqualTo(original.get(i).epoch());
    }
    List<Travelling> there = bench.recordsAfter(NAME, 0);
    try (LogReader reader = LogReader.open(bench.replica.root, NAME)) {
      for (Travelling record : there) {
        LogRecord here = reader.next();
        assertThat(reader.ltx().readNBytes((int) here.ltxLength())).isEqualTo(record.ltx());
      }
    }
    assertThat(bench.replica.read(NAME)).as("received is not shown").isEmpty();
  }

  @Test
  void onlyTheNextTransactionIsTaken() throws Exception {
    commit(3);
    commit(3);
    List<Travelling> records = bench.recordsAfter(NAME, 0);
    assertRefused(Kind.NOT_NEXT, () -> take(records.get(1)));
    take(records.get(0));
    assertRefused(Kind.NOT_NEXT, () -> take(records.get(0)));
    assertRefused(Kind.NOT_NEXT, () -> log().finish());
    assertThat(take(records.get(1)).txid()).isEqualTo(2);
  }

  @Test
  void aDamagedRecordLeavesNoTrace() throws Exception {
    Travelling good = secondAfterTheFirst();
    for (int at : new int[] {60, 2000, good.ltx().length - 1}) {
      byte[] bad = good.ltx().clone();
      bad[at] ^= 4;
      Travelling damaged = new Travelling(good.epoch(), 2, null, bad);
      assertThatThrownBy(() -> take(damaged)).isInstanceOf(ReplicationException.class);
      assertThat(log().received().txid()).isEqualTo(1);
    }
    assertRefused(
        Kind.DAMAGED,
        () -> {
          log().begin(1, 1, 2, null, good.ltx().length + 1, 2);
          log().write(ByteBuffer.wrap(good.ltx()));
          log().finish();
        });
    assertRefused(
        Kind.DAMAGED,
        () -> {
          log().begin(1, 1, 2, null, good.ltx().length - 1, 2);
          log().write(ByteBuffer.wrap(good.ltx()));
        });
    bench.replica.crash();
    assertThat(bench.replica.store.get(NAME).position().txid()).isEqualTo(1);
    take(good);
    bench.follow(NAME);
    bench.assertSame(NAME);
  }

  @Test
  void arecordThatWasBegunAndNeverFinishedIsNotFoundAgain() throws Exception {
    Travelling second = secondAfterTheFirst();
    log().begin(1, 1, 2, null, second.ltx().length, 2);
    log().write(ByteBuffer.wrap(second.ltx()));
    bench.replica.crash();
    assertThat(log().received().txid()).isEqualTo(1);
    take(second);
    assertThat(log().received().txid()).isEqualTo(2);
  }

  @Test
  void anotherHistoryIsRefused() throws Exception {
    commit(3);
    take(bench.recordsAfter(NAME, 0).get(0));
    // the same TXIDs with other content
    bench.primary.store.drop(NAME);
    image = new byte[0];
    commit(3);
    List<Travelling> records = bench.recordsAfter(NAME, 1);
    Travelling third = records.get(1);
    assertRefused(
        Kind.WRONG_HISTORY, () -> take(new Travelling(third.epoch(), 2, null, third.ltx())));
    assertRefused(
        Kind.WRONG_HISTORY,
        () -> take(new Travelling(bench.primary.store.epoch() + 1, 2, null, records.get(0).ltx())));
  }

  @Test
  void aRecordThatBuildsOnAnotherStateIsRefused() throws Exception {
    commit(3);
    commit(3);
    take(bench.recordsAfter(NAME, 0).get(0));
    try (ReplicaBench other = new ReplicaBench(directory.resolve("other"))) {
      byte[] first = SqliteSimulator.image(random, 4096, 3, false);
      byte[] second = SqliteSimulator.next(random, first, 4096, 3, false, 1);
      SqliteSimulator sqlite = new SqliteSimulator(other.primary.store, NAME, random);
      sqlite.commitJournaled(new byte[0], first, Finalise.UNLINK, true);
      sqlite.commitJournaled(first, second, Finalise.UNLINK, true);
      Travelling foreign = other.recordsAfter(NAME, 1).get(0);
      assertRefused(Kind.WRONG_HISTORY, () -> take(foreign));
    }
  }

  @Test
  void anOlderPrimaryIsNotListenedTo() throws Exception {
    commit(3);
    Travelling first = bench.recordsAfter(NAME, 0).get(0);
    bench.replica.store.followEpoch(7);
    assertRefused(Kind.OLDER_EPOCH, () -> take(first));
    // An old record from the new primary is what a replica gets that was away.
    ReplicaBench.take(log(), 7, first, 5000);
    assertThat(log().received().epoch()).isEqualTo(first.epoch());
    bench.replica.crash();
    assertThat(bench.replica.store.epoch()).as("durable").isEqualTo(7);
    assertRefused(Kind.OLDER_EPOCH, () -> bench.replica.store.followEpoch(6));
  }

  @Test
  void aPrimaryTakesNoRecords() throws Exception {
    commit(3);
    Travelling first = bench.recordsAfter(NAME, 0).get(0);
    bench.onReplica(NAME);
    log().begin(1, 1, 1, null, first.ltx().length, 1);
    log().write(ByteBuffer.wrap(first.ltx(), 0, 200));
    bench.replica.store.becomePrimary(5);
    assertRefused(Kind.NOT_NEXT, () -> log().write(ByteBuffer.wrap(first.ltx(), 200, 10)));
    assertRefused(Kind.OLDER_EPOCH, () -> take(first));
  }

  @Test
  void aFullDiskRefusesARecordAndTheNextAttemptSucceeds() throws Exception {
    Travelling second = secondAfterTheFirst();
    bench.replica.disk.failOnce(FaultyDisk.Call.WRITE, FaultyDisk.segments(), 1, FaultyDisk.ENOSPC);
    assertRefused(Kind.DISK, () -> take(second));
    assertThat(log().received().txid()).isEqualTo(1);
    take(second);
    log().awaitDurable(2);
    bench.replica.powerLoss(random);
    assertThat(bench.replica.store.get(NAME).position().txid()).isEqualTo(2);
  }

  @Test
  void aRecordWhoseSegmentWasLeftAfterAFailedSyncIsSentAgain() throws Exception {
    Travelling second = secondAfterTheFirst();
    byte[] large = second.ltx();
    log().begin(1, 1, 2, null, large.length, 2);
    log().write(ByteBuffer.wrap(large, 0, large.length / 2));
    bench.replica.disk.failOnce(FaultyDisk.Call.SYNC, FaultyDisk.segments(), 1, FaultyDisk.EIO);
    log().awaitDurable(1);
    assertRefused(
        Kind.DISK,
        () -> {
          log().write(ByteBuffer.wrap(large, large.length / 2, large.length - large.length / 2));
          log().finish();
        });
    take(second);
    log().awaitDurable(2);
    bench.replica.powerLoss(random);
    bench.follow(NAME);
    bench.assertSame(NAME);
  }

  @Test
  void thousandsOfSmallRecordsASecondAreTaken() throws Exception {
    commit(3);
    for (int i = 0; i < 2000; i++) {
      commit(3);
    }
    List<Travelling> records = bench.recordsAfter(NAME, 0);
    Database database = bench.onReplica(NAME);
    long start = System.nanoTime();
    for (Travelling record : records) {
      take(record);
    }
    long taken = System.nanoTime();
    database.replicaLog().awaitDurable(records.size());
    database.applier().apply(records.size());
    long applied = System.nanoTime();
    System.out.printf(
        "ReplicaLogTest: %.0f records/s taken, %.0f/s applied%n",
        records.size() * 1e9 / (taken - start), records.size() * 1e9 / (applied - taken));
    bench.assertSame(NAME);
  }

  @Test
  void aDamagedDatabaseMakesRoomForACopyOnceAndItsFilesAreKept() throws Exception {
    for (int pages : new int[] {5, 6, 7}) { // each record says that those before it are durable
      commit(pages);
      bench.follow(NAME);
    }
    damageLog();
    Store store = bench.replica.store;
    assertThat(store.get(NAME).failure()).isNotNull();
    Database empty = store.makeRoomForCopy(NAME);
    assertThat(empty.failure()).isNull();
    assertThat(empty.replicaLog().received()).isEqualTo(LogPosition.NONE);
    assertThat(store.makeRoomForCopy(NAME)).isSameAs(empty);
    bench.follow(NAME);
    bench.assertSame(NAME);
    assertThat(Files.list(bench.replica.root.resolve("damaged"))).hasSize(1);
    bench.replica.crash();
    bench.assertSame(NAME);

    store = bench.replica.store;
    store.get(NAME).fail("the disk is bad");
    store.makeRoomForCopy(NAME).fail("the disk is bad again");
    Store same = store;
    assertThatThrownBy(() -> same.makeRoomForCopy(NAME)).hasMessageContaining("check the disk");
    assertThatThrownBy(
            () -> {
              bench.primary.store.get(NAME).fail("the disk is bad");
              bench.primary.store.makeRoomForCopy(NAME);
            })
        .hasMessageContaining("the disk is bad");
    assertThat(Files.exists(bench.primary.root.resolve("damaged"))).isFalse();
  }

  private void damageLog() throws IOException {
    Path segment = bench.replica.lastSegment(NAME);
    bench.replica.kill();
    byte[] bytes = Files.readAllBytes(segment);
    bytes[SegmentHeader.BLOCK + 80] ^= 1;
    Files.write(segment, bytes);
    bench.replica.open();
  }
}
