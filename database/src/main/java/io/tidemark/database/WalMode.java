package io.tidemark.database;

import io.tidemark.database.RefusedException.Kind;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.function.BooleanSupplier;

/**
 * A database in WAL mode: its {@code -wal} and {@code -shm}, the transactions that {@link
 * WalCapture} finds, and SQLite's checkpoints, which are all that may write the database file
 * meanwhile.
 *
 * <p>Invariants:
 *
 * <ul>
 *   <li>A checkpoint writes only bytes of a committed frame, and only when the record of that frame
 *       is durable.
 *   <li>A WAL that holds what the database file does not have is neither deleted nor cut.
 * </ul>
 *
 * <p>Guarded by the lock of the database; {@link #wal} and {@link #shm} may be read without it.
 */
final class WalMode {
  private static final int[] NO_PAGES = {};

  private final DatabaseFiles files;
  private final DatabaseEvents events;
  private final TransactionLog log;
  private final CommittedState committed;
  private final MainContent content;
  private final TransactionWriter writer;
  private final WalCapture capture;
  private final FramesTransaction transaction = new FramesTransaction();

  /** For each page of the transaction that is being captured its last frame + 1, or 0 for none. */
  private final IntMap lastFrames = new IntMap();

  /** How often a checkpoint put an older page in the place of a newer one. */
  private long setbacks;

  private volatile SideFile wal;
  private volatile SideFile shm;

  WalMode(
      DatabaseFiles files,
      DatabaseEvents events,
      TransactionLog log,
      CommittedState committed,
      MainContent content,
      TransactionWriter writer,
      BooleanSupplier guarded) {
    this.files = files;
    this.events = events;
    this.log = log;
    this.committed = committed;
    this.content = content;
    this.writer = writer;
    this.capture =
        new WalCapture(files.name(), new FramesCommitter(), writer::commitsWait, guarded);
  }

  // --------------------------------------------------------------- the WAL

  WalCapture capture() {
    return capture;
  }

  /** The WAL, or null. */
  SideFile wal() {
    return wal;
  }

  /** Whether programs have the WAL or its index open. */
  boolean isInUse() {
    SideFile log = wal;
    SideFile index = shm;
    return (log != null && log.isOpen()) || (index != null && index.isOpen());
  }

  /** Whether the database is in WAL mode, with both files that readers need. */
  boolean isSetUp() {
    return wal != null && shm != null && committed.exists() && committed.isWal();
  }

  /** Whether the WAL has committed frames. */
  boolean isActive() {
    return capture.isActive();
  }

  SideFile createWal() throws IOException {
    if (wal == null) {
      content.settle();
      wal = files.newSideFile("wal");
      capture.attach(wal);
    }
    return wal;
  }

  void writeWal(SideFile file, ByteBuffer src, long offset) throws IOException {
    if (file != wal) {
      file.write(src, offset);
      return;
    }
    if (offset < WalCapture.HEADER && !capture.isActive()) {
      content.settle();
    }
    WalCapture.Outcome outcome =
        capture.write(src, offset, committed.exists(), committed.pageCount());
    if (outcome == WalCapture.Outcome.OVERWRITES_COMMITTED) {
      events.walIndexSuspect();
      throw WalCapture.overwritten(files.name());
    }
  }

  void truncateWal(SideFile file, long size) throws IOException {
    if (file != wal) {
      file.truncate(size);
      return;
    }
    String problem = capture.problemOfTruncate(size, committed.pageCount());
    if (problem != null) {
      throw new RefusedException(Kind.BUSY, problem);
    }
    capture.truncate(size);
  }

  /**
   * Removes the WAL.
   *
   * @throws RefusedException (BUSY) when it holds what the database file does not have yet
   */
  void unlinkWal() throws RefusedException {
    if (wal == null) {
      return;
    }
    if (content.current() != null
        && capture.isActive()
        && !capture.frames().allBackfilled(committed.pageCount())) {
      throw new RefusedException(
          Kind.BUSY,
          "the WAL of "
              + files.name()
              + " holds transactions that are not checkpointed yet and cannot be deleted");
    }
    dropWal();
  }

  private void dropWal() {
    SideFile old = wal;
    wal = null;
    capture.attach(null);
    if (old != null) {
      old.detach();
    }
  }

