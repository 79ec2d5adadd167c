package io.tidemark.database;

import io.tidemark.ltx.LtxDecoder;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Random;

/**
 * Writes records of the primary into the WAL of a replica like a SQLite writer, so that readers
 * keep their snapshots and new ones see the new state; and checkpoints like SQLite, never behind a
 * reader's back.
 *
 * <p>Order of the stores that readers can see: WAL bytes, page numbers and hash tables, second copy
 * of the header, first copy. All under WAL_WRITE; what the index says is trusted only there.
 */
final class WalAppender {
  /** Frames after which a checkpoint is tried, as SQLite's wal_autocheckpoint. */
  private static final int CHECKPOINT_FRAMES = 1000;

  private static final int WRITE = 0;
  private static final int CKPT = 1;
  private static final int READ0 = 3;

  private final Store store;
  private final Database database;
  private final CommittedState committed;
  private final MainContent content;
  private final WalMode walMode;
  private final Random random = new Random();

  private final ByteBuffer head =
      ByteBuffer.allocate(WalIndex.HEADER).order(ByteOrder.nativeOrder());
  private WalIndex.Header index;

  /** A block of the index; only databases with readers in WAL mode have it. */
  private ByteBuffer block;

  private boolean blind;

  /** What {@link #append} wrote and {@link #show} has to tell. */
  private long changedFrom;

  /** The first frame of it, from 1; 0 if there is none. */
  private int firstNew;

  WalAppender(
      Store store,
      Database database,
      CommittedState committed,
      MainContent content,
      WalMode walMode) {
    this.store = store;
    this.database = database;
    this.committed = committed;
    this.content = content;
    this.walMode = walMode;
  }

  private ReaderAccess access() {
    return store.readerAccess();
  }

  /**
   * Becomes the writer. Without the lock of the database, like all but {@link #append}.
   *
   * @return false if a program is
   */
  boolean begin() {
    return access().tryLockShm(database, WRITE, true);
  }

  void end() {
    access().unlockShm(database, WRITE);
  }

  // ---------------------------------------------------------------- writing

  /** Looks at the index, and starts the WAL anew where SQLite would. */
  void prepare() throws IOException {
    WalCapture capture = walMode.capture();
    WalFrames frames = capture.frames();
    boolean readable = access().readShm(database, 0, head.clear());
    index = readable ? WalIndex.decode(head) : null;
    boolean same =
        index != null && index.salt1() == capture.salt1() && index.salt2() == capture.salt2();
    boolean inDatabase = database.hasAllOfWal();
    boolean unread =
        same
            && inDatabase
            && head.getInt(WalIndex.BACKFILL) == index.maxFrame()
            && index.maxFrame() > 0
            && lockReaders();
    try {
      WalStart start = WalStart.choose(index, frames.committed(), same, inDatabase, unread);
      blind = start == WalStart.RESTART_BLIND || start == WalStart.APPEND_BLIND;
      if (blind && index != null) {
        storeShm(0, ByteBuffer.allocate(2 * WalIndex.COPY)); // SQLite recovers it from the WAL
      }
      changedFrom = -1;
      firstNew = 0;
      if (start == WalStart.RESTART || start == WalStart.RESTART_BLIND) {
        restart(start == WalStart.RESTART && index.maxFrame() == 0);
      }
    } finally {
      if (unread) {
        for (int i = 1; i < WalIndex.READERS; i++) {
          access().unlockShm(database, READ0 + i);
        }
      }
    }
  }

  /** All but READ0, whose readers do not look at the WAL. */
  private boolean lockReaders() {
    for (int i = 1; i < WalIndex.READERS; i++) {
      if (!access().tryLockShm(database, READ0 + i, true)) {
        while (--i > 0) {
          access().unlockShm(database, READ0 + i);
        }
        return false;
      }
    }
    return true;
  }

