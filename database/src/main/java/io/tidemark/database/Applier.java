package io.tidemark.database;

import io.tidemark.ltx.LtxDecoder;
import io.tidemark.ltx.LtxHeader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Brings what programs see on a replica up to what its log has, record by record. It obeys SQLite's
 * protocol like any other process: a reader sees the state before a record or after it.
 *
 * <p>Invariants:
 *
 * <ul>
 *   <li>Only records that are durable and known to be committed are shown, in order.
 *   <li>A record whose pages do not lead to the checksum that it names changes nothing; the
 *       database is not served any more.
 *   <li>Bytes that programs may have in the kernel's cache are replaced there before the lock that
 *       keeps readers out is given up.
 * </ul>
 *
 * <p>One thread at a time applies; the lock of the database is taken for each record.
 */
public final class Applier {
  private static final Logger LOG = LoggerFactory.getLogger(Applier.class);

  /** Records applied under one EXCLUSIVE lock, so that readers get a turn. */
  private static final int BATCH = 64;

  /** Frames after which readers see what was appended. */
  private static final int FRAMES = 256;

  private static final long PAUSE_NANOS = 1_000_000;
  private static final int[] NO_PAGES = {};

  private final Store store;
  private final Database database;
  private final DatabaseFiles files;
  private final ReentrantLock lock;
  private final Availability availability;
  private final DatabaseEvents events;
  private final TransactionLog log;
  private final CommittedState committed;
  private final MainContent content;
  private final JournalCapture journal;
  private final WalMode walMode;
  private final ContentReplacement replacement;
  private final WalAppender appender;
  private final StagedPages staged = new StagedPages();
  private final RecordFollower follower;

  /** When readers were first found in the way, {@link System#nanoTime}; 0 if they are not. */
  private long blockedSince;

  private boolean madeWay;
  private boolean sideFilesRemoved;
  private boolean sizeChanged;

  /** Pages that went from a WAL into the database file, and their size. */
  private int[] finished = NO_PAGES;

  private int finishedPageSize;

  Applier(
      DatabaseParts parts,
      Database database,
      JournalCapture journal,
      WalMode walMode,
      ContentReplacement replacement) {
    store = parts.store();
    this.database = database;
    files = parts.files();
    lock = parts.lock();
    availability = parts.availability();
    events = parts.events();
    log = parts.log();
    committed = parts.committed();
    content = parts.content();
    this.journal = journal;
    this.walMode = walMode;
    this.replacement = replacement;
    this.appender = new WalAppender(store, database, committed, content, walMode);
    this.follower = new RecordFollower(files.disk(), log);
  }

  /**
   * Shows what the log has, as far as it is durable.
   *
   * @param upToTxid nothing beyond is shown: the commit position
   * @return what is shown now. It may be less than was asked for, because readers are in the way:
   *     then call again after some milliseconds. They are given {@link Store#readerTimeout} in all,
   *     then their handles fail.
   * @throws IOException when the database is not served, or the disk refuses; nothing is shown in
   *     part
   */
  public synchronized DatabasePosition apply(long upToTxid) throws IOException {
    if (store.role() == Role.REPLICA) {
      applyUpTo(upToTxid, store.readerTimeout().toNanos());
    }
    return committed.position();
  }

  /** All that the log has, whoever reads: this node is about to become primary. */
  synchronized void applyAll() throws IOException {
    log.awaitDurable(log.tailTxid());
    applyUpTo(log.tailTxid(), 0);
  }

  /**
   * On the primary: shows the last record, which its own programs have not written.
   *
   * @throws IOException when it cannot be shown now; the log has it
   */
  synchronized void showAll() throws IOException {
    while (isBehind(log.tailTxid())) {
      applyUpTo(log.tailTxid(), store.readerTimeout().toNanos());
      if (isBehind(log.tailTxid())) {
        LockSupport.parkNanos(PAUSE_NANOS);
      }
    }
  }

  /**
   * Takes EXCLUSIVE in advance if a record is going to need it.
   *
   * @return false if readers are in the way
   */
  synchronized boolean tryMakeWay() {
    boolean frames = walMode.isInUse() || walMode.isSetUp();
    if (content.current() == null || frames || !store.readerAccess().inUse(database)) {
      return true;
    }
    madeWay = store.readerAccess().tryExclusive(database);
    return madeWay;
  }

  /** Gives up what {@link #tryMakeWay} took. */
  synchronized void leaveWay() {
    if (madeWay) {
      madeWay = false;
      store.readerAccess().releaseExclusive(database);
    }
  }

