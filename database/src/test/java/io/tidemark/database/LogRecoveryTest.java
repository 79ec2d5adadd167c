package io.tidemark.database;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.database.SqliteSimulator.Finalise;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What recovery makes of damaged files. */
class LogRecoveryTest {
  @TempDir Path directory;

  private final Random random = new Random(21);
  private final List<byte[]> images = new ArrayList<>(List.of(new byte[0]));
  private TestStore bench;

  @BeforeEach
  void open() throws Exception {
    bench = new TestStore(directory).open();
    for (int i = 0; i < 3; i++) {
      commit(i < 2);
    }
  }

  @AfterEach
  void close() {
    bench.close();
  }

  private void commit(boolean sync) throws IOException {
    byte[] before = images.get(images.size() - 1);
    byte[] after = SqliteSimulator.next(random, before, 512, 3, false, 1);
    new SqliteSimulator(bench.store, "a", random)
        .commitJournaled(before, after, Finalise.UNLINK, sync);
    images.add(after);
  }

  private LogFold.Image lastRecord() throws IOException {
    List<LogFold.Image> all = LogFold.fold(bench.root, "a");
    return all.get(all.size() - 1);
  }

  private void reopenWith(byte[] segment) throws IOException {
    bench.kill();
    Files.write(bench.lastSegment("a"), segment);
    // the database file may be older than the log, never newer
    Files.write(bench.databaseFile("a"), images.get(2));
    bench.open();
  }

  @Test
  void aTornTailIsCutAtEveryLength() throws Exception {
    long end = lastRecord().end();
    long start = startOfLastRecord();
    byte[] whole = Files.readAllBytes(bench.lastSegment("a"));
    // every length in the headers and the trailer, some between them
    int step;
    for (int length = (int) start; length < end; length += step) {
      step = length < start + 170 || length > end - 24 ? 1 : 1 + random.nextInt(15);
      byte[] torn = whole.clone();
      Arrays.fill(torn, length, torn.length, (byte) 0);
      boolean same = Arrays.equals(torn, whole);
      reopenWith(torn);
      assertThat(bench.read("a")).as("cut at " + length).isEqualTo(images.get(same ? 3 : 2));
      assertThat(bench.store.get("a").position().txid()).isEqualTo(same ? 3 : 2);
    }
  }

  @Test
  void aFileThatEndsInTheLastRecordIsCut() throws Exception {
    byte[] whole = Files.readAllBytes(bench.lastSegment("a"));
    for (int length = (int) startOfLastRecord(); length < lastRecord().end(); length += 37) {
      reopenWith(Arrays.copyOf(whole, length));
      assertThat(bench.read("a")).isEqualTo(images.get(2));
    }
  }

  @Test
  void bitFlipsInTheLastRecordCutIt() throws Exception {
    int start = (int) startOfLastRecord();
    int end = (int) lastRecord().end();
    byte[] whole = Files.readAllBytes(bench.lastSegment("a"));
    for (int i = start; i < end; i += random.nextInt(20) + 1) {
      byte[] damaged = whole.clone();
      damaged[i] ^= (byte) (1 << random.nextInt(8));
      reopenWith(damaged);
      assertThat(bench.read("a")).as("flip at " + i).isEqualTo(images.get(2));
    }
  }

  private long startOfLastRecord() throws IOException {
    try (LogReader log = LogReader.open(bench.root, "a")) {
      long offset = 0;
      for (LogRecord record = log.next(); record != null; record = log.next()) {
        offset = record.offset();
      }
      return offset;
    }
  }

  @Test
  void damageBelowADurablePositionIsReportedAndOtherDatabasesGoOn() throws Exception {
    byte[] b = SqliteSimulator.image(random, 512, 4, false);
    new SqliteSimulator(bench.store, "b", random)
        .commitJournaled(new byte[0], b, Finalise.UNLINK, true);
    commit(true); // says that the first two were durable
    byte[] whole = Files.readAllBytes(bench.lastSegment("a"));
    for (int i = SegmentHeader.BLOCK; i < SegmentHeader.BLOCK + 500; i += 61) {
      byte[] damaged = whole.clone();
      damaged[i] ^= 0x10;
      reopenWith(damaged);
      assertThat(bench.store.get("a").failure()).as("damage at " + i).contains("durable");
      assertThat(bench.store.get("a").status().health()).isEqualTo(DatabaseStatus.Health.FAILED);
      assertThat(bench.store.get("a").mainFile()).isNull();
      assertThat(bench.read("b")).isEqualTo(b);
      assertThat(Files.readAllBytes(bench.lastSegment("a"))).as("evidence").isEqualTo(damaged);
    }
    reopenWith(whole);
    assertThat(bench.read("a")).isEqualTo(images.get(4));
  }