  /** Looks at a WAL that was there before its database. */
  void rescan() throws IOException {
    if (wal != null && committed.exists() && !capture.isActive()) {
      capture.rescan(committed.pageCount());
    }
  }

  Database.WalExtent extent() {
    return new Database.WalExtent(capture.frames().committed(), capture.salt1(), capture.salt2());
  }

  // --------------------------------------------------------------- the shm

  /** The wal-index, or null. */
  SideFile shm() {
    return shm;
  }

  SideFile createShm() throws IOException {
    if (shm == null) {
      shm = files.newSideFile("shm");
    }
    return shm;
  }

  /**
   * A program is about to open the database on a replica: sets up an empty WAL and its index, so
   * that the daemon can be their writer before the program could be.
   */
  void prepareForReaders() throws IOException {
    if (committed.exists() && committed.isWal() && wal == null && shm == null) {
      createWal();
      createShm().write(WalIndex.ofEmptyWal(committed.pageSize(), committed.pageCount()), 0);
    }
  }

  void unlinkShm() {
    SideFile old = shm;
    shm = null;
    if (old != null) {
      old.detach();
    }
  }

  /** The database of these files is gone. */
  void drop() {
    dropWal();
    unlinkShm();
  }

  // ---------------------------------------------------------------- commits

  /** Called by {@link WalCapture} when a transaction of the WAL is complete. */
  private long commitFrames(int firstFrame, int lastFrame, long newCount) throws RefusedException {
    WalFrames frames = capture.frames();
    int size = capture.pageSize();
    if (size != committed.pageSize()) {
      throw new RefusedException(
          Kind.IO,
          "the WAL of "
              + files.name()
              + " has page size "
              + size
              + ", the database has "
              + committed.pageSize());
    }
    IntMap last = lastFrames;
    last.clear();
    for (int frame = firstFrame; frame <= lastFrame; frame++) {
      if (Integer.toUnsignedLong(frames.page(frame)) <= newCount) {
        last.put(frames.page(frame), frame + 1);
      }
    }
    // A page that the database grows by and that the transaction does not have reads as whatever
    // stands there; SQLite leaves free pages unwritten.
    for (long pgno = committed.pageCount() + 1; pgno <= newCount; pgno++) {
      if (!last.contains((int) pgno)) {
        last.put((int) pgno, 0);
        frames.needAgain((int) pgno);
      }
    }
    transaction.pageSize = size;
    transaction.pageCount = newCount;
    transaction.walOffset = capture.offsetOf(firstFrame);
    transaction.walSize = capture.offsetOf(lastFrame + 1) - transaction.walOffset;
    transaction.walSalt1 = capture.salt1();
    transaction.walSalt2 = capture.salt2();
    if (writer.append(transaction, last.sortedKeys(), null)) {
      writer.commit(false);
      writer.publish();
    }
    return committed.position().txid();
  }

  /** Fills {@code dst} with a page as the last commit left it, wherever that stands. */
  void readCommitted(long pgno, ByteBuffer dst) throws IOException {
    int frame = capture.frames().latest((int) pgno);
    if (frame >= 0) {
      capture.readPage(frame, dst);
    } else {
      content.image().readCommitted(dst, (pgno - 1) * committed.pageSize());
    }
  }

  private final class FramesCommitter implements WalCapture.Committer {
    @Override
    public long commitFrames(int firstFrame, int lastFrame, long newPageCount)
        throws RefusedException {
      return WalMode.this.commitFrames(firstFrame, lastFrame, newPageCount);
    }

    @Override
    public void framesLost(IOException cause) {
      content.fail(
          "a committed transaction cannot be written to the WAL ("
              + cause.getMessage()
              + "); restart when the disk works again, the log has it");
    }
  }

  /** The last frame of each page, over the committed pages. */
  private final class FramesTransaction extends CapturedTransaction {
    @Override
    void readNew(long pgno, ByteBuffer dst) throws IOException {
      int frame = lastFrames.get((int) pgno, 0);
      if (frame > 0) {
        capture.readPage(frame - 1, dst);
      } else {
        readCommitted(pgno, dst);
      }
    }

    @Override
    void readOld(long pgno, ByteBuffer dst) throws IOException {
      readCommitted(pgno, dst);
    }
  }

