package io.tidemark.database;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidemark.database.SqliteSimulator.Finalise;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Pages and records of a database that goes on changing make exactly one of its states. */
class SnapshotSourceTest {
  @TempDir Path directory;

  private final Random random = new Random(9);
  private TestStore bench;

  @BeforeEach
  void open() throws Exception {
    bench = new TestStore(directory, true, Duration.ofMillis(1), 0).open();
  }

  @AfterEach
  void close() {
    bench.close();
  }

  private void check(Replay copy, DatabasePosition position, HistoryWriter writer) {
    assertThat(copy.image).isEqualTo(writer.model.get((int) position.txid()));
    assertThat(copy.checksum()).isEqualTo(position.checksum());
  }

  private static void copyAll(SnapshotSource source, Replay copy) throws Exception {
    for (long pgno = 1; pgno <= source.pageCount(); pgno++) {
      copy.copy(source, pgno, 1);
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})
  void whateverIsCommittedWhilePagesAreCopied(long seed) throws Exception {
    Random dice = new Random(seed);
    HistoryWriter writer = new HistoryWriter(bench.store, "a", dice);
    for (int round = 0; round < 12; round++) {
      writer.stepUntil(writer.model.size() + dice.nextInt(4));
      Replay copy = new Replay();
      try (SnapshotSource source = writer.database().snapshot()) {
        assertThat(source.begunAt().txid()).isGreaterThanOrEqualTo(source.redoTxid());
        assertThat(source.pageSize()).isEqualTo(source.begunAt().pageSize());
        long pgno = 1;
        while (pgno <= source.pageCount()) {
          int count = (int) Math.min(1 + dice.nextInt(9), source.pageCount() - pgno + 1);
          copy.copy(source, pgno, count);
          pgno += count;
          for (int steps = dice.nextInt(3); steps > 0; steps--) {
            writer.step();
          }
          writer.database().enforceRetention(System.currentTimeMillis() + 100_000);
        }
        assertThatThrownBy(source::position).isInstanceOf(IllegalStateException.class);
        DatabasePosition end = source.finish();
        assertThat(end).isEqualTo(writer.database().position());
        writer.stepUntil(writer.model.size() + 2);
        assertThat(copy.complete(source, dice)).isEqualTo(end).isEqualTo(source.position());
        check(copy, end, writer);
        assertThatThrownBy(() -> source.readPages(1, 1, ByteBuffer.allocate(65536)))
            .isInstanceOf(IllegalStateException.class);
      }
    }
  }

  @Test
  void uncommittedPagesAreNotRead() throws Exception {
    SqliteSimulator sqlite = new SqliteSimulator(bench.store, "a", random);
    byte[] image = SqliteSimulator.image(random, 512, 20, false);
    sqlite.commitJournaled(new byte[0], image, Finalise.UNLINK, true);
    byte[] after = SqliteSimulator.next(random, image, 512, 30, false, 15);
    sqlite.writeUnderJournal(image, after, true);
    Replay copy = new Replay();
    try (SnapshotSource source = sqlite.db.snapshot()) {
      assertThat(source.pageCount()).isEqualTo(20);
      copyAll(source, copy);
      assertThat(copy.image).isEqualTo(image);
      assertThat(copy.complete(source, random).txid()).isEqualTo(1);
      assertThat(copy.image).isEqualTo(image);
    }
  }

  @Test
  void aCommitWhosePagesStillWaitComesWithTheRecords() throws Exception {
    SqliteSimulator sqlite = new SqliteSimulator(bench.store, "a", random);
    byte[] image = SqliteSimulator.image(random, 512, 20, false);
    sqlite.commitJournaled(new byte[0], image, Finalise.UNLINK, false);
    assertThat(Files.size(bench.databaseFile("a"))).isZero();
    Replay copy = new Replay();
    try (SnapshotSource source = sqlite.db.snapshot()) {
      assertThat(source.redoTxid()).isZero();
      assertThat(source.pageCount()).isEqualTo(1);
      copyAll(source, copy);
      assertThat(copy.image).isEqualTo(new byte[512]);
      assertThat(copy.complete(source, random).txid()).isEqualTo(1);
      assertThat(copy.image).isEqualTo(image);
    }
  }

