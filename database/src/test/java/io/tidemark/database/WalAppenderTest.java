package io.tidemark.database;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.database.SqliteSimulator.Finalise;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class WalAppenderTest {
  private static final String NAME = "app.db";
  private static final int PAGE = 512;

  @TempDir Path directory;

  private Random random = new Random(15);
  private ReplicaBench bench;
  private byte[] image = new byte[0];
  private Database database;
  private FakeWalReaders readers;

  @BeforeEach
  void start() throws Exception {
    bench = new ReplicaBench(directory);
    commit(20, 1);
    bench.follow(NAME);
    database = bench.onReplica(NAME);
    readers = new FakeWalReaders(database);
    bench.replica.store.readerAccess(readers);
  }

  @AfterEach
  void end() {
    bench.close();
  }

  private void commit(int pages, int changes) throws IOException {
    byte[] after = SqliteSimulator.next(random, image, PAGE, pages, true, changes);
    new SqliteSimulator(bench.primary.store, NAME, random)
        .commitJournaled(image, after, Finalise.UNLINK, true);
    image = after;
  }

  private WalAppender appender() throws Exception {
    var field = Applier.class.getDeclaredField("appender");
    field.setAccessible(true);
    return (WalAppender) field.get(database.applier());
  }

  private void checkpoint() throws Exception {
    assertThat(appender().begin()).isTrue();
    appender().checkpoint();
    appender().end();
  }

  @Test
  void readersKeepTheirSnapshotsAndNewOnesSeeTheNewState() throws Exception {
    readers.open();
    FakeWalReaders.Snapshot first = readers.read();
    byte[] then = image;
    assertThat(first.image()).isEqualTo(then);
    commit(25, 5);
    commit(22, 5);
    bench.follow(NAME);
    assertThat(first.image()).isEqualTo(then);
    FakeWalReaders.Snapshot second = readers.read();
    assertThat(second.image()).isEqualTo(image);
    assertThat(readers.recoveries).as("the index was right all the time").isEqualTo(1);
    assertThat(readers.holdsNothing()).isTrue();
    assertThat(readers.main().isLive()).isTrue();
    first.end();
    second.end();
  }

  @Test
  void whatCameTogetherIsShownAtOnce() throws Exception {
    readers.open();
    FakeWalReaders.Snapshot first = readers.read();
    byte[] then = image;
    readers.headerStores = 0;
    readers.shownAtStores.clear();
    for (int i = 0; i < 10; i++) {
      commit(20 + i, 5);
    }
    assertThat(bench.follow(NAME).txid()).isEqualTo(11);
    assertThat(readers.headerStores).isEqualTo(1);
    assertThat(readers.shownAtStores)
        .as("nobody is told of it before it is there")
        .containsOnly(1L);
    assertThat(database.shownPosition()).isEqualTo(database.position());
    assertThat(first.image()).isEqualTo(then);
    FakeWalReaders.Snapshot second = readers.read();
    assertThat(second.image()).isEqualTo(image);
    assertThat(readers.recoveries).isEqualTo(1);
    first.end();
    second.end();
  }

  @Test
  void framesAreKnownAsIfSqliteHadWrittenThem() throws Exception {
    readers.open();
    readers.read().end();
    commit(25, 5);
    bench.follow(NAME);
    assertThat(database.walExtent().frames()).isPositive();
    // A program's checkpoint writes committed pages, and they pass.
    for (int page = 0; page < 25; page++) {
      database.write(
          readers.main(), ByteBuffer.wrap(image, page * PAGE, PAGE).slice(), (long) page * PAGE);
    }
    database.sync(readers.main());
    readers.close();
    database.unlinkWal();
    database.unlinkShm();
    bench.assertSame(NAME);
    bench.replica.powerLoss(random);
    bench.assertSame(NAME);
  }

  @Test
  void manyFramesFillSeveralBlocksOfTheIndex() throws Exception {
    readers.open();
    FakeWalReaders.Snapshot old = readers.read();
    byte[] then = image;
    for (int i = 0; i < 3; i++) {
      commit(3000 + i, 3500);
      bench.follow(NAME);
      FakeWalReaders.Snapshot now = readers.read();
      assertThat(now.image()).isEqualTo(image);
      now.end();
    }
    assertThat(database.walExtent().frames()).isGreaterThan(4062 + 1000);
    assertThat(old.image()).isEqualTo(then);
    assertThat(readers.recoveries).isEqualTo(1);
  }

  @Test
  void aWriterWhoHoldsTheLockIsWaitedForOnlySoLong() throws Exception {
    readers.open();
    readers.read().end();
    readers.writerIdle = true;
    commit(21, 2);
    assertThat(bench.follow(NAME).txid()).isEqualTo(1);
    readers.writerIdle = false;
    assertThat(bench.follow(NAME).txid()).isEqualTo(2);
    readers.writerIdle = true;
    bench.replica.store.readerTimeout(Duration.ZERO);
    commit(23, 2);
    assertThat(bench.follow(NAME).txid()).isEqualTo(3);
    assertThat(readers.main().isReplaced()).isTrue();
    bench.assertSame(NAME);
  }

  @Test
  void aRestartReusesTheFileWhenNobodyReadsIt() throws Exception {
    readers.open();
    readers.read().end();
    commit(25, 5);
    bench.follow(NAME);
    int salt = database.walExtent().salt1();
    checkpoint();
    bench.assertSame(NAME);
    commit(25, 1);
    bench.follow(NAME);
    assertThat(database.walExtent().salt1()).isEqualTo(salt + 1);
    assertThat(database.walExtent().frames()).isLessThan(4);
    FakeWalReaders.Snapshot now = readers.read();
    assertThat(now.image()).isEqualTo(image);
    now.end();
    assertThat(readers.recoveries).isEqualTo(1);
  }

  @Test
  void aPageSizeThatTheWalCannotHaveNeedsANewIncarnation() throws Exception {
    readers.open();
    readers.read().end();
    byte[] after = SqliteSimulator.image(random, 1024, 5, false);
    new SqliteSimulator(bench.primary.store, NAME, random)
        .commitJournaled(image, after, Finalise.UNLINK, true);
    bench.follow(NAME);
    bench.assertSame(NAME);
    assertThat(readers.main().isReplaced()).isTrue();
  }

  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  void everySnapshotStaysWhatItWas(long seed) throws Exception {
    random = new Random(seed);
    readers.open();
    record Held(FakeWalReaders.Snapshot snapshot, byte[] image) {}
    List<Held> held = new ArrayList<>();
    byte[] shown = image;
    for (int step = 0; step < 300; step++) {
      switch (random.nextInt(8)) {
        case 0, 1, 2 -> commit(1 + random.nextInt(40), random.nextInt(20));
        case 3, 4 -> {
          bench.follow(NAME);
          shown = image;
        }
        case 5 -> {
          if (held.size() < 4) {
            held.add(new Held(readers.read(), shown));
          }
        }
        case 6 -> {
          if (!held.isEmpty()) {
            held.remove(random.nextInt(held.size())).snapshot.end();
          }
        }
        default -> checkpoint();
      }
      for (Held one : held) {
        assertThat(Arrays.mismatch(one.snapshot.image(), one.image))
            .as("step " + step)
            .isEqualTo(-1);
      }
      FakeWalReaders.Snapshot now = readers.read();
      assertThat(Arrays.mismatch(now.image(), shown)).as("step " + step).isEqualTo(-1);
      now.end();
    }
    assertThat(readers.holdsNothing()).isTrue();
    assertThat(readers.main().isLive()).isTrue();
    held.forEach(one -> one.snapshot.end());
    readers.close();
    commit(9, 1); // nobody reads the WAL any more, so it goes into the file
    bench.follow(NAME);
    bench.assertSame(NAME);
    bench.replica.powerLoss(random);
    bench.assertSame(NAME);
  }

  @ParameterizedTest
  @CsvSource({
    // index: -1 invalid, else its last frame; committed, same salts, in database, unread
    "-1, 0, false, true,  false, RESTART_BLIND",
    "-1, 5, false, true,  true,  APPEND_BLIND",
    "0,  0, false, true,  false, RESTART",
    "0,  5, false, true,  false, RESTART",
    "0,  5, false, false, false, APPEND_BLIND",
    "5,  5, true,  true,  true,  RESTART",
    "5,  5, true,  true,  false, APPEND",
    "5,  5, true,  false, false, APPEND",
    "5,  5, false, true,  true,  APPEND_BLIND",
    "4,  5, true,  false, false, APPEND_BLIND",
    "5,  0, true,  true,  true,  RESTART_BLIND",
  })
  void whereFramesGoFollowsFromWhatIsFound(
      int index, int frames, boolean same, boolean inDatabase, boolean unread, WalStart expected) {
    WalIndex.Header header =
        index < 0 ? null : new WalIndex.Header(1, false, PAGE, index, 9, 1, 2, 3, 4);
    assertThat(WalStart.choose(header, frames, same, inDatabase, unread)).isEqualTo(expected);
  }

  @Test
  void headersAreReadBackAsTheyWereWritten() {
    WalIndex.Header header = new WalIndex.Header(7, true, 65536, 12, 34, 5, 6, 0x01020304, -8);
    ByteBuffer copies = ByteBuffer.allocate(WalIndex.HEADER);
    copies.put(header.encode()).put(header.encode());
    assertThat(WalIndex.decode(copies)).isEqualTo(header);
    assertThat(copies.get(32)).as("salts as they stand in the WAL").isEqualTo((byte) 1);
    copies.put(60, (byte) 99);
    assertThat(WalIndex.decode(copies)).isNull();
  }
}