  // ----------------------------------------------------- SQLite's checkpoints

  /**
   * Whether what is written to the database file now must be a checkpoint. Beside an empty WAL
   * nothing is left to be checkpointed, and SQLite writes nothing at all.
   *
   * @param journaled whether a rollback journal is active: the journal mode is being changed
   */
  boolean onlyCheckpointsWrite(boolean journaled) {
    return capture.isActive()
        || (wal != null && committed.isWal() && committed.exists() && !journaled);
  }

  /**
   * In WAL mode SQLite writes the database file only to checkpoint committed frames. Anything else
   * would change pages behind the back of readers and of the log.
   */
  void checkpointWrite(ByteBuffer src, long offset) throws IOException {
    int pageSize = committed.pageSize();
    MainFile main = content.current();
    int length = src.remaining();
    if (offset % pageSize != 0 || length % pageSize != 0) {
      throw strayWrite(offset);
    }
    // First all, then nothing: a page that is no committed one leaves the file as it was.
    int[] frames = new int[length / pageSize];
    long needed = 0;
    ByteBuffer compare = Scratch.get().compare;
    for (int i = 0; i < frames.length; i++) {
      int pgno = (int) (offset / pageSize) + i + 1;
      ByteBuffer bytes = src.slice(src.position() + i * pageSize, pageSize);
      frames[i] = capture.frameOfPage(pgno, bytes);
      if (frames[i] < 0) {
        compare.clear().limit(pageSize);
        WorkingImage.readZeroFilled(main.file, compare, (pgno - 1L) * pageSize);
        if (!compare.flip().equals(bytes)) {
          throw strayWrite(offset + (long) i * pageSize);
        }
      } else {
        needed = Math.max(needed, capture.frames().txid(frames[i]));
      }
    }
    log.awaitApplicable(needed);
    FaultPoint.WAL_CHECKPOINT_PAGE.pass();
    main.file.write(src, offset);
    for (int i = 0; i < frames.length; i++) {
      if (frames[i] >= 0
          && capture.frames().backfilled((int) (offset / pageSize) + i + 1, frames[i])) {
        setbacks++;
      }
    }
  }

  /** The end of a checkpoint cuts what the last commit no longer has; a size hint may grow. */
  void checkpointTruncate(long size) throws IOException {
    if (size < committed.size()) {
      throw strayWrite(size);
    }
    content.current().file.truncate(size);
  }

  private RefusedException strayWrite(long offset) {
    return new RefusedException(
        Kind.IO,
        "a write to "
            + files.name()
            + " at offset "
            + offset
            + " is no page of a committed transaction; in WAL mode only checkpoints write there");
  }

  /** Returns when what counts may be written to the database file. */
  void awaitApplicable() throws RefusedException {
    log.awaitApplicable(committed.position().txid());
  }

  /** The last transaction of which the database file has everything, as checkpoints left it. */
  long redoTxid() {
    return capture.frames().redoTxid(committed.position().txid(), committed.pageCount());
  }

  /**
   * How often the database file lost what it had. Who reads it without the lock, and relies on what
   * {@link #redoTxid} was, sees here that it went back.
   */
  long setbacks() {
    return setbacks;
  }

  /**
   * Nobody reads the WAL any more: its committed pages go where a checkpoint would put them.
   *
   * @return the pages that were written, of which the kernel may have older bytes in its cache
   */
  int[] finish() throws IOException {
    WalFrames frames = capture.frames();
    if (frames.committed() == 0 || frames.allBackfilled(committed.pageCount())) {
      return NO_PAGES;
    }
    awaitApplicable();
    int pageSize = committed.pageSize();
    MainFile main = content.current();
    IntMap written = new IntMap();
    for (int frame = 0; frame < frames.committed(); frame++) {
      int pgno = frames.page(frame);
      if (frames.latest(pgno) == frame && Integer.toUnsignedLong(pgno) <= committed.pageCount()) {
        ByteBuffer page = Scratch.get().page.clear().limit(pageSize);
        capture.readPage(frame, page);
        main.file.write(page.flip(), (Integer.toUnsignedLong(pgno) - 1) * pageSize);
        frames.backfilled(pgno, frame);
        written.put(pgno, 1);
      }
    }
    main.file.truncate(committed.size());
    return written.sortedKeys();
  }
}
