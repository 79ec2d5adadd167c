package io.tidemark.database;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.tidemark.database.FaultyDisk.Call;
import io.tidemark.database.SqliteSimulator.Finalise;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.Predicate;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a sender of records reads while the log goes on. */
class RecordReaderTest {
  @TempDir Path directory;

  private final Random random = new Random(77);
  private final Replay replay = new Replay();
  private TestStore bench;
  private SqliteSimulator sqlite;
  private byte[] image = new byte[0];

  @BeforeEach
  void open() throws Exception {
    bench = new TestStore(directory, false, Duration.ofMillis(1), 0).open();
    sqlite = new SqliteSimulator(bench.store, "a", random);
  }

  @AfterEach
  void close() {
    FaultPoint.disarm();
    bench.close();
  }

  private byte[] commit(int pages, int changes) throws Exception {
    byte[] after = SqliteSimulator.next(random, image, 512, pages, false, changes);
    sqlite.commitJournaled(image, after, Finalise.UNLINK, true);
    image = after;
    return after;
  }

  private void commitMany(int count) throws Exception {
    for (int i = 0; i < count; i++) {
      commit(100 + random.nextInt(60), 150);
      bench.settle();
    }
  }

  private void toWal() throws Exception {
    byte[] after = SqliteSimulator.next(random, image, 512, image.length / 512, true, 0);
    sqlite.commitJournaled(image, after, Finalise.UNLINK, true);
    image = after;
  }

  private void commitWal() throws Exception {
    byte[] after = SqliteSimulator.next(random, image, 512, image.length / 512, true, 3);
    sqlite.commitWal(image, after);
    image = after;
  }

  private static Predicate<Path> segmentsOf(String name) {
    return path -> FaultyDisk.segments().test(path) && FaultyDisk.of(name).test(path);
  }

  private List<String> openSegments() throws IOException {
    return OpenFiles.below(bench.logDirectory("a"));
  }

  @Test
  void aRecordCostsTwoReadsAlsoAcrossSegments() throws Exception {
    commitMany(60);
    int segments = sqlite.db.status().logSegments();
    assertThat(segments).isGreaterThan(2);
    try (RecordReader reader = sqlite.db.recordsAfter(0)) {
      int before = bench.disk.count(Call.READ);
      int records = 0;
      while (reader.next()) {
        ByteBuffer body = ByteBuffer.allocate((int) reader.bodyLength());
        assertThat(reader.read(body, 0)).isEqualTo(body.capacity());
        assertThat(reader.read(ByteBuffer.allocate(1), body.capacity())).isZero();
        records++;
      }
      assertThat(records).isEqualTo(60);
      // What stands behind the last record of a segment, and twice the header of the first one.
      int more = bench.disk.count(Call.READ) - before - 2 * records;
      assertThat(more).isBetween(0, 2 * segments);
    }
  }

  @Test
  void aReaderPassesOverWhatItsUserHasAndLetsTheLogGo() throws Exception {
    commitMany(60);
    List<String> before = openSegments();
    try (RecordReader reader = sqlite.db.recordsAfter(0)) {
      assertThat(reader.next()).isTrue();
      reader.skipTo(50);
      assertThat(openSegments()).as("no file that may be deleted").hasSameSizeAs(before);
      assertThat(reader.hasNext()).isTrue();
      assertThat(reader.txid()).isEqualTo(50);
      sqlite.db.checkpoint();
      sqlite.db.enforceRetention(System.currentTimeMillis() + 100_000);
      assertThat(sqlite.db.firstInLog()).isBetween(2L, 51L);
      reader.skipTo(40);
      assertThat(reader.next()).isTrue();
      assertThat(reader.txid()).isEqualTo(51);
      ByteBuffer body = ByteBuffer.allocate((int) reader.bodyLength());
      assertThat(reader.read(body, 0)).isEqualTo(body.capacity());
      reader.skipTo(60);
      assertThat(reader.hasNext()).isFalse();
      assertThat(reader.next()).isFalse();
    }
  }