  @Test
  void aLogThatEndsBelowTheCheckpointIsReported() throws Exception {
    bench.store.get("a").checkpoint();
    long start = startOfLastRecord();
    byte[] whole = Files.readAllBytes(bench.lastSegment("a"));
    Arrays.fill(whole, (int) start, whole.length, (byte) 0);
    reopenWith(whole);
    assertThat(bench.store.get("a").failure()).contains("durable");
  }

  @Test
  void aCheckpointDamagedAtAnyByteIsReplacedByTheWholeLog() throws Exception {
    bench.store.get("a").checkpoint();
    commit(true);
    bench.kill();
    Path file = bench.databaseFile("a").resolveSibling("checkpoint");
    byte[] good = Files.readAllBytes(file);
    for (int i = 0; i < good.length; i++) {
      byte[] damaged = good.clone();
      damaged[i] ^= (byte) (1 << random.nextInt(8));
      Files.write(file, damaged);
      Files.write(bench.databaseFile("a"), new byte[700]);
      bench.open();
      assertThat(bench.store.get("a").failure()).as("damage at " + i).isNull();
      assertThat(bench.read("a")).isEqualTo(images.get(4));
      bench.kill();
    }
    for (int length = 0; length < good.length; length += 7) {
      Files.write(file, Arrays.copyOf(good, length));
      bench.open();
      assertThat(bench.read("a")).as("cut at " + length).isEqualTo(images.get(4));
      bench.kill();
    }
    bench.open();
  }

  @Test
  void aCheckpointOfALaterVersionIsNotIgnored() throws Exception {
    bench.store.get("a").checkpoint();
    bench.kill();
    Path file = bench.databaseFile("a").resolveSibling("checkpoint");
    byte[] bytes = Files.readAllBytes(file);
    bytes[11] = 2;
    java.util.zip.CRC32C crc = new java.util.zip.CRC32C();
    crc.update(bytes, 0, bytes.length - 4);
    java.nio.ByteBuffer.wrap(bytes).putInt(bytes.length - 4, (int) crc.getValue());
    Files.write(file, bytes);
    bench.open();
    assertThat(bench.store.get("a").failure()).contains("version 2");
  }

  @Test
  void commitsAfterALostEpochFileAreNotTakenForATornTail() throws Exception {
    for (int i = 0; i < 3; i++) {
      bench.reopenCleanly();
    }
    commit(true);
    bench.kill();
    Files.delete(bench.root.resolve("epoch"));
    bench.open();
    commit(true);
    bench.crash();
    assertThat(bench.read("a")).isEqualTo(images.get(images.size() - 1));
  }

  @Test
  void aDamagedDatabaseCanBeReplacedByAnImport() throws Exception {
    commit(true);
    byte[] whole = Files.readAllBytes(bench.lastSegment("a"));
    whole[SegmentHeader.BLOCK + 100] ^= 1;
    reopenWith(whole);
    assertThat(bench.store.get("a").failure()).isNotNull();
    byte[] backup = SqliteSimulator.image(random, 1024, 4, false);
    bench.store.importDatabase("a", Files.write(directory.resolve("backup"), backup));
    assertThat(bench.read("a")).isEqualTo(backup);
    bench.crash();
    assertThat(bench.store.get("a").failure()).isNull();
    assertThat(bench.read("a")).isEqualTo(backup);
  }

  @Test
  void whatAKilledProcessDidNotSyncIsSyncedBeforeItIsRedone() throws Exception {
    Path home = Files.createDirectory(directory.resolve("killed"));
    try (TestStore killed = new TestStore(home).open()) {
      byte[] first = SqliteSimulator.image(random, 512, 4, false);
      new SqliteSimulator(killed.store, "a", random)
          .commitJournaled(new byte[0], first, Finalise.UNLINK, false);
      killed.kill();
      killed.disk.watch(new RandomTransactionsTest.WriteAheadCheck(killed.disk, killed.root, "a"));
      killed.open();
      assertThat(killed.store.get("a").failure()).isNull();
      assertThat(killed.read("a")).isEqualTo(first);
    }
  }
}
