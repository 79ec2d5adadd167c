package io.tidemark.database;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidemark.database.RefusedException.Kind;
import io.tidemark.database.SqliteSimulator.Finalise;
import io.tidemark.database.SqliteSimulator.Frame;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The write that commits, and the writes that must not pass. */
class WalCaptureTest {
  private static final int SIZE = 512;

  @TempDir Path directory;

  private final Random random = new Random(3);
  private TestStore bench;
  private SqliteSimulator sqlite;
  private Database db;
  private byte[] image;

  @BeforeEach
  void open() throws Exception {
    bench = new TestStore(directory).open();
    sqlite = new SqliteSimulator(bench.store, "a", random);
    db = sqlite.db;
    image = SqliteSimulator.image(random, SIZE, 6, true);
    sqlite.commitJournaled(new byte[0], image, Finalise.UNLINK, true);
    sqlite.beginWal(SIZE);
  }

  @AfterEach
  void close() {
    bench.close();
  }

  private byte[] next() {
    return SqliteSimulator.next(random, image, SIZE, 6, true, 1);
  }

  private long txid() {
    return db.position().txid();
  }

  private byte[] walBytes() throws Exception {
    ByteBuffer all = ByteBuffer.allocate((int) sqlite.wal().size());
    sqlite.wal().read(all, 0);
    return all.array();
  }

  @Test
  void aCommitWriteMayBeSplitAnywhere() throws Exception {
    for (int split = 1; split < 2 * (24 + SIZE); split += split < 60 ? 1 : 13) {
      if (sqlite.frames() > 40) {
        sqlite.checkpoint(sqlite.frames());
        sqlite.beginWal(SIZE);
      }
      byte[] after = next();
      List<Frame> frames = sqlite.framesOf(image, after);
      ByteBuffer bytes = sqlite.encodeAll(frames);
      if (split >= bytes.limit()) {
        break;
      }
      long at = sqlite.frameOffset(sqlite.frames());
      long before = txid();
      db.writeWal(sqlite.wal(), bytes.slice(0, split), at);
      assertThat(txid()).as("half a write, split at " + split).isEqualTo(before);
      ByteBuffer rest = bytes.slice(split, bytes.limit() - split);
      db.writeWal(sqlite.wal(), rest.duplicate(), at + split);
      assertThat(txid()).as("split at " + split).isEqualTo(before + 1);
      db.writeWal(sqlite.wal(), rest, at + split);
      db.writeWal(sqlite.wal(), bytes.duplicate(), at);
      assertThat(txid()).as("repeated writes").isEqualTo(before + 1);
      sqlite.accept(frames);
      image = after;
    }
    assertThat(sqlite.visible()).isEqualTo(image);
    List<LogFold.Image> images = LogFold.fold(bench.root, "a");
    assertThat(images.get(images.size() - 1).bytes()).isEqualTo(image);
  }

  @Test
  void framesWrittenLastFirstCommitWhenTheChainIsWhole() throws Exception {
    byte[] after = SqliteSimulator.next(random, image, SIZE, 9, true, 3);
    List<Frame> frames = sqlite.framesOf(image, after);
    ByteBuffer bytes = sqlite.encodeAll(frames);
    int length = 24 + SIZE;
    for (int i = frames.size() - 1; i >= 0; i--) {
      assertThat(txid()).isEqualTo(1);
      db.writeWal(sqlite.wal(), bytes.slice(i * length, length), sqlite.frameOffset(i));
    }
    assertThat(txid()).isEqualTo(2);
    sqlite.accept(frames);
    assertThat(sqlite.visible()).isEqualTo(after);
  }

  @Test
  void differingBytesBelowTheCommittedEndAreRefusedAndChangeNothing() throws Exception {
    byte[] after = next();
    sqlite.commitWal(image, after);
    boolean[] told = new boolean[1];
    bench.store.listener(
        new DatabaseListener() {
          @Override
          public void walIndexSuspect(Database database) {
            told[0] = true;
          }
        });
    byte[] before = walBytes();
    for (int at = 0; at < before.length; at += 29) {
      ByteBuffer other = ByteBuffer.wrap(new byte[] {(byte) ~before[at]});
      int offset = at;
      assertThatThrownBy(() -> db.writeWal(sqlite.wal(), other, offset))
          .as("a different byte at " + at)
          .isInstanceOfSatisfying(
              RefusedException.class, e -> assertThat(e.kind()).isEqualTo(Kind.IO));
      assertThat(walBytes()).isEqualTo(before);
    }
    assertThat(told[0]).isTrue();
    assertThat(sqlite.visible()).isEqualTo(after);
    assertThat(txid()).isEqualTo(2);
  }