  @Test
  void aReaderThatPassesOverRecordsNoticesItsEnd() throws Exception {
    commitMany(5);
    try (RecordReader reader = sqlite.db.recordsAfter(0)) {
      bench.store.close();
      assertThatThrownBy(() -> reader.skipTo(3)).isInstanceOf(ReadingEndedException.class);
    }
  }

  @Test
  void aReaderFollowsTheLogAndKeepsOneFileOpen() throws Exception {
    List<String> before = openSegments();
    try (RecordReader reader = sqlite.db.recordsAfter(0)) {
      assertThat(reader.next()).isFalse();
      for (int i = 1; i <= 60; i++) {
        commit(40 + random.nextInt(60), 40);
        bench.settle();
        assertThat(replay.follow(reader, random)).isEqualTo(1);
        assertThat(reader.txid()).isEqualTo(i);
        assertThat(reader.epoch()).isEqualTo(bench.store.epoch());
        assertThat(reader.commitTxid()).isLessThan(i);
        assertThat(reader.extraLength()).isZero();
        assertThat(reader.bodyLength()).isEqualTo(reader.ltxLength());
        assertThat(replay.image).isEqualTo(image);
        if (i % 7 == 0) {
          bench.upkeep();
          sqlite.db.enforceRetention(System.currentTimeMillis() + 100_000);
        }
      }
      assertThat(openSegments().stream().filter(name -> name.contains("deleted")).count())
          .isLessThan(2);
    }
    assertThat(openSegments()).hasSizeLessThanOrEqualTo(before.size() + 2); // of the log itself
  }

  @Test
  void aRecordThatIsNotPublishedIsNotShown() throws Exception {
    commit(4, 1);
    try (RecordReader reader = sqlite.db.recordsAfter(1)) {
      boolean[] shown = new boolean[2];
      FaultPoint.arm(
          FaultPoint.COMMIT_AFTER_SYNC,
          1,
          () -> {
            try {
              shown[0] = reader.next();
              shown[1] = sqlite.db.positionAt(2) != null || sqlite.db.durableTxid() > 1;
            } catch (IOException e) {
              throw new AssertionError(e);
            }
          });
      commit(4, 1);
      assertThat(shown).containsOnly(false);
      assertThat(reader.next()).isTrue();
      assertThat(sqlite.db.durableTxid()).isEqualTo(2);
    }
  }

  @Test
  void aCommitThatDoesNotWaitForTheDiskIsShownBeforeItIsDurable() throws Exception {
    commit(4, 1);
    toWal();
    commitWal();
    assertThat(sqlite.db.durableTxid()).isEqualTo(2);
    try (RecordReader reader = sqlite.db.recordsAfter(2)) {
      assertThat(reader.next()).isTrue();
    }
    sqlite.syncWal();
    assertThat(sqlite.db.durableTxid()).isEqualTo(3);
  }

  @Test
  void recordsThatAreWrittenAgainAreReadFromTheirNewPlace() throws Exception {
    commit(6, 1);
    toWal();
    try (RecordReader reader = sqlite.db.recordsAfter(0)) {
      replay.follow(reader, random);
      for (int i = 0; i < 4; i++) {
        commitWal();
      }
      assertThat(reader.next()).isTrue();
      long of3 = replay.apply(reader, random);
      assertThat(of3).isEqualTo(replay.checksum());
      assertThat(reader.next()).isTrue();
      ByteBuffer beginning = ByteBuffer.allocate(100);
      reader.read(beginning, 0);
      Path old = bench.lastSegment("a");
      bench.disk.failOnce(Call.SYNC, segmentsOf("a"), 1, FaultyDisk.EIO);
      sqlite.syncWal();
      assertThat(bench.lastSegment("a")).isNotEqualTo(old);
      // The kernel has dropped what it could not write.
      Files.write(old, new byte[(int) Files.size(old)]);
      ByteBuffer body = ByteBuffer.allocate((int) reader.bodyLength());
      body.put(beginning.flip());
      reader.read(body, 100);
      replay.apply(io.tidemark.ltx.LtxDecoder.of(body.flip()));
      commitWal();
      assertThat(replay.follow(reader, random)).isEqualTo(3);
      assertThat(replay.image).isEqualTo(image);
    }
  }