  @Test
  void pagesOnlyInTheWalComeWithTheRecords() throws Exception {
    SqliteSimulator sqlite = new SqliteSimulator(bench.store, "a", random);
    byte[] image = SqliteSimulator.image(random, 512, 20, true);
    sqlite.commitJournaled(new byte[0], image, Finalise.UNLINK, true);
    for (int i = 0; i < 3; i++) {
      byte[] after = SqliteSimulator.next(random, image, 512, 20, true, 5);
      sqlite.commitWal(image, after);
      image = after;
    }
    Replay copy = new Replay();
    try (SnapshotSource source = sqlite.db.snapshot()) {
      assertThat(source.redoTxid()).isEqualTo(1);
      copyAll(source, copy);
      sqlite.checkpoint(sqlite.frames());
      assertThat(copy.complete(source, random).txid()).isEqualTo(4);
      assertThat(copy.image).isEqualTo(image);
    }
    try (SnapshotSource source = sqlite.db.snapshot()) {
      assertThat(source.redoTxid()).isEqualTo(4);
    }
  }

  @Test
  void aCheckpointWithOlderPagesEndsIt() throws Exception {
    SqliteSimulator sqlite = new SqliteSimulator(bench.store, "a", random);
    byte[] image = SqliteSimulator.image(random, 512, 5, true);
    sqlite.commitJournaled(new byte[0], image, Finalise.UNLINK, true);
    for (int i = 0; i < 2; i++) {
      byte[] after = SqliteSimulator.next(random, image, 512, 5, true, 1);
      sqlite.beginWal(512);
      sqlite.writeWalPlain(sqlite.framesOf(image, after));
      image = after;
    }
    sqlite.checkpoint(sqlite.frames());
    Replay copy = new Replay();
    try (SnapshotSource source = sqlite.db.snapshot()) {
      assertThat(source.redoTxid()).isEqualTo(3);
      sqlite.checkpoint(sqlite.commitEnds().get(0));
      copyAll(source, copy);
      assertThat(copy.image).isNotEqualTo(image);
      sqlite.checkpoint(sqlite.frames());
      assertThatThrownBy(source::finish)
          .isInstanceOf(ReadingEndedException.class)
          .hasMessageContaining("repeated with older pages");
    }
  }

  @Test
  void aSnapshotThatWasBrokenOffGoesOn() throws Exception {
    HistoryWriter writer = new HistoryWriter(bench.store, "a", random);
    for (int round = 0; round < 10; round++) {
      writer.stepUntil(writer.model.size() + 3);
      Replay copy = new Replay();
      long redo;
      int pageSize;
      long half;
      try (SnapshotSource first = writer.database().snapshot()) {
        redo = first.redoTxid();
        pageSize = first.pageSize();
        half = Math.max(1, first.pageCount() / 2);
        copy.copy(first, 1, (int) half);
      }
      writer.stepUntil(writer.model.size() + 2);
      if (round % 3 == 0) {
        writer.drop();
        writer.stepUntil(writer.model.size() + 1);
      }
      try (SnapshotSource second = writer.database().snapshot(redo)) {
        assertThat(second.redoTxid()).isEqualTo(redo);
        if (second.pageSize() == pageSize) {
          for (long pgno = half + 1; pgno <= second.pageCount(); pgno++) {
            copy.copy(second, pgno, 1);
          }
        } else {
          copyAll(second, copy);
        }
        check(copy, copy.complete(second, random), writer);
      }
    }
  }

  @Test
  void aSnapshotWhoseRecordsAreGoneBeginsAnew() throws Exception {
    HistoryWriter writer = new HistoryWriter(bench.store, "a", random);
    while (writer.database().status().logSegments() < 3) {
      writer.vacuum();
      bench.settle();
      bench.upkeep();
    }
    writer.database().enforceRetention(System.currentTimeMillis() + 100_000);
    long first = writer.database().firstInLog();
    assertThat(first).isGreaterThan(2);
    assertThatThrownBy(() -> writer.database().snapshot(first - 2))
        .isInstanceOf(RecordsGoneException.class)
        .hasMessageContaining("begins at transaction " + first);
    writer.database().snapshot(first - 1).close();
    long redo = writer.database().status().redoTxid();
    assertThatThrownBy(() -> writer.database().snapshot(redo + 1))
        .isInstanceOf(ReadingEndedException.class)
        .hasMessageContaining("begin a new one");
    assertThatThrownBy(() -> bench.store.getOrCreate("none").snapshot())
        .isInstanceOf(InvalidDatabaseException.class);
  }