  /** Whether readers hold up the database. */
  public synchronized boolean isBlocked() {
    return blockedSince != 0;
  }

  private void applyUpTo(long upTo, long patienceNanos) throws IOException {
    long begin = System.nanoTime();
    long before = committed.position().txid();
    try (RecordFollower records = follower) {
      boolean going = true;
      while (going && isBehind(upTo)) {
        going = applySome(records, upTo, patienceNanos);
      }
    }
    if (committed.position().txid() != before) {
      database.metrics().applyLatency.record(System.nanoTime() - begin);
    }
    if (availability.isHidden()) {
      unhide();
    }
  }

  private void unhide() {
    lock.lock();
    try {
      availability.shown(committed.position().txid());
      if (store.role() != Role.REPLICA && committed.position().txid() >= log.tailTxid()) {
        availability.show();
      }
    } finally {
      lock.unlock();
    }
  }

  private boolean isBehind(long upTo) {
    return committed.position().txid() < Math.min(upTo, log.showableTxid());
  }

  /**
   * @return false if readers are in the way
   */
  private boolean applySome(RecordFollower records, long upTo, long patienceNanos)
      throws IOException {
    ApplyWay way;
    lock.lock();
    try {
      if (!isBehind(upTo)) {
        return true; // a program here has committed it under the halt lock
      }
      way = choose(records, blockedFor(patienceNanos));
      if (way == ApplyWay.NEW_INCARNATION) {
        LOG.warn(
            "{}: programs that have it open could not follow the primary; they have to open it"
                + " again",
            files.name());
        replacement.renew();
      }
      if (way != ApplyWay.EXCLUSIVE && way != ApplyWay.FRAMES) {
        blockedSince = 0;
        applyRecord(records, way);
        tell();
        return true;
      }
    } finally {
      lock.unlock();
    }
    boolean applied =
        way == ApplyWay.FRAMES ? appendFrames(records, upTo) : applyExclusively(records, upTo);
    return applied || blockedFor(patienceNanos);
  }

  private boolean blockedFor(long nanos) {
    return blockedSince != 0 && System.nanoTime() - blockedSince >= nanos;
  }

  private ApplyWay choose(RecordFollower records, boolean overdue) throws IOException {
    availability.check();
    content.checkApplied();
    records.moveTo(committed.position().txid() + 1);
    LtxHeader header = records.header();
    boolean opened = content.current() != null && store.readerAccess().inUse(database);
    boolean renumbers = committed.exists() && header.pageSize() != committed.pageSize();
    // A program that has only the database open will open the files that were set up for it.
    boolean isAwaited = opened && !renumbers && walMode.isSetUp();
    return ApplyWay.choose(
        new ApplyWay.Scene(
            header.commit() == 0,
            opened,
            isAwaited || walMode.isInUse(),
            renumbers,
            // Beside a database of zero pages SQLite deletes the WAL.
            committed.exists(),
            overdue));
  }

  private boolean applyExclusively(RecordFollower records, long upTo) throws IOException {
    if (!store.readerAccess().tryExclusive(database)) {
      return noteBlocked();
    }
    try {
      blockedSince = 0;
      boolean same = true;
      for (int i = 0; same && i < BATCH; i++) {
        same = applyOne(records, upTo, ApplyWay.EXCLUSIVE);
        tell();
      }
      return true;
    } finally {
      store.readerAccess().releaseExclusive(database);
    }
  }

  private boolean noteBlocked() {
    if (blockedSince == 0) {
      blockedSince = Math.max(1, System.nanoTime());
    }
    return false;
  }

  private boolean appendFrames(RecordFollower records, long upTo) throws IOException {
    // Without both files a program is just opening them.
    if (walMode.wal() == null || walMode.shm() == null || !appender.begin()) {
      return noteBlocked();
    }
    if (walMode.wal() == null || walMode.shm() == null) {
      appender.end(); // the last program that closed has deleted them just before
      return noteBlocked();
    }
    try {
      blockedSince = 0;
      appender.prepare();
      committed.hideNext();
      try {
        boolean same = true;
        for (int i = 0; same && i < BATCH && appender.appended() < FRAMES; i++) {
          same = applyOne(records, upTo, ApplyWay.FRAMES);
        }
      } finally {
        appender.show(); // also when the last of them does not fit
      }
      appender.checkpointIfDue();
      return true;
    } finally {
      committed.showLast();
      events.shown();
      appender.end();
    }
  }