  @Test
  void aRefusedCommitLeavesNoValidCommitFrame() throws Exception {
    bench.store.authority(
        () -> {
          throw new RefusedException(Kind.READ_ONLY, "no lease");
        });
    byte[] refused = next();
    List<Frame> frames = sqlite.framesOf(image, refused);
    ByteBuffer bytes = sqlite.encodeAll(frames);
    assertThatThrownBy(() -> db.writeWal(sqlite.wal(), bytes.duplicate(), 32))
        .isInstanceOf(RefusedException.class);
    assertThat(txid()).isEqualTo(1);
    byte[] found = walBytes();
    assertThat(
            found.length >= 32 + bytes.limit()
                && Arrays.equals(found, 32, 32 + bytes.limit(), bytes.array(), 0, bytes.limit()))
        .as("the whole refused transaction is in the WAL")
        .isFalse();
    bench.store.authority(WriteAuthority.ALWAYS);
    db.rescanWal();
    assertThat(txid()).isEqualTo(1);
    byte[] after = next();
    sqlite.commitWal(image, after);
    assertThat(sqlite.visible()).isEqualTo(after);
    assertThat(txid()).isEqualTo(2);
  }

  @Test
  void aWalThatWasThereBeforeItsDatabaseIsTakenLater() throws Exception {
    SqliteSimulator other = new SqliteSimulator(bench.store, "b", random);
    byte[] first = SqliteSimulator.image(random, SIZE, 3, true);
    byte[] second = SqliteSimulator.next(random, first, SIZE, 4, true, 1);
    other.beginWal(SIZE);
    List<Frame> frames = other.framesOf(first, second);
    other.writeWalPlain(frames);
    assertThat(other.db.position().txid()).isZero();
    other.commitUnjournaled(new byte[0], first, true);
    assertThat(other.db.position().txid()).isEqualTo(1);
    other.db.rescanWal();
    assertThat(other.db.position().txid()).isEqualTo(2);
    assertThat(other.visible()).isEqualTo(second);
  }

  @Test
  void aWalWithTransactionsThatAreNotCheckpointedCannotBeCutOrDeleted() throws Exception {
    byte[] after = next();
    sqlite.commitWal(image, after);
    for (long size : new long[] {0, 16, 32, 100}) {
      assertThatThrownBy(() -> db.truncateWal(sqlite.wal(), size))
          .isInstanceOf(RefusedException.class);
    }
    assertThatThrownBy(db::unlinkWal).isInstanceOf(RefusedException.class);
    assertThatThrownBy(() -> sqlite.restartWal(SIZE)).isInstanceOf(RefusedException.class);
    assertThat(db.status().redoTxid()).isEqualTo(1);
  }

  @Test
  void aCheckpointedWalMayBeCut() throws Exception {
    byte[] after = next();
    sqlite.commitWal(image, after);
    long end = sqlite.wal().size();
    db.writeWal(sqlite.wal(), ByteBuffer.allocate(100), end);
    db.truncateWal(sqlite.wal(), end);
    sqlite.checkpoint(sqlite.frames());
    assertThat(db.status().redoTxid()).isEqualTo(2);
    db.truncateWal(sqlite.wal(), 0);
    assertThat(bench.read("a")).isEqualTo(after);
  }

  @Test
  void checkpointsWriteOnlyCommittedPages() throws Exception {
    byte[] one = next();
    sqlite.commitWal(image, one);
    byte[] stray = new byte[SIZE];
    random.nextBytes(stray);
    byte[] file = bench.read("a");
    for (long offset : new long[] {0, SIZE, 5 * SIZE, 100}) {
      assertThatThrownBy(() -> db.write(sqlite.main(), ByteBuffer.wrap(stray), offset))
          .isInstanceOf(RefusedException.class);
    }
    assertThatThrownBy(() -> db.truncate(sqlite.main(), SIZE)).isInstanceOf(RefusedException.class);
    assertThat(bench.read("a")).isEqualTo(file);
    // the bytes that are there already are nobody's harm
    db.write(sqlite.main(), ByteBuffer.wrap(file, SIZE, SIZE).slice(), SIZE);
  }

  @Test
  void anOlderFrameWrittenAfterANewerOneKeepsTheLogNeeded() throws Exception {
    byte[] one = next();
    sqlite.commitWal(image, one);
    int olderEnd = sqlite.frames();
    byte[] two = SqliteSimulator.next(random, one, SIZE, 6, true, 2);
    sqlite.commitWal(one, two);
    sqlite.checkpoint(sqlite.frames());
    assertThat(db.status().redoTxid()).isEqualTo(3);
    sqlite.checkpoint(olderEnd);
    assertThat(db.status().redoTxid()).isLessThan(3);
    assertThatThrownBy(db::unlinkWal).isInstanceOf(RefusedException.class);
    bench.store.get("a").checkpoint();
    assertThat(bench.powerLoss(random).read("a")).isEqualTo(two);
  }

  @Test
  void aCheckpointWaitsForTheLog() throws Exception {
    bench.disk.watch(new RandomTransactionsTest.WriteAheadCheck(bench.disk, bench.root, "a"));
    byte[] after = next();
    sqlite.commitWal(image, after);
    assertThat(db.isDurable(2)).isFalse();
    assertThat(db.writeMayWait(sqlite.main())).isTrue();
    sqlite.checkpoint(sqlite.frames());
    assertThat(db.isDurable(2)).isTrue();
  }
}