  @Test
  void ofARecordThatIsNotDurableAndCannotBeReadIsNotSaidThatItIsDamaged() throws Exception {
    commit(6, 1);
    toWal();
    long end = Files.size(bench.lastSegment("a"));
    try (RecordReader reader = sqlite.db.recordsAfter(2)) {
      commitWal();
      bench.disk.failFrom(Call.SYNC, FaultyDisk.any(), 1, FaultyDisk.EIO);
      assertThatThrownBy(sqlite::syncWal).isInstanceOf(RefusedException.class);
      Path segment = bench.lastSegment("a");
      byte[] whole = Files.readAllBytes(segment);
      Files.write(segment, new byte[(int) end]);
      assertThatThrownBy(reader::next)
          .isNotInstanceOf(CorruptLogException.class)
          .hasMessageContaining("cannot be read back")
          .hasMessageContaining("cannot be synced");
      Files.write(segment, whole);
      bench.disk.heal();
      bench.upkeepUntil(() -> sqlite.db.durableTxid() == 3);
      assertThat(reader.next()).isTrue();
      assertThat(Replay.body(reader, random).remaining()).isPositive();
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aRecordThatWasTakenBackIsNeverSeen(boolean alsoTheWipeFails) throws Exception {
    commit(6, 1);
    try (RecordReader reader = sqlite.db.recordsAfter(0)) {
      for (int round = 0; round < 5; round++) {
        replay.follow(reader, random);
        bench.disk.failFrom(Call.SYNC, segmentsOf("a"), 1, FaultyDisk.EIO);
        if (alsoTheWipeFails) {
          bench.disk.afterFailedSync(
              () -> bench.disk.failFrom(Call.WRITE, segmentsOf("a"), 1, FaultyDisk.EIO));
        }
        byte[] refused = SqliteSimulator.next(random, image, 512, 9, false, 3);
        assertThatThrownBy(() -> sqlite.commitJournaled(image, refused, Finalise.UNLINK, true))
            .isInstanceOf(RefusedException.class);
        assertThat(reader.next()).isFalse();
        sqlite.rollBack(image, refused, Finalise.UNLINK);
        bench.disk.afterFailedSync(() -> {});
        bench.disk.heal();
        bench.upkeepUntil(() -> sqlite.db.status().health() == DatabaseStatus.Health.OK);
        commit(3 + random.nextInt(9), 2);
      }
      assertThat(replay.follow(reader, random)).isEqualTo(1);
      assertThat(replay.image).isEqualTo(image);
      assertThat(reader.txid()).isEqualTo(6);
    }
  }

  @Test
  void theLastByteOfADamagedBodyIsNotGivenOut() throws Exception {
    commit(20, 20);
    commit(20, 20);
    commit(20, 20);
    List<LogRecord> records = new ArrayList<>();
    try (LogReader log = LogReader.open(bench.root, "a")) {
      for (LogRecord record = log.next(); record != null; record = log.next()) {
        records.add(record);
      }
    }
    Path segment = bench.lastSegment("a");
    byte[] whole = Files.readAllBytes(segment);
    long start = records.get(1).offset() + RecordHeader.SIZE;
    long length = records.get(1).ltxLength();
    for (long at : new long[] {start, start + length / 2, start + length - 1}) {
      byte[] bytes = whole.clone();
      bytes[(int) at] ^= 4;
      Files.write(segment, bytes);
      try (RecordReader reader = sqlite.db.recordsAfter(0)) {
        reader.next();
        Replay.body(reader, random);
        assertThat(reader.next()).isTrue();
        ByteBuffer body = ByteBuffer.allocate((int) length + 10);
        body.limit(2000);
        assertThat(reader.read(body, 0)).isEqualTo(2000);
        body.limit((int) length + 5);
        assertThatThrownBy(() -> reader.read(body, 2000))
            .isInstanceOf(CorruptLogException.class)
            .hasMessageContaining("transaction 2 of 'a' is damaged")
            .hasMessageContaining(segment.toString());
        assertThat(body.position()).isEqualTo(2000);
        assertThat(body.limit()).isEqualTo((int) length + 5);
        assertThatThrownBy(() -> Replay.body(reader, random))
            .isInstanceOf(CorruptLogException.class);
        Files.write(segment, whole);
        assertThat(Replay.body(reader, random).remaining()).isEqualTo((int) length);
        assertThat(reader.next()).isTrue();
        assertThat(reader.txid()).isEqualTo(3);
      }
    }
  }

  @Test
  void aDamagedHeaderIsToldWithItsPlace() throws Exception {
    commit(20, 5);
    commit(20, 5);
    Path segment = bench.lastSegment("a");
    byte[] bytes = Files.readAllBytes(segment);
    int at = SegmentHeader.BLOCK;
    while (ByteBuffer.wrap(bytes, at + 16, 8).getLong() != 2) {
      at += 8;
    }
    bytes[at + 30] ^= 1;
    Files.write(segment, bytes);
    try (RecordReader reader = sqlite.db.recordsAfter(0)) {
      assertThat(reader.next()).isTrue();
      assertThatThrownBy(reader::next)
          .isInstanceOf(CorruptLogException.class)
          .hasMessageContaining("transaction 2 of 'a'")
          .hasMessageContaining(segment.toString());
    }
    assertThatThrownBy(() -> sqlite.db.recordsAfter(1).next())
        .isInstanceOf(CorruptLogException.class);
  }

  @Test
  void recordsThatAreGoneAreToldFromWhereTheyAreThere() throws Exception {
    commitMany(60);
    assertThat(sqlite.db.firstInLog()).isEqualTo(1);
    sqlite.db.enforceRetention(System.currentTimeMillis() + 100_000);
    long first = sqlite.db.firstInLog();
    assertThat(first).isBetween(2L, 61L);
    RecordsGoneException gone =
        catchThrowableOfType(
            RecordsGoneException.class, () -> sqlite.db.recordsAfter(first - 2).close());
    assertThat(gone.firstTxid()).isEqualTo(first);
    assertThat(gone).hasMessageContaining("'a' begins at transaction " + first);
    try (RecordReader reader = sqlite.db.recordsAfter(first - 1)) {
      assertThat(reader.next()).isTrue();
      assertThat(reader.txid()).isEqualTo(first);
    }
    assertThatThrownBy(() -> sqlite.db.recordsAfter(61))
        .isInstanceOf(IllegalArgumentException.class);
    try (RecordReader reader = sqlite.db.recordsAfter(60)) {
      assertThat(reader.next()).isFalse();
    }
  }

  @Test
  void retentionDeletesUpToTheLowestPinAndGoesOnWhenItIsClosed() throws Exception {
    commitInSegmentsOfTheirOwn(9);
    RecordReader late = sqlite.db.recordsAfter(3);
    RecordReader later = sqlite.db.recordsAfter(6);
    SnapshotSource snapshot = sqlite.db.snapshot();
    commitInSegmentsOfTheirOwn(3);
    assertThat(firstAfterRetention()).isEqualTo(4);
    while (late.txid() < 8) {
      assertThat(late.next()).isTrue();
    }
    Replay.body(late, random);
    assertThat(firstAfterRetention()).isEqualTo(7);
    later.close();
    assertThat(firstAfterRetention()).isEqualTo(8);
    late.close();
    assertThat(firstAfterRetention()).isEqualTo(10);
    try (RecordReader records = snapshot.records()) {
      snapshot.close();
      assertThat(firstAfterRetention()).isEqualTo(10);
      assertThat(records.next()).isTrue();
      assertThat(records.txid()).isEqualTo(10);
    }
    assertThat(firstAfterRetention()).isEqualTo(12);
  }

  /** A failed sync makes the log write the transaction again, into a new segment. */
  private void commitInSegmentsOfTheirOwn(int count) throws Exception {
    for (int i = 0; i < count; i++) {
      bench.disk.failOnce(Call.SYNC, segmentsOf("a"), 1, FaultyDisk.EIO);
      commit(5, 2);
    }
  }

  private long firstAfterRetention() throws IOException {
    sqlite.db.enforceRetention(System.currentTimeMillis() + 100_000);
    return sqlite.db.firstInLog();
  }

  @Test
  void theLimitOfBytesDeletesNothingThatAReaderNeeds() throws Exception {
    bench.store.close();
    bench = new TestStore(directory, false, Duration.ZERO, 300_000).open();
    sqlite = new SqliteSimulator(bench.store, "a", random);
    try (RecordReader reader = sqlite.db.recordsAfter(0)) {
      commitMany(60);
      sqlite.db.enforceRetention(System.currentTimeMillis());
      assertThat(replay.follow(reader, random)).isEqualTo(60);
      assertThat(replay.image).isEqualTo(image);
    }
    sqlite.db.enforceRetention(System.currentTimeMillis());
    assertThat(sqlite.db.firstInLog()).isGreaterThan(1);
  }

  @Test
  void thePositionAtEachTransactionIsKnownAsLongAsItsRecordIsThere() throws Exception {
    List<DatabasePosition> positions = new ArrayList<>();
    positions.add(DatabasePosition.NONE);
    for (int i = 0; i < 60; i++) {
      commit(40 + random.nextInt(60), 40);
      bench.settle();
      positions.add(sqlite.db.position());
    }
    bench.store.drop("a");
    positions.add(sqlite.db.position());
    sqlite.db.checkpoint();
    bench.crash();
    Database database = bench.store.get("a");
    sqlite = new SqliteSimulator(bench.store, "a", random);
    image = new byte[0];
    commit(3, 1);
    positions.add(database.position());
    assertThat(database.position().epoch()).isGreaterThan(positions.get(1).epoch());
    for (int txid = 0; txid < positions.size(); txid++) {
      assertThat(database.positionAt(txid)).as("at " + txid).isEqualTo(positions.get(txid));
    }
    assertThat(database.positionAt(positions.size())).isNull();
    assertThat(database.positionAt(-1)).isNull();
    database.enforceRetention(System.currentTimeMillis() + 100_000);
    long first = database.firstInLog();
    assertThat(database.positionAt(first - 1)).isNull();
    assertThat(database.positionAt(first)).isEqualTo(positions.get((int) first));
    assertThat(openSegments()).hasSizeLessThanOrEqualTo(2);
  }

  @Test
  void theCheckpointKnowsItsTransactionWithoutTheRecord() throws Exception {
    commitMany(20);
    DatabasePosition before = sqlite.db.position();
    sqlite.db.checkpoint();
    Path checkpoint = bench.databaseFile("a").resolveSibling("checkpoint");
    byte[] saved = Files.readAllBytes(checkpoint);
    bench.kill();
    try (var segments = Files.list(bench.logDirectory("a"))) {
      for (Path segment : segments.toList()) {
        Files.delete(segment);
      }
    }
    Files.write(checkpoint, saved);
    bench.open();
    sqlite = new SqliteSimulator(bench.store, "a", random);
    assertThat(sqlite.db.failure()).isNull();
    assertThat(sqlite.db.firstInLog()).isEqualTo(21);
    commit(30, 3);
    assertThat(sqlite.db.positionAt(20)).isEqualTo(before);
    assertThat(sqlite.db.positionAt(19)).isNull();
  }

  @Test
  void aDropIsARecordLikeAnyOther() throws Exception {
    commit(5, 1);
    try (RecordReader reader = sqlite.db.recordsAfter(0)) {
      assertThat(replay.follow(reader, random)).isEqualTo(1);
      bench.store.drop("a");
      assertThat(reader.next()).isTrue();
      assertThat(replay.apply(reader, random)).isEqualTo(1L << 63);
      assertThat(replay.image).isEmpty();
      sqlite = new SqliteSimulator(bench.store, "a", random);
      image = new byte[0];
      commit(7, 1);
      assertThat(replay.follow(reader, random)).isEqualTo(1);
      assertThat(replay.image).isEqualTo(image);
    }
  }

  @Test
  void theExtraBytesOfAGroupAreThere() throws Exception {
    commit(5, 1);
    SqliteSimulator other = new SqliteSimulator(bench.store, "b", random);
    byte[] first = SqliteSimulator.image(random, 512, 3, false);
    other.commitJournaled(new byte[0], first, Finalise.UNLINK, true);
    byte[] a = SqliteSimulator.next(random, image, 512, 6, false, 1);
    byte[] b = SqliteSimulator.next(random, first, 512, 6, false, 1);
    sqlite.writeUnderJournal(image, a, true);
    other.writeUnderJournal(first, b, true);
    sqlite.nameSuperJournal("/mnt/a-mj1");
    other.nameSuperJournal("/mnt/a-mj1");
    bench.store.commitGroup("a-mj1");
    try (RecordReader reader = other.db.recordsAfter(0)) {
      assertThat(replay.follow(reader, random)).isEqualTo(2);
      assertThat(replay.image).isEqualTo(b);
      byte[] extra = new byte[reader.extraLength()];
      reader.read(ByteBuffer.wrap(extra), 0);
      assertThat(GroupInfo.decode(extra).members())
          .containsExactlyInAnyOrder(new GroupInfo.Member("a", 2), new GroupInfo.Member("b", 2));
      assertThat(reader.bodyLength()).isEqualTo(extra.length + reader.ltxLength());
    }
  }

  @Test
  void readersEndWithTheirDatabaseAndLeaveNoFileOpen() throws Exception {
    commit(50, 30);
    List<RecordReader> readers = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      readers.add(sqlite.db.recordsAfter(0));
      assertThat(readers.get(i).next()).isTrue();
    }
    SnapshotSource snapshot = sqlite.db.snapshot();
    Database old = sqlite.db;
    old.fail("of a test");
    byte[] other = SqliteSimulator.image(random, 1024, 3, false);
    Database fresh =
        bench.store.importDatabase("a", Files.write(directory.resolve("in.db"), other));
    assertThat(fresh).isNotSameAs(old);
    assertThatThrownBy(readers.get(0)::next)
        .isInstanceOf(ReadingEndedException.class)
        .hasMessageContaining("'a' is not served by this object");
    assertThatThrownBy(readers.get(0)::next).isInstanceOf(ReadingEndedException.class);
    assertThatThrownBy(() -> readers.get(1).read(ByteBuffer.allocate(10), 0))
        .isInstanceOf(ReadingEndedException.class);
    readers.get(2).close();
    readers.get(2).close();
    assertThatThrownBy(() -> snapshot.readPages(1, 1, ByteBuffer.allocate(512)))
        .isInstanceOf(ReadingEndedException.class);
    assertThatThrownBy(snapshot::finish).isInstanceOf(ReadingEndedException.class);
    assertThat(OpenFiles.below(bench.root.resolve("damaged")))
        .as("only the program has the old content open")
        .hasSize(1)
        .allMatch(path -> path.endsWith("/database"));
    assertThatThrownBy(() -> old.recordsAfter(0)).isInstanceOf(IOException.class);
    assertThatThrownBy(() -> old.snapshot()).isInstanceOf(IOException.class);
    try (RecordReader reader = fresh.recordsAfter(fresh.firstInLog() - 1)) {
      assertThat(replay.follow(reader, random)).isEqualTo(1);
      assertThat(replay.image).isEqualTo(other);
    }
  }

  @Test
  void theClosedStoreHasNoReader() throws Exception {
    commit(5, 1);
    RecordReader reader = sqlite.db.recordsAfter(0);
    assertThat(reader.next()).isTrue();
    bench.store.close();
    assertThatThrownBy(reader::next).isInstanceOf(ReadingEndedException.class);
    assertThat(OpenFiles.below(directory)).isEmpty();
    bench.open();
  }
}