  /**
   * As walRestartHdr.
   *
   * @param saltsOfIndex whether a program has restarted the index, and only the WAL is to follow
   */
  private void restart(boolean saltsOfIndex) throws IOException {
    boolean known = saltsOfIndex && (index.salt1() | index.salt2()) != 0;
    WalCapture capture = walMode.capture();
    int salt1 = known ? index.salt1() : index == null ? random.nextInt() : index.salt1() + 1;
    int salt2 = known ? index.salt2() : random.nextInt();
    database.lockedWrite(
        () -> capture.restartApplied(committed.pageSize(), salt1, salt2, committed.pageCount()));
    changedFrom = 0;
    tellWal(WalCapture.HEADER);
    if (blind) {
      return;
    }
    index =
        new WalIndex.Header(
            index.change(),
            ByteOrder.nativeOrder() == ByteOrder.BIG_ENDIAN,
            committed.pageSize(),
            0,
            (int) committed.pageCount(),
            capture.lastSum1(),
            capture.lastSum2(),
            salt1,
            salt2);
    if (!saltsOfIndex) {
      storeHeader();
      ByteBuffer marks = ByteBuffer.allocate(4 + 4 * WalIndex.READERS);
      marks.order(ByteOrder.nativeOrder()).putInt(0).putInt(0).putInt(0);
      while (marks.hasRemaining()) {
        marks.putInt(WalIndex.NOT_USED);
      }
      storeShm(WalIndex.BACKFILL, marks.flip());
      storeShm(WalIndex.BACKFILL_ATTEMPTED, ByteBuffer.allocate(4));
    }
  }

  /**
   * Writes the frames of a record into the WAL, behind those of others if there are; nobody looks
   * at them before {@link #show}. Wants the lock of the database.
   *
   * @param pages of the record
   * @param decoder of the record from its beginning, or null if the pages are kept
   */
  void append(StagedPages pages, LtxDecoder decoder, long txid) throws IOException {
    WalCapture capture = walMode.capture();
    int size = pages.pageSize();
    int count = pages.size();
    int newCount = (int) pages.pageCount();
    int first = capture.frames().committed();
    ByteBuffer frame = Scratch.get().frame;
    capture.frames().rewind(first); // what a program wrote behind them and never committed
    boolean complete = false;
    try {
      for (int i = 0; i < count; i++) {
        frame.clear().position(WalCapture.FRAME_HEADER).limit(WalCapture.FRAME_HEADER + size);
        if (decoder == null) {
          frame.put(pages.bytes(i));
        } else {
          decoder.nextPage(frame);
        }
        capture.appendApplied(pages.page(i), i == count - 1 ? newCount : 0, frame);
      }
      if (count == 0) { // only the size has changed, and that needs a frame
        frame.clear().position(WalCapture.FRAME_HEADER).limit(WalCapture.FRAME_HEADER + size);
        walMode.readCommitted(1, frame);
        capture.appendApplied(1, newCount, frame);
      }
      complete = true;
    } finally {
      if (!complete) {
        capture.frames().rewind(first);
      }
    }
    capture.frames().commit(capture.frames().valid() - 1, txid);
    if (firstNew == 0) {
      firstNew = first + 1;
    }
    changedFrom = changedFrom < 0 ? capture.offsetOf(first) : changedFrom;
  }

  /** Frames that {@link #show} would show. */
  int appended() {
    return firstNew == 0 ? 0 : walMode.capture().frames().committed() - firstNew + 1;
  }

  /** Readers see what was appended, all of it at once: the state after the last record. */
  void show() throws IOException {
    if (firstNew == 0) {
      return;
    }
    WalCapture capture = walMode.capture();
    int last = capture.frames().committed();
    tellWal(capture.offsetOf(last));
    int from = firstNew;
    firstNew = 0;
    if (blind) {
      return;
    }
    for (int first = from; first <= last; ) {
      int number = WalIndex.blockOf(first);
      int end = Math.min(last, WalIndex.lastOf(number));
      addToBlock(number, first, end);
      first = end + 1;
    }
    index =
        new WalIndex.Header(
            index.change() + 1,
            capture.isBigEndian(),
            committed.pageSize(),
            last,
            (int) committed.pageCount(),
            capture.lastSum1(),
            capture.lastSum2(),
            capture.salt1(),
            capture.salt2());
    storeHeader();
  }

  private void tellWal(long end) throws IOException {
    SideFile wal = walMode.wal();
    ByteBuffer chunk = Scratch.get().compare;
    for (long at = changedFrom; at < end; at += chunk.limit()) {
      chunk.clear().limit((int) Math.min(chunk.capacity(), end - at));
      WalCapture.readFully(wal, chunk, at);
      access().walChanged(database, wal, at, chunk.flip());
    }
    changedFrom = -1;
  }

