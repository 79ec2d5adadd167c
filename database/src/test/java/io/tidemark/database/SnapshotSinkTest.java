package io.tidemark.database;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidemark.database.ReplicaBench.Travelling;
import io.tidemark.database.SqliteSimulator.Finalise;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SnapshotSinkTest {
  private static final String NAME = "app.db";

  @TempDir Path directory;

  private final Random random = new Random(14);
  private ReplicaBench bench;
  private byte[] image = new byte[0];

  /** What the file had, some pages newer than that, and the records since. */
  private byte[] fileThen;

  private long redoTxid;

  @AfterEach
  void end() {
    FaultPoint.disarm();
    bench.close();
  }

  private void commit(int pages) throws IOException {
    byte[] after = SqliteSimulator.next(random, image, 1024, pages, false, 2);
    new SqliteSimulator(bench.primary.store, NAME, random)
        .commitJournaled(image, after, Finalise.UNLINK, true);
    image = after;
  }

  /** The replica follows, is cut off, and the primary goes on; the log since is gone for it. */
  private void start(Path home, boolean replicaHasOld) throws Exception {
    bench = new ReplicaBench(Files.createDirectories(home));
    image = new byte[0];
    commit(20);
    if (replicaHasOld) {
      commit(25);
      bench.follow(NAME);
    }
    commit(30);
    fileThen = image;
    redoTxid = bench.primary.store.get(NAME).position().txid();
    commit(33);
    commit(12);
    System.arraycopy(image, 2048, fileThen = fileThen.clone(), 2048, 4096); // read while it changed
  }

  private SnapshotSink begin() throws IOException {
    return bench
        .onReplica(NAME)
        .receiveSnapshot(
            bench.primary.store.epoch(), 1024, fileThen.length / 1024, redoTxid, false);
  }

  private LogPosition target() {
    DatabasePosition position = bench.primary.store.get(NAME).position();
    return new LogPosition(position.epoch(), position.txid(), position.checksum());
  }

  private void pages(SnapshotSink sink, long upTo) throws IOException {
    while (sink.lastPage() < upTo) {
      long first = sink.lastPage() + 1;
      int n = (int) Math.min(7, upTo - first + 1);
      sink.pages(first, ByteBuffer.wrap(fileThen, (int) (first - 1) * 1024, n * 1024));
    }
  }

  private void records(SnapshotSink sink) throws IOException {
    for (Travelling record : bench.recordsAfter(NAME, sink.nextTxid() - 1)) {
      sink.beginRecord(record.txid(), record.ltx().length);
      sink.write(ByteBuffer.wrap(record.ltx()));
      sink.finishRecord();
    }
  }

  private Database receive() throws IOException {
    SnapshotSink sink = begin();
    pages(sink, fileThen.length / 1024);
    records(sink);
    return sink.finish(target());
  }

  @Test
  void aCopyTakesThePlaceOfWhatWasThereAndRecordsFollowIt() throws Exception {
    for (boolean replicaHasOld : new boolean[] {false, true}) {
      start(directory.resolve("run" + replicaHasOld), replicaHasOld);
      Database old = bench.onReplica(NAME);
      MainFile open = old.mainFile();
      if (replicaHasOld) {
        old.opened(open);
      }
      Database now = receive();
      assertThat(bench.replica.store.get(NAME)).isSameAs(now);
      bench.assertSame(NAME);
      assertThat(now.replicaLog().received().txid())
          .isEqualTo(bench.primary.store.get(NAME).position().txid());
      if (replicaHasOld) {
        assertThat(open.isReplaced()).isTrue();
        assertThatThrownBy(() -> old.read(open, ByteBuffer.allocate(9), 0))
            .isInstanceOf(RefusedException.class);
      }
      commit(15);
      bench.follow(NAME);
      bench.assertSame(NAME);
      bench.replica.powerLoss(random);
      bench.assertSame(NAME);
      assertThat(bench.replica.store.importDirectory()).isEmptyDirectory();
      bench.close();
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {512, 4096})
  void recordsOfACopyMayChangeTheSizeOfItsPages(int pageSize) throws Exception {
    start(directory, true);
    for (int pages : new int[] {3, 15}) { // VACUUM, and a transaction after it
      byte[] after =
          pages == 3
              ? SqliteSimulator.image(random, pageSize, pages, false)
              : SqliteSimulator.next(random, image, pageSize, pages, false, 2);
      new SqliteSimulator(bench.primary.store, NAME, random)
          .commitJournaled(image, after, Finalise.TRUNCATE, true);
      image = after;
    }
    Database now = receive();
    assertThat(now.position().pageSize()).isEqualTo(pageSize);
    assertThat(now.position().pageCount()).isEqualTo(15);
    bench.assertSame(NAME);
    bench.replica.powerLoss(random);
    bench.assertSame(NAME);
  }

  @Test
  void aCopyGoesOnWhereItWasCut() throws Exception {
    start(directory, true);
    SnapshotSink sink = begin();
    pages(sink, 11);
    assertThat(sink.lastPage()).isEqualTo(11);
    assertThatThrownBy(() -> sink.pages(13, ByteBuffer.allocate(1024)))
        .isInstanceOf(ReplicationException.class);
    assertThatThrownBy(() -> records(sink)).isInstanceOf(ReplicationException.class);
    assertThatThrownBy(() -> sink.finish(target())).isInstanceOf(ReplicationException.class);
    pages(sink, fileThen.length / 1024);
    Travelling first = bench.recordsAfter(NAME, sink.nextTxid() - 1).get(0);
    sink.beginRecord(first.txid(), first.ltx().length);
    sink.write(ByteBuffer.wrap(first.ltx(), 0, 50));
    records(sink);
    sink.finish(target());
    bench.assertSame(NAME);
  }

  @Test
  void aCopyGoesOnWithPagesAndRecordsAsTheyAreWhenTheConnectionIsBack() throws Exception {
    start(directory, true);
    SnapshotSink sink = begin();
    pages(sink, 11);
    for (int pages : new int[] {40, 9, 45}) {
      commit(pages);
      fileThen = image; // the primary's file has grown, or is smaller than what was received
      sink.goOn(pages);
      pages(sink, pages);
      assertThat(sink.nextTxid()).isEqualTo(redoTxid + 1);
      Travelling first = bench.recordsAfter(NAME, redoTxid).get(0);
      sink.beginRecord(first.txid(), first.ltx().length);
      sink.write(ByteBuffer.wrap(first.ltx()));
      sink.finishRecord();
    }
    assertThat(sink.goesOn(4096)).isFalse();
    assertThat(sink.goesOn(1024)).isTrue();
    records(sink);
    sink.finish(target());
    assertThat(sink.goesOn(1024)).isFalse();
    bench.assertSame(NAME);
  }

  @Test
  void aCopyWithOneWrongByteIsNotUsed() throws Exception {
    start(directory, true);
    byte[] old = bench.replica.read(NAME);
    fileThen[fileThen.length / 3 / 1024 * 1024 + 500] ^= 1;
    assertThatThrownBy(this::receive)
        .isInstanceOfSatisfying(
            ReplicationException.class,
            e -> assertThat(e.kind()).isEqualTo(ReplicationException.Kind.DAMAGED));
    assertThat(bench.replica.read(NAME)).isEqualTo(old);
    bench.follow(NAME);
    bench.assertSame(NAME);
  }

  @Test
  void aFullDiskLeavesTheOldDatabaseInService() throws Exception {
    start(directory, true);
    byte[] old = bench.replica.read(NAME);
    Path imports = bench.replica.store.importDirectory();
    bench.replica.disk.failFrom(
        FaultyDisk.Call.WRITE, path -> path.startsWith(imports), 3, FaultyDisk.ENOSPC);
    SnapshotSink sink = begin();
    assertThatThrownBy(() -> pages(sink, 30)).isInstanceOf(ReplicationException.class);
    assertThat(bench.replica.read(NAME)).isEqualTo(old);
    bench.replica.disk.heal();
    pages(sink, fileThen.length / 1024);
    records(sink);
    sink.finish(target());
    bench.assertSame(NAME);
  }

  @Test
  void aCheckpointOfTheOldDatabaseThatIsOnItsWayDoesNotComeAfterwards() throws Exception {
    start(directory, true);
    Database old = bench.onReplica(NAME);
    Thread[] install = new Thread[1];
    Throwable[] failure = new Throwable[1];
    FaultPoint.arm(
        FaultPoint.CHECKPOINT_BEFORE_RENAME,
        1,
        () -> {
          install[0] =
              new Thread(
                  () -> {
                    try {
                      receive();
                    } catch (Throwable e) {
                      failure[0] = e;
                    }
                  });
          install[0].start();
          try {
            install[0].join(300);
          } catch (InterruptedException e) {
            throw new AssertionError(e);
          }
        });
    old.checkpoint();
    install[0].join();
    assertThat(failure[0]).isNull();
    bench.assertSame(NAME);
    bench.replica.crash();
    bench.assertSame(NAME);
  }

  @Test
  void aProcessThatIsKilledLeavesTheOldOrTheNew() throws Exception {
    int run = 0;
    for (FaultPoint point :
        List.of(
            FaultPoint.SNAPSHOT_STAGED,
            FaultPoint.CHECKPOINT_BEFORE_RENAME,
            FaultPoint.SNAPSHOT_DECIDED,
            FaultPoint.SNAPSHOT_IN_PLACE,
            FaultPoint.SNAPSHOT_LOG_PARTLY_GONE,
            FaultPoint.SNAPSHOT_DONE)) {
      start(directory.resolve("run" + run++), true);
      byte[] old = bench.replica.read(NAME);
      FaultPoint.arm(point, 1, () -> bench.replica.disk.die());
      assertThatThrownBy(this::receive).as(point.name()).isInstanceOf(IOException.class);
      assertThat(bench.replica.disk.isDead()).isTrue();
      bench.replica.crash();
      boolean decided = point.ordinal() >= FaultPoint.SNAPSHOT_DECIDED.ordinal();
      assertThat(bench.replica.read(NAME)).as(point.name()).isEqualTo(decided ? image : old);
      bench.follow(NAME);
      bench.assertSame(NAME);
      bench.close();
    }
  }

  @Test
  void powerLossAtAnyCallLeavesTheOldOrTheNew() throws Exception {
    for (boolean replicaHasOld : new boolean[] {true, false}) {
      int seenOld = 0;
      int seenNew = 0;
      boolean finished = false;
      for (int cut = 0; !finished; cut++) {
        Path home = directory.resolve("cut" + replicaHasOld + cut);
        start(home, replicaHasOld);
        byte[] old = bench.replica.read(NAME);
        bench.onReplica(NAME);
        bench.replica.disk.cutPowerAt(cut);
        try {
          receive();
          finished = !bench.replica.disk.isDead();
        } catch (IOException | FaultyDisk.PowerCut e) {
          assertThat(bench.replica.disk.isDead()).isTrue();
        }
        List<String> trace = bench.replica.disk.trace();
        bench.replica.powerLoss(random);
        byte[] found = bench.replica.read(NAME);
        boolean isNew = Arrays.equals(found, image);
        assertThat(isNew || Arrays.equals(found, old)).as("after " + trace).isTrue();
        assertThat(isNew || !finished).isTrue();
        seenNew += isNew ? 1 : 0;
        seenOld += isNew ? 0 : 1;
        Database database = bench.replica.store.get(NAME);
        assertThat(database == null ? null : database.failure()).as("after " + trace).isNull();
        bench.follow(NAME);
        bench.assertSame(NAME);
        bench.close();
        FileTree.delete(home);
      }
      assertThat(seenOld).isPositive();
      assertThat(seenNew).isPositive();
    }
  }
}