  @Test
  void aDropEndsItAndLeavesNoFileOpen() throws Exception {
    HistoryWriter writer = new HistoryWriter(bench.store, "a", random);
    writer.stepUntil(5);
    SnapshotSource source = writer.database().snapshot();
    SnapshotSource atEnd = writer.database().snapshot();
    SnapshotSource finished = writer.database().snapshot();
    Replay copy = new Replay();
    copyAll(finished, copy);
    finished.finish();
    writer.drop();
    writer.stepUntil(8);
    ByteBuffer page = ByteBuffer.allocate(65536);
    assertThatThrownBy(() -> source.readPages(1, 1, page))
        .isInstanceOf(ReadingEndedException.class)
        .hasMessageContaining("'a' was dropped while it was copied");
    assertThat(page.position()).isZero();
    assertThatThrownBy(() -> source.readPages(1, 1, page))
        .isInstanceOf(ReadingEndedException.class);
    assertThatThrownBy(atEnd::finish).isInstanceOf(ReadingEndedException.class);
    check(copy, copy.complete(finished, random), writer);
    finished.close();
    assertThat(OpenFiles.below(directory)).noneMatch(path -> path.contains("database (deleted)"));
  }

  @Test
  void anImportEndsIt() throws Exception {
    HistoryWriter writer = new HistoryWriter(bench.store, "a", random);
    writer.stepUntil(5);
    SnapshotSource source = writer.database().snapshot();
    byte[] other = SqliteSimulator.image(random, 4096, 3, false);
    bench.store.importDatabase("a", Files.write(directory.resolve("in.db"), other));
    assertThatThrownBy(() -> source.readPages(1, 1, ByteBuffer.allocate(65536)))
        .isInstanceOf(ReadingEndedException.class)
        .hasMessageContaining("'a' was replaced while it was copied");
    Replay copy = new Replay();
    try (SnapshotSource again = writer.database().snapshot()) {
      copyAll(again, copy);
      copy.complete(again, random);
      assertThat(copy.image).isEqualTo(other);
    }
    assertThat(OpenFiles.below(directory)).noneMatch(path -> path.contains("database (deleted)"));
  }

  @Test
  void pagesAreReadWhileAWriterHoldsTheDatabase() throws Exception {
    HistoryWriter writer = new HistoryWriter(bench.store, "a", random);
    writer.stepUntil(5);
    Database database = writer.database();
    try (SnapshotSource source = database.snapshot();
        RecordReader reader = database.recordsAfter(4)) {
      reader.next();
      database.lock.lock();
      try {
        CompletableFuture.runAsync(
                () -> {
                  try {
                    source.readPages(1, 1, ByteBuffer.allocate(65536));
                    Replay.body(reader, random);
                    assertThat(reader.next()).isFalse();
                  } catch (Exception e) {
                    throw new AssertionError(e);
                  }
                })
            .get(10, TimeUnit.SECONDS);
      } finally {
        database.lock.unlock();
      }
    }
  }

  @Test
  void anExportOfADatabaseThatIsDroppedMeanwhileSaysSo() throws Exception {
    HistoryWriter writer = new HistoryWriter(bench.store, "a", random);
    writer.stepUntil(5);
    boolean[] dropped = new boolean[1];
    bench.disk.watch(
        (path, src, offset) -> {
          if (path.toString().contains("export-") && !dropped[0]) {
            dropped[0] = true;
            writer.drop();
          }
        });
    assertThatThrownBy(
            () ->
                writer
                    .database()
                    .exportTo(Channels.newChannel(new ByteArrayOutputStream()), bytes -> {}))
        .isInstanceOf(ReadingEndedException.class)
        .hasMessageContaining("dropped");
  }

  @Test
  void pageChecksumsAreThoseOfTheCommittedImage() throws Exception {
    SqliteSimulator sqlite = new SqliteSimulator(bench.store, "a", random);
    byte[] image = SqliteSimulator.image(random, 512, 20, false);
    sqlite.commitJournaled(new byte[0], image, Finalise.UNLINK, true);
    sqlite.writeUnderJournal(image, SqliteSimulator.next(random, image, 512, 25, false, 9), true);
    long[] all = sqlite.db.pageSums(1, 100);
    assertThat(all).hasSize(20);
    long rolling = 0;
    for (long sum : all) {
      assertThat(sum).isNegative();
      rolling ^= sum;
    }
    assertThat(rolling | 1L << 63).isEqualTo(LogFold.checksum(image, 512));
    assertThat(sqlite.db.pageSums(5, 2)).containsExactly(all[4], all[5]);
    assertThat(sqlite.db.pageSums(19, 5)).containsExactly(all[18], all[19]);
    assertThat(sqlite.db.pageSums(1L << 32, 5)).isEmpty();
    assertThatThrownBy(() -> sqlite.db.pageSums(0, 5)).isInstanceOf(IllegalArgumentException.class);
  }
}
