package io.tidemark.database;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.database.SqliteSimulator.Finalise;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What can be done with a database whose files were damaged from outside. */
class DamagedDatabaseTest {
  private final Random random = new Random(42);
  @TempDir Path directory;
  private TestStore bench;
  private byte[] first;
  private byte[] second;

  @BeforeEach
  void commitTwice() throws Exception {
    bench = new TestStore(directory).open();
    first = SqliteSimulator.image(random, 512, 4, false);
    second = SqliteSimulator.image(random, 512, 5, false);
    SqliteSimulator sqlite = new SqliteSimulator(bench.store, "a", random);
    sqlite.commitJournaled(new byte[0], first, Finalise.UNLINK, true);
    sqlite.commitJournaled(first, second, Finalise.UNLINK, true);
  }

  @AfterEach
  void close() {
    bench.close();
  }

  private void loseTheLogBelowTheCheckpoint() throws IOException {
    bench.store.get("a").checkpoint();
    bench.kill();
    Path segment = bench.lastSegment("a");
    byte[] bytes = Files.readAllBytes(segment);
    Arrays.fill(bytes, SegmentHeader.BLOCK, bytes.length, (byte) 0);
    Files.write(segment, bytes);
    bench.open();
    assertThat(bench.store.get("a").failure()).contains("durable");
  }

  @Test
  void aMissingDatabaseFileIsNoticedAndNotServedAsZeros() throws Exception {
    bench.store.get("a").checkpoint();
    bench.kill();
    byte[] bytes = Files.readAllBytes(bench.databaseFile("a"));
    Files.delete(bench.databaseFile("a"));
    bench.open();
    assertThat(bench.store.get("a").failure()).contains("deleted or cut short");
    bench.kill();
    Files.write(bench.databaseFile("a"), bytes);
    bench.open();
    assertThat(bench.read("a")).isEqualTo(second);
  }

  @Test
  void aDamagedDatabaseCanBeDroppedAndItsFilesAreKept() throws Exception {
    loseTheLogBelowTheCheckpoint();
    assertThat(bench.store.drop("a")).isTrue();
    assertThat(bench.store.find("a")).isNull();
    try (var kept = Files.list(bench.root.resolve("damaged"))) {
      assertThat(kept).hasSize(1);
    }
    bench.reopenCleanly();
    assertThat(bench.store.find("a")).isNull();
  }

  @Test
  void anImportOverADamagedDatabaseStaysAfterACrashAndReusesNoTransactionId() throws Exception {
    loseTheLogBelowTheCheckpoint();
    Path file = directory.resolve("backup.db");
    Files.write(file, first);
    Database imported = bench.store.importDatabase("a", file);
    assertThat(imported.position().txid()).isEqualTo(3);
    bench.crash();
    assertThat(bench.store.get("a").failure()).isNull();
    assertThat(bench.read("a")).isEqualTo(first);
    assertThat(bench.store.get("a").position().txid()).isEqualTo(3);
  }

  private long openFiles() throws IOException {
    Path base = bench.root.resolve("dbs").toRealPath();
    long open = 0;
    try (var descriptors = Files.newDirectoryStream(Path.of("/proc/self/fd"))) {
      for (Path descriptor : descriptors) {
        try {
          open += Files.readSymbolicLink(descriptor).startsWith(base) ? 1 : 0;
        } catch (IOException e) {
          // closed meanwhile
        }
      }
    }
    return open;
  }

  @Test
  void recoveryThatFailsLeavesNoFileOpen() throws Exception {
    bench.store.close();
    byte[] bytes = Files.readAllBytes(bench.databaseFile("a"));
    assertThat(openFiles()).isZero();
    Files.delete(bench.databaseFile("a"));
    bench.open();
    assertThat(bench.store.get("a").failure()).isNotNull();
    assertThat(openFiles()).isZero();
    Files.write(bench.databaseFile("a"), Arrays.copyOf(bytes, 600));
    bench.store.retryFailed();
    assertThat(bench.store.get("a").failure()).isNotNull();
    assertThat(openFiles()).isZero();
  }

  @Test
  void aDatabaseThatIsServedAgainTouchesNoVolatileFileOfTheFailedOne() throws Exception {
    Database failed = bench.store.get("a");
    SideFile journal = failed.createJournal();
    failed.opened(journal);
    failed.writeJournal(journal, ByteBuffer.wrap(new byte[] {1, 2, 3, 4}), 0);
    failed.fail("for a test");
    bench.store.retryFailed();
    Database again = bench.store.get("a");
    assertThat(again).isNotSameAs(failed);
    ByteBuffer read = ByteBuffer.allocate(4);
    for (int i = 0; i < 5; i++) {
      SideFile other = again.createJournal();
      again.writeJournal(other, ByteBuffer.wrap(new byte[] {9, 9}), 0);
      journal.read(read.clear(), 0);
      assertThat(read.array()).containsExactly(1, 2, 3, 4);
      again.unlinkJournal();
    }
    failed.released(journal);
    assertThat(bench.read("a")).isEqualTo(second);
  }

  @Test
  void aDatabaseIsServedAgainOnceItsSegmentIsPutBack() throws Exception {
    bench.store.get("a").checkpoint();
    bench.kill();
    Path segment = bench.lastSegment("a");
    byte[] whole = Files.readAllBytes(segment);
    byte[] damaged = whole.clone();
    Arrays.fill(damaged, SegmentHeader.BLOCK, damaged.length, (byte) 0);
    Files.write(segment, damaged);
    bench.open();
    bench.store.retryFailed();
    assertThat(bench.store.get("a").failure()).isNotNull();
    Files.write(segment, Arrays.copyOf(whole, whole.length + 8));
    bench.store.retryFailed();
    assertThat(bench.store.get("a").failure()).isNull();
    assertThat(bench.read("a")).isEqualTo(second);
  }
}