  /** Only what changes is stored, and of a block that goes on only the hash table is read. */
  private void addToBlock(int number, int first, int last) throws IOException {
    if (block == null) {
      block = ByteBuffer.allocate(WalIndex.BLOCK).order(ByteOrder.nativeOrder());
    }
    int[] pages = new int[last - first + 1];
    for (int i = 0; i < pages.length; i++) {
      pages[i] = walMode.capture().frames().page(first + i - 1);
    }
    long offset = (long) number * WalIndex.BLOCK;
    WalIndex.Range numbers = WalIndex.numbers(number, first, pages.length);
    boolean there = read(offset, WalIndex.hashTable()) && read(offset, numbers);
    boolean remnants = there && WalIndex.hasRemnants(block, number, first);
    if (remnants) {
      there = access().readShm(database, offset, block.clear());
      WalIndex.removeFrom(block, number, first);
    }
    if (!there) {
      Arrays.fill(block.array(), (byte) 0);
    }
    WalIndex.Range hash = WalIndex.append(block, number, first, pages);
    if (!there) {
      storeShm(offset, block.clear()); // the file grows by a whole block
      return;
    }
    if (remnants) {
      hash = WalIndex.hashTable();
      numbers = new WalIndex.Range(numbers.from(), hash.from());
    }
    storeShm(offset + numbers.from(), numbers.of(block));
    storeShm(offset + hash.from(), hash.of(block));
  }

  /**
   * @return false if the index does not have these bytes
   */
  private boolean read(long offset, WalIndex.Range range) {
    return access().readShm(database, offset + range.from(), range.of(block));
  }

  private void storeHeader() throws IOException {
    storeShm(WalIndex.COPY, index.encode());
    storeShm(0, index.encode());
  }

  private void storeShm(long offset, ByteBuffer bytes) throws IOException {
    SideFile shm = walMode.shm();
    database.writeShm(shm, bytes.duplicate(), offset);
    access().shmChanged(database, shm, offset, bytes);
  }

  // ------------------------------------------------------------- checkpoint

  /** Moves pages that every reader has left behind into the database file, if there are many. */
  void checkpointIfDue() throws IOException {
    WalFrames frames = walMode.capture().frames();
    if (blind || frames.committed() < CHECKPOINT_FRAMES || database.hasAllOfWal()) {
      return;
    }
    checkpoint();
  }

  /** As walCheckpoint, passive. */
  void checkpoint() throws IOException {
    if (!access().readShm(database, 0, head.clear())
        || WalIndex.decode(head) == null
        || !access().tryLockShm(database, CKPT, true)) {
      return;
    }
    try {
      int safe = safeFrame();
      if (head.getInt(WalIndex.BACKFILL) < safe && access().tryLockShm(database, READ0, true)) {
        try {
          storeShm(WalIndex.BACKFILL_ATTEMPTED, number(safe));
          backfill(safe);
          storeShm(WalIndex.BACKFILL, number(safe));
        } finally {
          access().unlockShm(database, READ0);
        }
      }
    } finally {
      access().unlockShm(database, CKPT);
    }
  }

  private static ByteBuffer number(int value) {
    return ByteBuffer.allocate(4).order(ByteOrder.nativeOrder()).putInt(value).flip();
  }

  /** The last frame that no reader needs the database file to be older than (mxSafeFrame). */
  private int safeFrame() throws IOException {
    int last = WalIndex.decode(head).maxFrame();
    int safe = last;
    for (int i = 1; i < WalIndex.READERS; i++) {
      int mark = head.getInt(WalIndex.READ_MARKS + 4 * i);
      if (Integer.compareUnsigned(safe, mark) > 0) {
        if (access().tryLockShm(database, READ0 + i, true)) {
          storeShm(WalIndex.READ_MARKS + 4L * i, number(i == 1 ? safe : WalIndex.NOT_USED));
          access().unlockShm(database, READ0 + i);
        } else {
          safe = mark;
        }
      }
    }
    return safe;
  }

  private void backfill(int safe) throws IOException {
    database.lockedWrite(walMode::awaitApplicable);
    WalCapture capture = walMode.capture();
    WalFrames frames = capture.frames();
    MainFile main = content.current();
    int size = capture.pageSize();
    IntMap latest = new IntMap();
    for (int frame = 0; frame < safe; frame++) {
      latest.put(frames.page(frame), frame);
    }
    for (int pgno : latest.sortedKeys()) {
      long number = Integer.toUnsignedLong(pgno);
      if (number > committed.pageCount()) {
        continue;
      }
      ByteBuffer page = Scratch.get().page.clear().limit(size);
      capture.readPage(latest.get(pgno, 0), page);
      long offset = (number - 1) * size;
      int frame = latest.get(pgno, 0);
      database.lockedWrite(
          () -> {
            main.file.write(page.flip(), offset);
            main.size = Math.max(main.size, offset + size);
            frames.backfilled(pgno, frame);
          });
      access().bytesChanged(database, main, offset, page.rewind());
    }
    if (safe == frames.committed() && main.size != committed.size()) {
      database.lockedWrite(
          () -> {
            main.file.truncate(committed.size());
            main.size = committed.size();
          });
      access().sizeChanged(database, main);
    }
  }
}
