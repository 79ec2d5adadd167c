package io.tidemark.database;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.database.SqliteSimulator.Finalise;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Readers in threads of their own, on the real disk, while a writer commits. */
class FollowingTest {
  private static final int COMMITS = 400;

  @TempDir Path directory;

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void aFollowerAndSnapshotsComeToWhatTheWriterCommitted(long seed) throws Exception {
    Random random = new Random(seed);
    StoreOptions options =
        new StoreOptions(directory.resolve("data"), true, Duration.ofMillis(1), 200_000, true);
    try (Store store = Store.open(options)) {
      TestStore.stopUpkeep(store); // the writer does that work
      HistoryWriter writer = new HistoryWriter(store, "a", random);
      writer.stepUntil(1);
      AtomicReference<Throwable> failed = new AtomicReference<>();
      RecordReader reader = writer.database().recordsAfter(0);
      Thread follower = start(failed, () -> follow(reader, writer, new Random(seed)));
      Thread copier = start(failed, () -> copyAgainAndAgain(writer, new Random(seed)));
      while (writer.model.size() <= COMMITS && failed.get() == null) {
        writer.step();
      }
      for (Thread thread : new Thread[] {follower, copier}) {
        thread.join(60_000);
        assertThat(failed.get()).isNull();
        assertThat(thread.isAlive()).isFalse();
      }
    }
  }

  private interface Work {
    void run() throws Exception;
  }

  private static Thread start(AtomicReference<Throwable> failed, Work work) {
    Thread thread =
        new Thread(
            () -> {
              try {
                work.run();
              } catch (Exception | Error e) {
                failed.compareAndSet(null, e);
              }
            });
    thread.start();
    return thread;
  }

  private static void follow(RecordReader reader, HistoryWriter writer, Random random)
      throws Exception {
    Replay replay = new Replay();
    try (reader) {
      while (reader.txid() < COMMITS) {
        if (replay.follow(reader, random) == 0) {
          Thread.onSpinWait();
        }
      }
    }
    while (writer.model.size() <= reader.txid()) {
      Thread.onSpinWait();
    }
    byte[] expected = writer.model.get((int) reader.txid());
    assertThat(Arrays.mismatch(replay.image, expected)).isEqualTo(-1);
  }

  private static void copyAgainAndAgain(HistoryWriter writer, Random random) throws Exception {
    int snapshots = 0;
    long past = 0;
    while (writer.model.size() <= COMMITS || snapshots == 0) {
      Replay copy = new Replay();
      try (SnapshotSource source = writer.database().snapshot()) {
        for (long pgno = 1; pgno <= source.pageCount(); pgno++) {
          copy.copy(source, pgno, 1);
        }
        DatabasePosition position = copy.complete(source, random);
        while (writer.model.size() <= position.txid()) {
          Thread.onSpinWait();
        }
        byte[] expected = writer.model.get((int) position.txid());
        assertThat(Arrays.mismatch(copy.image, expected)).as("at " + position).isEqualTo(-1);
        assertThat(copy.checksum()).isEqualTo(position.checksum());
        past += position.txid() - source.redoTxid();
        snapshots++;
      }
    }
    System.out.println(snapshots + " snapshots while " + past + " transactions were committed");
  }

  /** A measurement; only that all records come is asserted. */
  @Test
  void recordsOfOnePage() throws Exception {
    int records = 20_000;
    Random random = new Random(4);
    StoreOptions options =
        new StoreOptions(directory.resolve("data"), false, Duration.ZERO, 0, true);
    try (Store store = Store.open(options)) {
      SqliteSimulator sqlite = new SqliteSimulator(store, "a", random);
      byte[] image = SqliteSimulator.image(random, 4096, 2, true);
      sqlite.commitJournaled(new byte[0], image, Finalise.UNLINK, true);
      sqlite.beginWal(4096);
      byte[] page = new byte[4096];
      for (int i = 0; i < records; i++) {
        random.nextBytes(page);
        ByteBuffer frame = sqlite.encode(new SqliteSimulator.Frame(2, 2, page));
        sqlite.db.writeWal(sqlite.wal(), frame, sqlite.frameOffset(i));
      }
      ByteBuffer body = ByteBuffer.allocateDirect(64 << 10);
      for (int round = 0; round < 3; round++) {
        try (RecordReader reader = sqlite.db.recordsAfter(1)) {
          long start = System.nanoTime();
          int read = 0;
          while (reader.next()) {
            reader.read(body.clear(), 0);
            read++;
          }
          double seconds = (System.nanoTime() - start) / 1e9;
          assertThat(read).isEqualTo(records);
          System.out.printf("%.0f records of 4 KiB a second%n", read / seconds);
        }
      }
    }
  }
}