  /**
   * @return false if there is no record any more that goes this way
   */
  private boolean applyOne(RecordFollower records, long upTo, ApplyWay way) throws IOException {
    lock.lock();
    try {
      if (!isBehind(upTo) || choose(records, false) != way) {
        return false;
      }
      applyRecord(records, way);
      return true;
    } finally {
      lock.unlock();
    }
  }

  // ------------------------------------------------------------ one record

  private void applyRecord(RecordFollower records, ApplyWay way) throws IOException {
    LtxHeader header = records.header();
    if (header.commit() > committed.pageCount()) {
      HeapRoom.checkTable(files.name(), header.commit());
    }
    String problem = RecordCheck.stage(records.decoder(), committed, staged);
    if (problem != null) {
      availability.fail(
          "transaction "
              + header.maxTxid()
              + " of the primary does not fit ("
              + problem
              + "); the database file or the log was changed from outside. A copy from the primary"
              + " will replace it, or drop its directory and restart");
      throw new CorruptLogException(availability.failure());
    }
    FaultPoint.APPLY_CHECKED.pass();
    if (way == ApplyWay.DROP) {
      staged.clearPages();
      log.keepCommitted();
      content.unlink();
      publish(records, header);
      replacement.leave(MainFile.State.ORPHAN);
      events.replaced();
      return;
    }
    if (way == ApplyWay.FRAMES) {
      appender.append(staged, staged.isKept() ? null : records.decoder(), header.maxTxid());
      publish(records, header);
      return;
    }
    boolean isNew = !committed.exists();
    if (isNew) {
      replacement.leave(MainFile.State.REPLACED); // what a program began here has no record
      content.create();
    }
    removeSideFiles();
    MainFile main = content.current();
    long size = header.commit() * header.pageSize();
    write(records);
    publish(records, header);
    content.finish();
    FaultPoint.APPLY_SHOWN.pass();
    sizeChanged |= main.size != size;
    main.size = size;
    if (isNew) {
      events.replaced();
    }
  }

  /** Into the image, so that a disk that refuses one page leaves the file as it was. */
  private void write(RecordFollower records) throws IOException {
    WorkingImage image = content.image();
    image.discard();
    boolean complete = false;
    try {
      long size = staged.pageSize();
      LtxDecoder decoder = staged.isKept() ? null : records.decoder();
      ByteBuffer page = Scratch.get().page;
      for (int i = 0; i < staged.size(); i++) {
        if (decoder != null) {
          decoder.nextPage(page.clear().limit(staged.pageSize()));
          page.flip();
        }
        long offset = (Integer.toUnsignedLong(staged.page(i)) - 1) * size;
        image.write(decoder == null ? staged.bytes(i) : page, offset);
      }
      complete = true;
    } finally {
      if (!complete) {
        image.discard();
      }
    }
  }

  private void publish(RecordFollower records, LtxHeader header) {
    committed.publish(staged, records.epoch(), header.maxTxid(), records.postChecksum());
    events.committed();
  }

  /** What a program that is gone has left behind: it must not be played back into the new pages. */
  private void removeSideFiles() throws IOException {
    if (journal.file() != null) {
      journal.drop();
      sideFilesRemoved = true;
    }
    if (walMode.wal() != null || walMode.shm() != null) {
      finishedPageSize = committed.pageSize();
      finished = walMode.finish();
      walMode.drop();
      sideFilesRemoved = true;
    }
  }

  /** The kernel hears what the last record has changed. */
  private void tell() throws IOException {
    ReaderAccess access = store.readerAccess();
    if (sideFilesRemoved) {
      access.sideFilesRemoved(database);
      sideFilesRemoved = false;
    }
    MainFile main = content.current();
    if (main == null) {
      finished = NO_PAGES;
      staged.clearPages();
      return;
    }
    if (sizeChanged) {
      access.sizeChanged(database, main);
      sizeChanged = false;
    }
    for (int pgno : finished) {
      tell(main, pgno, finishedPageSize);
    }
    finished = NO_PAGES;
    for (int i = 0; i < staged.size(); i++) {
      tell(main, staged.page(i), staged.pageSize());
    }
    staged.clearPages();
  }

  private void tell(MainFile main, int pgno, int pageSize) throws IOException {
    long offset = (Integer.toUnsignedLong(pgno) - 1) * pageSize;
    int length = (int) Math.min(pageSize, main.size - offset);
    if (length > 0) {
      ByteBuffer page = Scratch.get().page.clear().limit(length);
      content.read(main, page, offset);
      store.readerAccess().bytesChanged(database, main, offset, page.flip());
    }
  }
}
