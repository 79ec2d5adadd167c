package io.tidemark.database;

import io.tidemark.database.Disk.DiskFile;
import io.tidemark.ltx.LtxSink;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The log of one database: segments of records, appended under the database's lock and made durable
 * by whoever needs it. {@link LogScan} reads it at a start, {@link RecordWriter} forms the records,
 * {@link SegmentFiles} makes and deletes the files.
 *
 * <p>Invariants:
 *
 * <ul>
 *   <li>Records have consecutive TXIDs, and each continues the checksum of the one before.
 *   <li>{@code durableTxid} grows only after an fdatasync that began after the record was written
 *       has succeeded. One failed fdatasync means: not on disk. The records concerned are then
 *       written again, into a new segment, and the old copies are void because the new segment's
 *       first TXID says so.
 *   <li>{@code durableTxid} is never above {@code tailTxid}, and shrinks only with it, by {@link
 *       #unappend}.
 * </ul>
 *
 * <p>Guarded by the lock of the database. Syncs run without it, one after the other under {@code
 * syncLock}. Locks are taken in this order: the lock of the database, {@code syncLock}, the monitor
 * {@code unsynced}, in which a sync and an append agree on how far the sync reaches. So who waits
 * for {@code syncLock} under the lock of the database waits for a sync at most, and a sync for
 * nobody.
 */
final class TransactionLog implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(TransactionLog.class);

  private static final long RETRY_NANOS = 500_000_000L;

  private final Disk disk;
  private final Path directory;
  private final String databaseName;
  private final ReentrantLock lock;
  private final DatabaseMetrics metrics;

  private final SegmentFiles files;
  private final List<LogSegment> segments = new ArrayList<>();
  private final LogIndex index = new LogIndex();
  private final LogLookup lookup;
  private volatile LogSegment current;

  private volatile long tailTxid;
  private long tailChecksum;
  private long tailEpoch;

  /** Epoch of the record before the last one; only that one can be taken back. */
  private long epochBeforeTail;

  private long redoStart;

  /** The log was known to be durable up to here before it was opened. */
  private long knownDurable;

  /** Serialises syncs: who waits for it usually finds its record synced already (group commit). */
  private final ReentrantLock syncLock = new ReentrantLock();

  /** Segments with bytes that no sync has covered; guarded by itself, never held during a sync. */
  private final ArrayDeque<LogSegment> unsynced = new ArrayDeque<>();

  /** From the start: nobody knows whether the one who made these names synced them. */
  private boolean directoryUnsynced = true;

  private boolean parentsSynced;
  private volatile long durableTxid;
  private final CommitPoint point = new CommitPoint();

  /** The commit position that records and slots say; on the disk after the next sync. */
  private long writtenCommit;

  private volatile String failure;
  private volatile boolean closed;

  /** How often the log was emptied to go on with another history. */
  private volatile long restarts;

  /** How often records were written again into a new segment. */
  private volatile long rewrites;

  /** A sync failed, so another one of the same files proves nothing; guarded by syncLock. */
  private IOException syncFailure;

  private long lastRetry;

  /** The record being written. */
  private final RecordWriter record = new RecordWriter();

  /** Where the last record begins in the current segment. */
  private long lastStart;

  TransactionLog(
      Disk disk,
      Path directory,
      String databaseName,
      ReentrantLock lock,
      DatabaseMetrics metrics,
      Executor background) {
    this.disk = disk;
    this.directory = directory;
    this.databaseName = databaseName;
    this.lock = lock;
    this.metrics = metrics;
    this.files = new SegmentFiles(disk, directory, databaseName, lock, background);
    this.lookup = new LogLookup(disk, databaseName, segments, index);
  }

  // ---------------------------------------------------------------- opening

  /** Where a record stands. */
  record Location(long segment, long offset) {}

  /**
   * Reads the segment headers and the records from {@code redoTxid} + 1 on.
   *
   * @param redoTxid up to here the database file is complete
   * @param durable the log was known to be durable up to here; damage at or below it is corruption
   * @return the group of the last record if it has one, else null
   * @throws CorruptLogException for damage that a crash cannot explain
   */
  GroupInfo open(long redoTxid, long durable) throws IOException {
    LogScan scan = scanOfThis();
    scan.readSegmentHeaders();
    return openFrom(scan, redoTxid, durable);
  }

  /** Like {@link #open}, without a checkpoint: from the first record that is there. */
  GroupInfo openWhole() throws IOException {
    LogScan scan = scanOfThis();
    scan.readSegmentHeaders();
    return openFrom(scan, segments.isEmpty() ? 0 : segments.get(0).firstTxid - 1, 0);
  }

  private LogScan scanOfThis() {
    return new LogScan(disk, directory, databaseName, segments, index, files);
  }

  private GroupInfo openFrom(LogScan scan, long redoTxid, long durable) throws IOException {
    redoStart = redoTxid;
    knownDurable = durable;
    GroupInfo group;
    try {
      group = scan.scan(redoTxid, durable);
    } finally {
      // Also of a log that is damaged: its TXIDs must not be used again.
      tailTxid = scan.tailTxid();
      tailChecksum = scan.tailChecksum();
      tailEpoch = scan.tailEpoch();
      epochBeforeTail = scan.epochBeforeTail();
    }
    durableTxid = tailTxid;
    point.start(scan.committedTxid(durable), tailTxid);
    return group;
  }

  /**
   * Takes away the last record again, because the group it belongs to never became complete. Only
   * during recovery.
   */
  void cutLast() throws IOException {
    Location location = lookup.locate(tailTxid);
    LogSegment segment = lookup.segment(location.segment());
    tailChecksum = lookup.checksumBefore(tailTxid);
    tailEpoch = epochBeforeTail;
    tailTxid--;
    // A segment that was begun after the record and has none must not follow the next one.
    while (segments.get(segments.size() - 1) != segment) {
      files.addVoided(segments.remove(segments.size() - 1).path);
    }
    segment.end = location.offset();
    segment.lastTxid = tailTxid;
    index.removeFrom(tailTxid + 1);
    durableTxid = tailTxid;
    point.start(Math.min(point.known(), tailTxid), tailTxid);
  }

  /**
   * Makes the log ready to append: zeroes what a crash left behind the tail, so that no stale
   * record can ever follow a new one, and makes durable what was found.
   */
  void startAppending(long txid, long checksum) throws IOException {
    files.deleteVoided();
    if (segments.isEmpty()) {
      tailTxid = txid;
      tailChecksum = checksum;
      durableTxid = txid;
      point.start(txid, txid);
      return;
    }
    assert tailTxid == txid && tailChecksum == checksum;
    current = segments.get(segments.size() - 1);
    current.file = disk.open(current.path);
    SegmentFiles.zero(current.file, current.end, current.file.size(), true);
    current.file.sync();
    files.inUse(current);
    files.growFrom(current.size);
  }

  /**
   * A process that was killed may have left records that were never synced, in any segment after
   * the last that is known to be durable, and names. They count from now on, so they must not be
   * lost with the power later, nor be in the database file before.
   */
  void syncFound() throws IOException {
    if (tailTxid <= knownDurable) {
      return;
    }
    for (LogSegment segment : segments) {
      if (segment.lastTxid > knownDurable) {
        try (DiskFile file = disk.open(segment.path)) {
          file.sync();
        }
      }
    }
    syncNames();
    directoryUnsynced = false;
  }

  // -------------------------------------------------------------- appending

  long tailTxid() {
    return tailTxid;
  }

  long tailChecksum() {
    return tailChecksum;
  }

  /** Epoch of the last record, 0 if none was read or written yet. */
  long tailEpoch() {
    return tailEpoch;
  }

  /** The transaction before the first record that recovery has to apply. */
  long redoStart() {
    return redoStart;
  }

  /**
   * Starts the record of the next transaction. It belongs to the history with {@link #finish}.
   *
   * @param pending whether it counts only when other nodes have it
   * @return takes the LTX bytes
   * @throws RefusedException when the log is fenced after a failed sync, or the disk is full
   */
  LtxSink begin(long epoch, byte[] extra, boolean pending) throws RefusedException {
    assert !record.isOpen();
    begin(record, epoch, extra, pending, Scratch.get().record);
    return record;
  }

  /**
   * Starts a record that is written piece by piece, without the lock. It belongs to the history
   * with {@link #finishReceived}; until then nobody else appends.
   *
   * @param room for the writer until then
   */
  void begin(RecordWriter writer, long epoch, byte[] extra, boolean pending, ByteBuffer room)
      throws RefusedException {
    assert lock.isHeldByCurrentThread();
    if (failure != null && !retryNow()) {
      throw new RefusedException(RefusedException.Kind.IO, failure);
    }
    try {
      if (current == null || current.end >= current.size) {
        roll(epoch, tailTxid + 1, tailChecksum);
      }
    } catch (IOException e) {
      throw RefusedException.ofDisk("cannot start a log segment in " + directory, e);
    }
    try {
      writer.begin(current.file, current.end, tailTxid + 1, epoch, extra, pending, room);
    } catch (IOException e) {
      writer.abort();
      throw RefusedException.ofDisk("cannot write to " + current.path, e);
    }
  }

  /** Completes a record that was begun for a writer; what {@link #finish} says holds here. */
  void finishReceived(RecordWriter writer, long postChecksum, long millis, long committedTxid)
      throws RefusedException {
    assert lock.isHeldByCurrentThread();
    if (!writer.isAt(current.file, current.end)) {
      writer.abort();
      throw new RefusedException(
          RefusedException.Kind.IO,
          "the log in " + directory + " went on in a new segment after a failed sync; send again");
    }
    point.raise(committedTxid);
    finish(writer, postChecksum, millis);
    point.offer(tailTxid);
  }

  /** Gives up a record that was begun for a writer; nothing of it can be found again. */
  void abortReceived(RecordWriter writer) {
    assert lock.isHeldByCurrentThread();
    writer.abort();
    if (writer.flushedTo() > writer.start() && writer.isAt(current.file, current.end)) {
      try {
        SegmentFiles.zero(current.file, writer.start(), writer.flushedTo(), false);
      } catch (IOException e) {
        LOG.warn("{}: cannot wipe a record that was given up: {}", databaseName, e.toString());
      }
    }
  }

  /**
   * Completes the record. From here on it belongs to the history.
   *
   * @param postChecksum rolling checksum after the transaction
   * @param millis time of the commit
   */
  void finish(long postChecksum, long millis) throws RefusedException {
    finish(record, postChecksum, millis);
  }

  private void finish(RecordWriter writer, long postChecksum, long millis) throws RefusedException {
    long length = 0;
    long commit = point.toBeWritten(tailTxid, writer.isPending());
    try {
      length = writer.finish(durableTxid, commit);
    } catch (IOException e) {
      throw RefusedException.ofDisk("cannot write to " + current.path, e);
    } finally {
      if (length == 0) {
        writer.abort();
        wipe(writer.start());
      }
    }
    lastStart = writer.start();
    current.end = lastStart + length;
    current.lastTxid = writer.txid();
    current.lastMillis = millis;
    tailChecksum = postChecksum;
    epochBeforeTail = tailEpoch;
    tailEpoch = writer.epoch();
    synchronized (unsynced) {
      if (unsynced.peekLast() != current) {
        unsynced.addLast(current);
      }
      tailTxid = writer.txid();
      writtenCommit = Math.max(writtenCommit, commit);
    }
    point.appended(tailTxid, writer.isPending());
    index.add(tailTxid, current.number, lastStart, lastStart == SegmentHeader.BLOCK);
    metrics.logBytesWritten.add(length);
    if (current.end > current.size / 2) {
      files.prepareNext();
    }
  }

  /**
   * The write of a record failed, which does not mean that nothing was written. If the disk refuses
   * this as well, the next record replaces what is there, because it begins at the same place.
   */
  private void wipe(long offset) {
    try {
      current.file.write(ByteBuffer.allocate(RecordHeader.SIZE), offset);
    } catch (IOException e) {
      LOG.warn("{}: cannot wipe a record that was refused: {}", databaseName, e.toString());
    }
  }

  /** Gives up the record being written; nothing of it can be found again. */
  void abort() {
    record.abort();
  }

  /**
   * Takes back the last record, which was shown to nobody. It may be durable all the same: because
   * it belongs to a group that did not become complete, or because another thread has synced the
   * log meanwhile.
   *
   * <p>Then {@code durableTxid} shrinks, but nobody was promised this record: a transaction is
   * published, and its number known outside, only when its own sync has succeeded and, in a group,
   * those of all members; until then the lock of its database is held. Who waits for the tail of
   * the log without that lock ({@link Database#walSyncTarget}, upkeep) means transactions before.
   *
   * @param preChecksum rolling checksum before it
   */
  void unappend(long preChecksum) {
    assert lock.isHeldByCurrentThread() && !record.isOpen();
    // All of it in one, so that no sync can make durable what is just being taken back.
    syncLock.lock();
    try {
      boolean durable = durableTxid == tailTxid;
      LogSegment segment = current;
      synchronized (unsynced) {
        tailTxid--;
      }
      durableTxid = Math.min(durableTxid, tailTxid);
      point.cut(tailTxid);
      tailChecksum = preChecksum;
      tailEpoch = epochBeforeTail;
      segment.end = lastStart;
      segment.lastTxid = tailTxid;
      index.removeFrom(tailTxid + 1);
      try {
        segment.file.write(ByteBuffer.allocate(RecordHeader.SIZE), lastStart);
        if (durable) {
          segment.file.sync();
        }
      } catch (IOException e) {
        fenceUnwiped(e);
      }
    } finally {
      syncLock.unlock();
    }
  }

  /**
   * A record that was taken back is still there, so until the disk works again a crash may bring it
   * back; its writer was told of an I/O error, which leaves both open. But nothing may be appended
   * before a new segment has made it void: see {@link #rewriteTail}.
   */
  private void fenceUnwiped(IOException e) {
    LOG.warn("{}: cannot wipe a record that was taken back: {}", databaseName, e.toString());
    if (failure == null) {
      failure =
          "the log in "
              + directory
              + " cannot be written ("
              + e.getMessage()
              + "); writes are refused until the disk works again";
    }
  }

  /**
   * Nothing in the log counts any more: the history goes on after another transaction. The files
   * are for the caller to delete.
   *
   * @param checksum rolling checksum after it
   */
  void restart(long epoch, long txid, long checksum) {
    assert lock.isHeldByCurrentThread() && !record.isOpen();
    syncLock.lock();
    try {
      restarts++;
      files.voidPrepared();
      synchronized (unsynced) {
        for (LogSegment segment : segments) {
          segment.closeFile();
        }
        unsynced.clear();
        current = null;
        directoryUnsynced = true;
        tailTxid = txid;
        writtenCommit = 0;
      }
      segments.clear();
      index.removeFrom(0);
      parentsSynced = false;
      durableTxid = txid;
      point.start(txid, txid);
      tailChecksum = checksum;
      tailEpoch = epoch;
      epochBeforeTail = epoch;
      failure = null;
      syncFailure = null;
    } finally {
      syncLock.unlock();
    }
  }

  private void roll(long epoch, long firstTxid, long preChecksum) throws IOException {
    LogSegment next = files.takePrepared();
    if (next == null) {
      disk.createDirectories(directory);
      next = files.create(current == null ? SegmentFiles.FIRST_SEGMENT_BYTES : 0);
      directoryUnsynced = true;
    }
    long now = System.currentTimeMillis();
    boolean begun = false;
    try {
      FaultPoint.SEGMENT_ROLL.pass();
      SegmentHeader header = new SegmentHeader(next.number, firstTxid, preChecksum, epoch, now);
      next.file.write(header.encode(), 0);
      FaultPoint.SEGMENT_HEADER_WRITTEN.pass();
      begun = true;
    } finally {
      if (!begun) {
        files.putBack(next);
      }
    }
    next.firstTxid = firstTxid;
    next.preChecksum = preChecksum;
    next.lastTxid = firstTxid - 1;
    next.lastMillis = now;
    next.end = SegmentHeader.BLOCK;
    LogSegment previous = current;
    segments.add(next);
    files.inUse(next);
    files.grow();
    synchronized (unsynced) {
      // The next sync covers and closes the segment that is full.
      if (previous != null && !unsynced.contains(previous)) {
        unsynced.addLast(previous);
      }
      current = next;
    }
  }

  // ---------------------------------------------------------------- syncing

  long durableTxid() {
    return durableTxid;
  }

  boolean isDurable(long txid) {
    return durableTxid >= txid;
  }

  /** Why the log takes no writes, or null. */
  String failure() {
    return failure;
  }

  /**
   * Returns when the record of {@code txid} is on the disk. Callers at the same time share one
   * sync.
   *
   * @throws RefusedException when the disk refuses, also on a second copy of the records
   */
  void awaitDurable(long txid) throws RefusedException {
    if (durableTxid >= txid) {
      return;
    }
    IOException cause;
    syncLock.lock();
    try {
      if (durableTxid >= txid) {
        return;
      }
      if (failure != null) {
        cause = new IOException(failure);
      } else {
        cause = syncFailure != null ? syncFailure : syncFiles();
        syncFailure = cause;
      }
    } finally {
      syncLock.unlock();
    }
    if (cause != null && durableTxid < txid) {
      lock.lock();
      try {
        rewriteTail(cause);
      } finally {
        lock.unlock();
      }
      if (durableTxid < txid) {
        throw new RefusedException(RefusedException.Kind.IO, failure, cause);
      }
    }
  }

  /** Syncs what is unsynced; returns the failure, or null. Holds {@code syncLock}. */
  private IOException syncFiles() {
    List<LogSegment> written;
    long target;
    long commit;
    boolean names;
    synchronized (unsynced) {
      written = new ArrayList<>(unsynced);
      unsynced.clear();
      target = tailTxid;
      commit = writtenCommit;
      names = directoryUnsynced;
      directoryUnsynced = false;
    }
    FaultPoint.COMMIT_BEFORE_SYNC.pass();
    long start = System.nanoTime();
    try {
      for (LogSegment segment : written) {
        segment.file.sync();
      }
      if (names) {
        syncNames();
      }
    } catch (IOException e) {
      synchronized (unsynced) {
        for (int i = written.size() - 1; i >= 0; i--) {
          if (!unsynced.contains(written.get(i))) {
            unsynced.addFirst(written.get(i));
          }
        }
        directoryUnsynced |= names;
      }
      metrics.logSyncFailures.increment();
      return e;
    }
    durableTxid = target;
    point.keep(commit);
    FaultPoint.COMMIT_AFTER_SYNC.pass();
    synchronized (unsynced) {
      for (LogSegment segment : written) {
        if (segment != current && !unsynced.contains(segment)) {
          segment.closeFile();
        }
      }
    }
    metrics.logSyncs.increment();
    metrics.syncLatency.record(System.nanoTime() - start);
    return null;
  }

  /** A segment is durable only if its name is, and the names of the directories that lead to it. */
  private void syncNames() throws IOException {
    disk.syncDirectory(directory);
    if (!parentsSynced) {
      disk.syncDirectory(directory.getParent());
      disk.syncDirectory(directory.getParent().getParent());
      parentsSynced = true;
    }
  }

  private boolean retryNow() {
    long now = System.nanoTime();
    if (now - lastRetry < RETRY_NANOS) {
      return false;
    }
    rewriteTail(new IOException(failure));
    return failure == null;
  }

  /** Tries to leave the fenced state, at most every half second; true if the log works. */
  boolean retryIfFenced() {
    lock.lock();
    try {
      return failure == null || retryNow();
    } finally {
      lock.unlock();
    }
  }

  /**
   * After a failed sync the kernel may have dropped the data and marked it clean, so syncing the
   * same file again proves nothing. The records that are not known to be durable are copied to a
   * new segment, and that is synced. If this fails as well, the log is fenced: no appends until a
   * later try succeeds. The new segment is made even if no record is left to be copied: what
   * earlier segments have of taken back records is void because of it.
   */
  private void rewriteTail(IOException cause) {
    assert lock.isHeldByCurrentThread();
    syncLock.lock();
    try {
      lastRetry = System.nanoTime();
      if (closed || (durableTxid == tailTxid && failure == null && syncFailure == null)) {
        return;
      }
      LOG.warn(
          "{}: syncing the log failed ({}); writing transactions {} to {} again in a new segment",
          databaseName,
          cause.getMessage(),
          durableTxid + 1,
          tailTxid);
      copyTail();
      failure = null;
      syncFailure = null;
    } catch (IOException | RuntimeException e) {
      // Whatever went wrong: the records are not on the disk, and nobody may be told so.
      failure =
          "the log in "
              + directory
              + " cannot be synced ("
              + (e instanceof IOException ? e.getMessage() : e.toString())
              + "); writes are refused until the disk works again";
      LOG.error("{}: {}", databaseName, failure);
    } finally {
      syncLock.unlock();
    }
  }

  private void copyTail() throws IOException {
    long from = durableTxid + 1;
    long to = tailTxid;
    long commit = Math.min(point.known(), durableTxid);
    List<Location> records = new ArrayList<>();
    for (long txid = from; txid <= to; txid++) {
      records.add(lookup.locate(txid));
    }
    long preChecksum = records.isEmpty() ? tailChecksum : lookup.checksumBefore(from);
    LogSegment segment = files.create(0);
    List<Long> offsets = new ArrayList<>();
    try {
      TailCopy copy = new TailCopy(disk, segment);
      copy.begin(from, to, preChecksum, tailEpoch);
      for (Location location : records) {
        offsets.add(segment.end);
        copy.add(lookup.path(location), location.offset());
      }
      syncCopy(segment, commit);
    } catch (IOException | RuntimeException e) {
      files.closeAndDelete(segment, e);
      throw e;
    }
    adopt(segment, from, offsets);
    point.keep(commit);
  }

  /** A segment that makes others void must say what they said of the commit position. */
  private void syncCopy(LogSegment segment, long commit) throws IOException {
    segment.file.write(CommitSlot.encode(segment.number, commit), CommitSlot.OFFSET);
    segment.file.sync();
    syncNames();
  }

  private void adopt(LogSegment copy, long from, List<Long> offsets) {
    rewrites++;
    synchronized (unsynced) {
      for (LogSegment segment : unsynced) {
        segment.closeFile();
      }
      if (current != null) {
        current.closeFile();
      }
      unsynced.clear();
      directoryUnsynced = false;
      current = copy;
    }
    files.inUse(copy);
    files.voidPrepared();
    for (LogSegment segment : segments) {
      segment.lastTxid = Math.min(segment.lastTxid, from - 1);
    }
    for (LogSegment segment : segments) {
      if (segment.firstTxid >= from) {
        files.addVoided(segment.path);
      }
    }
    segments.removeIf(segment -> segment.firstTxid >= from);
    segments.add(copy);
    index.removeFrom(from);
    for (int i = 0; i < offsets.size(); i++) {
      index.add(from + i, copy.number, offsets.get(i), i == 0);
      lastStart = offsets.get(i);
    }
    durableTxid = tailTxid;
  }

  // ------------------------------------------------------- commit position

  CommitPoint point() {
    return point;
  }

  /** The last record that may be shown: it is on the disk and known to be committed. */
  long showableTxid() {
    return Math.min(durableTxid, point.showable());
  }

  /** The last record that is known to be committed. */
  long committedTxid() {
    return Math.min(tailTxid, point.showable());
  }

  /** Whether pages of a transaction that counts may be written to the database file. */
  boolean isApplicable(long txid) {
    return durableTxid >= txid && point.isKept(txid);
  }

  /**
   * Returns when pages of a transaction that counts may be written to the database file.
   *
   * @throws RefusedException when the disk refuses
   */
  void awaitApplicable(long txid) throws RefusedException {
    awaitDurable(txid);
    if (!point.isKept(txid)) {
      keepCommitted();
    }
  }

  /**
   * Makes durable what is known of the commit position: see {@link CommitPoint#isKept}.
   *
   * @throws RefusedException when the disk refuses
   */
  void keepCommitted() throws RefusedException {
    assert lock.isHeldByCurrentThread();
    long commit = Math.min(point.known(), tailTxid);
    if (current == null || point.isKept(commit)) {
      return;
    }
    awaitDurable(commit);
    IOException cause;
    syncLock.lock();
    try {
      current.file.write(CommitSlot.encode(current.number, commit), CommitSlot.OFFSET);
      synchronized (unsynced) {
        if (unsynced.peekLast() != current) {
          unsynced.addLast(current);
        }
        writtenCommit = Math.max(writtenCommit, commit);
      }
      FaultPoint.COMMIT_POSITION_WRITTEN.pass();
      cause = failure != null ? new IOException(failure) : syncFailure;
      if (cause == null) {
        cause = syncFiles();
        syncFailure = cause;
      }
    } catch (IOException e) {
      throw RefusedException.ofDisk("cannot write to " + current.path, e);
    } finally {
      syncLock.unlock();
    }
    if (cause != null) {
      rewriteTail(cause);
    }
    if (!point.isKept(commit)) {
      throw new RefusedException(
          RefusedException.Kind.IO,
          "the commit position of '" + databaseName + "' cannot be written: " + cause,
          cause);
    }
  }

  /**
   * Cuts off the end of the log, durably: it never was committed. Records with these numbers can
   * follow in another epoch.
   *
   * @param last the end of the log then, not below the commit position; on the disk
   * @param epoch now; above that of all that is cut off
   */
  void cutAfter(LogPosition last, long epoch) throws IOException {
    assert lock.isHeldByCurrentThread() && !record.isOpen();
    syncLock.lock();
    try {
      long commit = Math.min(point.known(), last.txid());
      long from = last.txid() + 1;
      LogSegment segment = files.create(0);
      try {
        new TailCopy(disk, segment).begin(from, last.txid(), last.checksum(), epoch);
        FaultPoint.CUT_BEFORE_SYNC.pass();
        syncCopy(segment, commit);
      } catch (IOException | RuntimeException e) {
        files.closeAndDelete(segment, e);
        throw e;
      }
      FaultPoint.CUT_DURABLE.pass();
      restarts++; // readers may be behind the new end
      synchronized (unsynced) {
        tailTxid = last.txid();
      }
      tailChecksum = last.checksum();
      tailEpoch = last.epoch();
      epochBeforeTail = last.epoch();
      failure = null;
      syncFailure = null;
      adopt(segment, from, List.of());
      point.cut(last.txid());
      point.keep(commit);
    } finally {
      syncLock.unlock();
    }
  }

  /** Where the log stood after a record that it has, and that this start has read. */
  LogPosition positionAt(long txid) throws IOException {
    Location location = lookup.locate(txid);
    try (DiskFile file = disk.openReadOnly(lookup.path(location))) {
      RecordHeader header = new SegmentReader(file).headerAt(location.offset());
      long checksum =
          LtxEnvelope.read(file, location.offset(), header).trailer().postApplyChecksum();
      return new LogPosition(header.epoch(), txid, checksum);
    }
  }

  /** The group that a record belongs to, or null. */
  GroupInfo groupOf(long txid) throws IOException {
    Location location = lookup.locate(txid);
    try (DiskFile file = disk.openReadOnly(lookup.path(location))) {
      SegmentReader reader = new SegmentReader(file);
      RecordHeader header = reader.headerAt(location.offset());
      return header.isGroup() ? GroupInfo.decode(reader.extraOf(location.offset(), header)) : null;
    }
  }

  // ---------------------------------------------------------------- reading

  /**
   * Whether the log has, or had, a record of a group.
   *
   * @param txid its transaction in this database
   */
  boolean hasOfGroup(long txid, long groupId) throws IOException {
    // What the log has no longer is older than a checkpoint, and so it was complete.
    return txid <= tailTxid && lookup.isOfGroup(txid, groupId, true);
  }

  /** Where to look for the record of a transaction, see {@link LogLookup#near}. */
  Location near(long txid) {
    assert lock.isHeldByCurrentThread();
    return lookup.near(txid);
  }

  /** Where the record of {@code txid} stands; see {@link LogLookup#locate}. */
  Location locate(long txid) throws IOException {
    return lookup.locate(txid);
  }

  /** The segment file of a place in this log. */
  Path path(Location location) {
    return lookup.path(location);
  }

  /**
   * Grows before a record counts that stands in another segment than an earlier copy of it, or than
   * one that was taken back. As long as it is the same, a record stands where it was found.
   */
  long rewrites() {
    return rewrites;
  }

  /** Grows when all records before are void; who reads them has come to an end. */
  long restarts() {
    return restarts;
  }

  /** Whether a segment still has the record of a transaction. */
  boolean holds(long segmentNumber, long txid) {
    for (int i = segments.size() - 1; i >= 0; i--) {
      LogSegment segment = segments.get(i);
      if (segment.number == segmentNumber) {
        return segment.firstTxid <= txid && txid <= segment.lastTxid;
      }
    }
    return false;
  }

  /**
   * The last record of a segment that counts. Behind it there may be others that were cut off.
   *
   * @return {@link Long#MAX_VALUE} for the segment that still grows
   */
  long lastIn(long segmentNumber) {
    assert lock.isHeldByCurrentThread();
    LogSegment segment = lookup.segment(segmentNumber);
    return segment == current ? Long.MAX_VALUE : segment.lastTxid;
  }

  /** Whether this object has ended. */
  boolean isClosed() {
    return closed;
  }

  /** A cursor over the records after {@code txid} up to {@code last}. */
  LogCursor cursor(long txid, long last) {
    assert lock.isHeldByCurrentThread();
    List<LogCursor.Part> parts = new ArrayList<>();
    for (LogSegment segment : segments) {
      if (segment.lastTxid > txid) {
        parts.add(new LogCursor.Part(segment.path, segment.firstTxid, segment.lastTxid));
      }
    }
    return new LogCursor(disk, parts, txid + 1, last);
  }

  // -------------------------------------------------------------- retention

  long bytes() {
    long total = 0;
    for (LogSegment segment : segments) {
      total += Math.max(segment.end, segment.size);
    }
    return total;
  }

  int segmentCount() {
    return segments.size();
  }

  /** First transaction that the log still has. */
  long firstTxid() {
    return segments.isEmpty() ? tailTxid + 1 : segments.get(0).firstTxid;
  }

  /** Bytes written after the record of {@code txid}; 0 if it is the last. */
  long bytesAfter(long txid) {
    long total = 0;
    for (int i = segments.size() - 1; i >= 0; i--) {
      LogSegment segment = segments.get(i);
      if (segment.lastTxid <= txid) {
        break;
      }
      total += segment.end - SegmentHeader.BLOCK;
    }
    return total;
  }

  /**
   * Deletes the oldest segments that nobody needs.
   *
   * @param neededAfter records after this transaction must stay
   * @param olderThanMillis segments whose last record is younger stay, unless the log is too big
   * @param maxBytes 0 = no limit
   */
  void reap(long neededAfter, long olderThanMillis, long maxBytes) throws IOException {
    assert lock.isHeldByCurrentThread();
    boolean deleted = files.deleteVoided();
    while (segments.size() > 1) {
      LogSegment oldest = segments.get(0);
      boolean old = oldest.lastMillis < olderThanMillis;
      boolean tooBig = maxBytes > 0 && bytes() > maxBytes;
      if (oldest.lastTxid > neededAfter || (!old && !tooBig) || oldest == current) {
        break;
      }
      if (oldest.lastTxid > durableTxid) {
        break;
      }
      disk.delete(oldest.path);
      segments.remove(0);
      index.removeBefore(segments.get(0).firstTxid);
      metrics.segmentsReaped.increment();
      deleted = true;
      FaultPoint.RETENTION_BETWEEN_DELETES.pass();
    }
    if (deleted) {
      disk.syncDirectory(directory);
    }
  }

  /** Deletes segments without a record that counts. */
  void deleteVoided() throws IOException {
    files.deleteVoided();
  }

  /** Waits for a sync that runs; who comes later is refused. */
  @Override
  public void close() {
    lock.lock();
    syncLock.lock();
    try {
      closed = true;
      failure = "the log in " + directory + " is closed";
      for (LogSegment segment : segments) {
        segment.closeFile();
      }
      files.close();
    } catch (IOException e) {
      LOG.warn("{}: closing the log: {}", databaseName, e.toString());
    } finally {
      syncLock.unlock();
      lock.unlock();
    }
  }
}
