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
import java.util.zip.CRC32C;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The log of one database: segments of records, appended under the database's lock and made durable
 * by whoever needs it.
 *
 * <p>Invariants:
 *
 * <ul>
 *   <li>Records have consecutive TXIDs; the header of a record is written after its body, so a
 *       record that can be read is whole.
 *   <li>{@code durableTxid} only grows, and only after an fdatasync that began after the record was
 *       written has succeeded. One failed fdatasync means: not on disk. The records concerned are
 *       then written again, into a new segment, and the old copies are void because the new
 *       segment's first TXID says so.
 *   <li>Segments are created filled with zeros in the background, so that an append changes no
 *       metadata and one fdatasync does not have to commit the journal of the file system below
 *       (ext4: about 185 against 400 microseconds).
 * </ul>
 */
final class TransactionLog implements LtxSink, AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(TransactionLog.class);

  static final long FIRST_SEGMENT_BYTES = 256 << 10;
  static final long MAX_SEGMENT_BYTES = 16 << 20;
  private static final long RETRY_NANOS = 500_000_000L;

  /** One segment file. Mutable fields are guarded by the database's lock. */
  static final class Segment {
    final long number;
    final Path path;
    long firstTxid;
    long preChecksum;
    long lastTxid;
    long end;
    long size;
    long lastMillis;
    DiskFile file;

    Segment(long number, Path path) {
      this.number = number;
      this.path = path;
    }
  }

  private final Disk disk;
  private final Path directory;
  private final String databaseName;
  private final ReentrantLock lock;
  private final DatabaseMetrics metrics;
  private final Executor background;

  private final List<Segment> segments = new ArrayList<>();
  private final LogIndex index = new LogIndex();
  private volatile Segment current;
  private Segment prepared;
  private boolean preparing;

  /** Segments without a record that counts; deleted when the log is known to be in order. */
  private final List<Path> voided = new ArrayList<>();

  private long nextNumber = 1;
  private long nextSize = FIRST_SEGMENT_BYTES;

  private volatile long tailTxid;
  private long tailChecksum;
  private long tailEpoch;
  private long redoStart;

  /** Serialises syncs: who waits for it usually finds its record synced already (group commit). */
  private final ReentrantLock syncLock = new ReentrantLock();

  /** Segments with bytes that no sync has covered; guarded by itself, never held during a sync. */
  private final ArrayDeque<Segment> unsynced = new ArrayDeque<>();

  /** From the start: nobody knows whether the one who made these names synced them. */
  private boolean directoryUnsynced = true;

  private boolean parentsSynced;
  private volatile long durableTxid;
  private volatile long commitTxid;
  private volatile String failure;

  /** A sync failed, so another one of the same files proves nothing; guarded by syncLock. */
  private IOException syncFailure;

  private long lastRetry;

  // the record being written
  private ByteBuffer buffer;
  private final CRC32C crc = new CRC32C();
  private boolean open;
  private long recordTxid;
  private long recordEpoch;
  private int recordFlags;
  private int recordExtra;
  private long recordStart;

  /** Where the last record begins in the current segment. */
  private long lastStart;

  private long flushedTo;
  private long bodyLength;

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
    this.background = background;
  }

  // ---------------------------------------------------------------- opening

  static Path segmentPath(Path directory, long number) {
    return directory.resolve(String.format("%016x.seg", number));
  }

  /** Where a record stands. */
  record Location(long segment, long offset) {}

  /**
   * Reads the segment headers and the records from {@code redoTxid} + 1 on.
   *
   * @param redoTxid up to here the database file is complete
   * @param knownDurable the log was known to be durable up to here; damage at or below it is
   *     corruption
   * @return the group of the last record if it has one, else null
   * @throws CorruptLogException for damage that a crash cannot explain
   */
  GroupInfo open(long redoTxid, long knownDurable) throws IOException {
    readSegmentHeaders();
    return openFrom(redoTxid, knownDurable);
  }

  /** Like {@link #open}, without a checkpoint: from the first record that is there. */
  GroupInfo openWhole() throws IOException {
    readSegmentHeaders();
    return openFrom(segments.isEmpty() ? 0 : segments.get(0).firstTxid - 1, 0);
  }

  private void readSegmentHeaders() throws IOException {
    for (String name : disk.list(directory)) {
      if (!name.matches("[0-9a-f]{16}\\.seg")) {
        continue;
      }
      long number = Long.parseUnsignedLong(name.substring(0, 16), 16);
      Path path = directory.resolve(name);
      nextNumber = Math.max(nextNumber, number + 1);
      try (DiskFile file = disk.openReadOnly(path)) {
        ByteBuffer block = ByteBuffer.allocate(SegmentHeader.BLOCK);
        file.read(block, 0);
        SegmentHeader header = SegmentHeader.decode(block.flip(), path.toString());
        if (header == null) {
          header = headerFromFirstRecord(file, number);
        }
        if (header == null) {
          checkIsUnused(file, path);
          voided.add(path);
          continue;
        }
        Segment segment = new Segment(number, path);
        segment.firstTxid = header.firstTxid();
        segment.preChecksum = header.preChecksum();
        segment.lastMillis = header.createdMillis();
        segment.size = file.size();
        segment.lastTxid = header.firstTxid() - 1;
        segment.end = SegmentHeader.BLOCK;
        segments.add(segment);
      }
    }
    dropVoidSegments();
    for (int i = 0; i + 1 < segments.size(); i++) {
      segments.get(i).lastTxid = segments.get(i + 1).firstTxid - 1;
    }
  }

  /** All that the first block says follows from the first record, if there is one. */
  private static SegmentHeader headerFromFirstRecord(DiskFile file, long number)
      throws IOException {
    RecordHeader first = new SegmentReader(file).recordAt(SegmentHeader.BLOCK);
    if (first == null) {
      return null;
    }
    LtxEnvelope envelope = LtxEnvelope.read(file, SegmentHeader.BLOCK, first);
    return new SegmentHeader(
        number,
        first.txid(),
        envelope.preChecksum(),
        first.epoch(),
        envelope.header().timestampMillis());
  }

  /** Without a header and a first record a segment was prepared and never used, unless it was. */
  private static void checkIsUnused(DiskFile file, Path path) throws IOException {
    if (new SegmentReader(file).findProofOfDurability(SegmentHeader.BLOCK, 0) >= 0) {
      throw new CorruptLogException(
          path
              + " holds transactions but its beginning is damaged; import a backup, or drop the"
              + " database");
    }
  }

  /** A segment is void when a later one starts at or before its first transaction. */
  private void dropVoidSegments() {
    long least = Long.MAX_VALUE;
    for (int i = segments.size() - 1; i >= 0; i--) {
      Segment segment = segments.get(i);
      if (segment.firstTxid >= least) {
        voided.add(segment.path);
        segments.remove(i);
      } else {
        least = segment.firstTxid;
      }
    }
  }

  private GroupInfo openFrom(long redoTxid, long knownDurable) throws IOException {
    redoStart = redoTxid;
    GroupInfo group = scan(redoTxid, knownDurable);
    if (tailTxid < knownDurable) {
      throw new CorruptLogException(
          "the log of '"
              + databaseName
              + "' ends at transaction "
              + tailTxid
              + " but was durable up to "
              + knownDurable
              + "; restore the missing segments in "
              + directory
              + ", import a backup, or drop the database");
    }
    commitTxid = tailTxid;
    durableTxid = tailTxid;
    return group;
  }

  private GroupInfo scan(long redoTxid, long knownDurable) throws IOException {
    GroupInfo group = null;
    int first = 0;
    for (int i = 0; i < segments.size(); i++) {
      if (segments.get(i).firstTxid <= redoTxid + 1) {
        first = i;
      }
    }
    if (!segments.isEmpty() && segments.get(first).firstTxid > redoTxid + 1) {
      throw new CorruptLogException(
          "the log of '"
              + databaseName
              + "' begins at transaction "
              + segments.get(first).firstTxid
              + " but the database file is complete only up to "
              + redoTxid
              + "; restore the missing segments in "
              + directory
              + " or import a backup");
    }
    tailTxid = redoTxid;
    for (int i = first; i < segments.size(); i++) {
      Segment segment = segments.get(i);
      boolean last = i + 1 == segments.size();
      long voidFrom = last ? Long.MAX_VALUE : segments.get(i + 1).firstTxid;
      if (i > first && segment.firstTxid != tailTxid + 1) {
        cutSegmentsFrom(i, knownDurable);
        break;
      }
      tailTxid = segment.firstTxid - 1;
      tailChecksum = segment.preChecksum;
      try (DiskFile file = disk.openReadOnly(segment.path)) {
        group = scanSegment(segment, file, voidFrom, last, Math.max(knownDurable, redoTxid));
      }
    }
    return group;
  }

  /**
   * The end of a segment was lost but later ones are there: a crash can do that when nothing of it
   * was durable. Then the later segments go; otherwise the log is damaged.
   */
  private void cutSegmentsFrom(int first, long knownDurable) throws IOException {
    long lost = tailTxid + 1;
    boolean wasDurable = lost <= knownDurable;
    for (int i = first; i < segments.size() && !wasDurable; i++) {
      try (DiskFile file = disk.openReadOnly(segments.get(i).path)) {
        wasDurable = new SegmentReader(file).findProofOfDurability(SegmentHeader.BLOCK, lost) >= 0;
      }
    }
    if (wasDurable) {
      throw new CorruptLogException(
          "transaction "
              + lost
              + " of '"
              + databaseName
              + "' is missing or damaged in the log before "
              + segments.get(first).path
              + "; import a backup, or drop the database");
    }
    while (segments.size() > first) {
      voided.add(segments.remove(segments.size() - 1).path);
    }
  }

  private GroupInfo scanSegment(
      Segment segment, DiskFile file, long voidFrom, boolean last, long knownDurable)
      throws IOException {
    SegmentReader reader = new SegmentReader(file);
    GroupInfo group = null;
    long offset = SegmentHeader.BLOCK;
    while (true) {
      RecordHeader record = reader.recordAt(offset);
      if (record != null && record.txid() >= voidFrom) {
        break;
      }
      boolean continues =
          record != null && record.txid() == tailTxid + 1 && record.epoch() >= tailEpoch;
      if (!continues) {
        if (last) {
          cutTail(segment, reader, offset, knownDurable);
        }
        break;
      }
      if (record.isForeign()) {
        throw new CorruptLogException(
            segment.path
                + " holds a record of a later version (flags "
                + Integer.toHexString(record.flags())
                + ") at offset "
                + offset
                + "; use the Tidemark version that wrote it");
      }
      LtxEnvelope envelope = LtxEnvelope.read(file, offset, record);
      if (envelope.header().minTxid() != record.txid()
          || envelope.header().maxTxid() != record.txid()
          || envelope.preChecksum() != tailChecksum) {
        throw new CorruptLogException(
            "the record at offset "
                + offset
                + " of "
                + segment.path
                + " does not continue the history before it (transaction "
                + record.txid()
                + ")");
      }
      group = record.isGroup() ? GroupInfo.decode(reader.extraOf(offset, record)) : null;
      tailTxid = record.txid();
      tailEpoch = record.epoch();
      tailChecksum = envelope.trailer().postApplyChecksum();
      index.add(record.txid(), segment.number, offset, offset == SegmentHeader.BLOCK);
      segment.lastTxid = record.txid();
      segment.lastMillis = envelope.header().timestampMillis();
      offset += record.recordLength();
      segment.end = offset;
    }
    segment.end = offset;
    return group;
  }

  /**
   * What follows the last valid record is a torn tail, unless something proves that it had been
   * durable.
   */
  private void cutTail(Segment segment, SegmentReader reader, long offset, long knownDurable)
      throws IOException {
    long lost = tailTxid + 1;
    long proof = lost <= knownDurable ? offset : reader.findProofOfDurability(offset, lost);
    if (proof >= 0) {
      throw new CorruptLogException(
          "transaction "
              + lost
              + " of '"
              + databaseName
              + "' was durable but is damaged at offset "
              + offset
              + " of "
              + segment.path
              + "; this is not the effect of a crash. Import a backup, or drop the database");
    }
  }

  /**
   * Takes away the last record again, because the group it belongs to never became complete. Only
   * during recovery.
   */
  void cutLast() throws IOException {
    Location location = locate(tailTxid);
    Segment segment = segments.get(segments.size() - 1);
    try (DiskFile file = disk.openReadOnly(segment.path)) {
      RecordHeader record = new SegmentReader(file).headerAt(location.offset());
      LtxEnvelope envelope = LtxEnvelope.read(file, location.offset(), record);
      tailChecksum = envelope.preChecksum();
    }
    tailTxid--;
    segment.end = location.offset();
    segment.lastTxid = tailTxid;
    index.removeFrom(tailTxid + 1);
    durableTxid = tailTxid;
    commitTxid = tailTxid;
  }

  /**
   * Makes the log ready to append: zeroes what a crash left behind the tail, so that no stale
   * record can ever follow a new one.
   */
  void startAppending(long txid, long checksum) throws IOException {
    deleteVoided();
    if (segments.isEmpty()) {
      tailTxid = txid;
      tailChecksum = checksum;
      durableTxid = txid;
      commitTxid = txid;
      return;
    }
    assert tailTxid == txid && tailChecksum == checksum;
    current = segments.get(segments.size() - 1);
    current.file = disk.open(current.path);
    zero(current.file, current.end, current.file.size(), true);
    current.file.sync();
    nextSize = Math.min(MAX_SEGMENT_BYTES, Math.max(FIRST_SEGMENT_BYTES, current.size * 4));
  }

  private static void zero(DiskFile file, long from, long to, boolean onlyIfUsed)
      throws IOException {
    ByteBuffer zeros = ByteBuffer.allocateDirect(64 * 1024);
    ByteBuffer probe = onlyIfUsed ? ByteBuffer.allocateDirect(64 * 1024) : null;
    for (long position = from; position < to; ) {
      int n = (int) Math.min(zeros.capacity(), to - position);
      boolean write = true;
      if (onlyIfUsed) {
        probe.clear().limit(n);
        file.read(probe, position);
        zeros.clear().limit(n);
        write = probe.flip().mismatch(zeros) >= 0;
      }
      if (write) {
        file.write(zeros.clear().limit(n), position);
      }
      position += n;
    }
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
   * Starts the record of the next transaction; the LTX bytes follow through {@link #write}.
   *
   * @throws RefusedException when the log is fenced after a failed sync, or the disk is full
   */
  void begin(long epoch, byte[] extra) throws RefusedException {
    assert lock.isHeldByCurrentThread() && !open;
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
    open = true;
    recordTxid = tailTxid + 1;
    recordEpoch = epoch;
    recordFlags = extra == null ? 0 : RecordHeader.FLAG_GROUP;
    recordExtra = extra == null ? 0 : extra.length;
    recordStart = current.end;
    flushedTo = recordStart;
    bodyLength = 0;
    crc.reset();
    buffer = Scratch.get().record;
    buffer.clear().position(RecordHeader.SIZE);
    if (extra != null) {
      try {
        write(ByteBuffer.wrap(extra));
      } catch (IOException e) {
        abort();
        throw RefusedException.ofDisk("cannot write to " + current.path, e);
      }
    }
  }

  @Override
  public void write(ByteBuffer src) throws IOException {
    while (src.hasRemaining()) {
      if (!buffer.hasRemaining()) {
        flushBuffer();
      }
      int n = Math.min(src.remaining(), buffer.remaining());
      int limit = src.limit();
      int start = buffer.position();
      src.limit(src.position() + n);
      buffer.put(src);
      src.limit(limit);
      buffer.position(start).limit(start + n);
      crc.update(buffer);
      buffer.limit(buffer.capacity());
      bodyLength += n;
    }
  }

  /** Writes the buffer but for the space of the header, which comes last. */
  private void flushBuffer() throws IOException {
    boolean first = flushedTo == recordStart;
    int skip = first ? RecordHeader.SIZE : 0;
    int length = buffer.position();
    buffer.flip().position(skip);
    current.file.write(buffer, flushedTo + skip);
    flushedTo += length;
    buffer.clear();
    FaultPoint.COMMIT_RECORD_TORN.pass();
  }

  /**
   * Completes the record. From here on it belongs to the history.
   *
   * @param postChecksum rolling checksum after the transaction
   * @param millis time of the commit
   */
  void finish(long postChecksum, long millis) throws RefusedException {
    assert open;
    RecordHeader header =
        new RecordHeader(
            recordFlags,
            recordEpoch,
            recordTxid,
            bodyLength - recordExtra,
            durableTxid,
            commitTxid,
            recordExtra,
            (int) crc.getValue());
    long length = header.recordLength();
    try {
      if (flushedTo == recordStart) {
        int end = buffer.position();
        buffer.position(0);
        header.encode(buffer);
        buffer.position(0).limit(end);
        current.file.write(buffer, recordStart);
      } else {
        buffer.flip();
        current.file.write(buffer, flushedTo);
        buffer.clear();
        header.encode(buffer);
        current.file.write(buffer.flip(), recordStart);
      }
    } catch (IOException e) {
      abort();
      wipe(recordStart);
      throw RefusedException.ofDisk("cannot write to " + current.path, e);
    }
    open = false;
    lastStart = recordStart;
    current.end = recordStart + length;
    current.lastTxid = recordTxid;
    current.lastMillis = millis;
    tailChecksum = postChecksum;
    tailEpoch = recordEpoch;
    synchronized (unsynced) {
      if (unsynced.peekLast() != current) {
        unsynced.addLast(current);
      }
      tailTxid = recordTxid;
    }
    index.add(recordTxid, current.number, recordStart, recordStart == SegmentHeader.BLOCK);
    metrics.logBytesWritten.add(length);
    if (prepared == null && !preparing && current.end > current.size / 2) {
      prepareNext();
    }
  }

  /** The write of a record failed, which does not mean that nothing was written. */
  private void wipe(long offset) {
    try {
      current.file.write(ByteBuffer.allocate(RecordHeader.SIZE), offset);
    } catch (IOException e) {
      LOG.warn("{}: cannot wipe a record that was refused: {}", databaseName, e.toString());
    }
  }

  /** Gives up the record being written; nothing of it can be found again. */
  void abort() {
    open = false;
  }

  /**
   * Takes back the last record, which is not known to be durable and was shown to nobody.
   *
   * @param preChecksum rolling checksum before it
   */
  void unappend(long preChecksum) {
    assert lock.isHeldByCurrentThread() && !open && tailTxid > durableTxid;
    unappendLast(preChecksum, false);
  }

  private void unappendLast(long preChecksum, boolean durable) {
    syncLock.lock();
    try {
      synchronized (unsynced) {
        tailTxid--;
      }
      tailChecksum = preChecksum;
      Segment segment = current;
      long start = lastStart;
      segment.end = start;
      segment.lastTxid = tailTxid;
      index.removeFrom(tailTxid + 1);
      try {
        // Best effort: on a failing disk the record may still be there after a crash. The caller
        // was told of an I/O error, so either outcome is allowed then.
        segment.file.write(ByteBuffer.allocate(RecordHeader.SIZE), start);
        if (durable) {
          segment.file.sync();
        }
      } catch (IOException e) {
        LOG.warn("{}: cannot wipe a record that was taken back: {}", databaseName, e.toString());
      }
    } finally {
      syncLock.unlock();
    }
  }

  /**
   * Takes back the last record although it is durable: it belongs to a group that did not become
   * complete, so that recovery would drop it as well.
   *
   * @param preChecksum rolling checksum before it
   */
  void cutDurableGroupRecord(long preChecksum) {
    syncLock.lock();
    try {
      durableTxid = tailTxid - 1;
    } finally {
      syncLock.unlock();
    }
    unappendLast(preChecksum, true);
  }

  private void roll(long epoch, long firstTxid, long preChecksum) throws IOException {
    Segment next = prepared;
    prepared = null;
    if (next == null) {
      disk.createDirectories(directory);
      next = new Segment(nextNumber++, null);
      next = create(next.number, current == null ? FIRST_SEGMENT_BYTES : 0, nextSize);
      directoryUnsynced = true;
    }
    FaultPoint.SEGMENT_ROLL.pass();
    long now = System.currentTimeMillis();
    SegmentHeader header = new SegmentHeader(next.number, firstTxid, preChecksum, epoch, now);
    try {
      next.file.write(header.encode(), 0);
    } catch (IOException e) {
      prepared = next;
      throw e;
    }
    FaultPoint.SEGMENT_HEADER_WRITTEN.pass();
    next.firstTxid = firstTxid;
    next.preChecksum = preChecksum;
    next.lastTxid = firstTxid - 1;
    next.lastMillis = now;
    next.end = SegmentHeader.BLOCK;
    Segment previous = current;
    segments.add(next);
    nextSize = Math.min(MAX_SEGMENT_BYTES, nextSize * 4);
    synchronized (unsynced) {
      // The next sync covers and closes the segment that is full.
      if (previous != null && !unsynced.contains(previous)) {
        unsynced.addLast(previous);
      }
      current = next;
    }
  }

  private Segment create(long number, long zeroed, long size) throws IOException {
    Path path = segmentPath(directory, number);
    Segment segment = new Segment(number, path);
    segment.file = disk.open(path);
    segment.size = size;
    try {
      zero(segment.file, 0, zeroed, false);
    } catch (IOException e) {
      closeFile(segment);
      try {
        disk.delete(path);
      } catch (IOException again) {
        e.addSuppressed(again);
      }
      throw e;
    }
    return segment;
  }

  private void prepareNext() {
    preparing = true;
    long number = nextNumber++;
    long size = nextSize;
    background.execute(
        () -> {
          Segment segment = null;
          try {
            segment = create(number, size, size);
            segment.file.sync();
            disk.syncDirectory(directory);
          } catch (IOException e) {
            LOG.debug("{}: cannot prepare a segment ahead: {}", databaseName, e.toString());
            if (segment != null) {
              closeFile(segment);
              segment = null;
            }
          }
          lock.lock();
          try {
            preparing = false;
            if (segment != null && number > current.number) {
              prepared = segment;
            } else {
              if (segment != null) {
                closeFile(segment);
              }
              voided.add(segmentPath(directory, number));
            }
          } finally {
            lock.unlock();
          }
        });
  }

  private static void closeFile(Segment segment) {
    DiskFile file = segment.file;
    segment.file = null;
    if (file != null) {
      try {
        file.close();
      } catch (IOException e) {
        LOG.warn("closing {}: {}", segment.path, e.toString());
      }
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
    List<Segment> files;
    long target;
    boolean names;
    synchronized (unsynced) {
      files = new ArrayList<>(unsynced);
      unsynced.clear();
      target = tailTxid;
      names = directoryUnsynced;
      directoryUnsynced = false;
    }
    FaultPoint.COMMIT_BEFORE_SYNC.pass();
    long start = System.nanoTime();
    try {
      for (Segment segment : files) {
        segment.file.sync();
      }
      if (names) {
        syncNames();
      }
    } catch (IOException e) {
      synchronized (unsynced) {
        for (int i = files.size() - 1; i >= 0; i--) {
          if (!unsynced.contains(files.get(i))) {
            unsynced.addFirst(files.get(i));
          }
        }
        directoryUnsynced |= names;
      }
      metrics.logSyncFailures.increment();
      return e;
    }
    durableTxid = target;
    FaultPoint.COMMIT_AFTER_SYNC.pass();
    synchronized (unsynced) {
      for (Segment segment : files) {
        if (segment != current && !unsynced.contains(segment)) {
          closeFile(segment);
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
   * later try succeeds.
   */
  private void rewriteTail(IOException cause) {
    assert lock.isHeldByCurrentThread();
    syncLock.lock();
    try {
      lastRetry = System.nanoTime();
      if (durableTxid == tailTxid && failure == null && syncFailure == null) {
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
    } catch (IOException | java.io.UncheckedIOException e) {
      failure =
          "the log in "
              + directory
              + " cannot be synced ("
              + e.getMessage()
              + "); writes are refused until the disk works again";
      LOG.error("{}: {}", databaseName, failure);
    } finally {
      syncLock.unlock();
    }
  }

  private void copyTail() throws IOException {
    long from = durableTxid + 1;
    long to = tailTxid;
    List<long[]> records = new ArrayList<>();
    for (long txid = from; txid <= to; txid++) {
      Location location = locate(txid);
      records.add(new long[] {location.segment(), location.offset()});
    }
    long preChecksum = tailChecksum;
    if (!records.isEmpty()) {
      Segment source = segmentOf(records.get(0)[0]);
      try (DiskFile file = disk.openReadOnly(source.path)) {
        RecordHeader first = new SegmentReader(file).headerAt(records.get(0)[1]);
        if (first == null) {
          throw new IOException("cannot read back the unsynced records of " + source.path);
        }
        preChecksum = LtxEnvelope.read(file, records.get(0)[1], first).preChecksum();
      }
    }
    Segment copy = create(nextNumber++, 0, nextSize);
    try {
      long now = System.currentTimeMillis();
      copy.firstTxid = from;
      copy.preChecksum = preChecksum;
      copy.lastTxid = to;
      copy.lastMillis = now;
      copy.end = SegmentHeader.BLOCK;
      copy.file.write(
          new SegmentHeader(copy.number, from, preChecksum, tailEpoch, now).encode(), 0);
      ByteBuffer chunk = ByteBuffer.allocateDirect(64 * 1024);
      List<Long> offsets = new ArrayList<>();
      for (long[] location : records) {
        offsets.add(copy.end);
        copyRecord(segmentOf(location[0]).path, location[1], copy, chunk);
      }
      copy.file.sync();
      syncNames();
      adopt(copy, from, offsets);
    } catch (IOException e) {
      closeFile(copy);
      try {
        disk.delete(copy.path);
      } catch (IOException again) {
        e.addSuppressed(again);
      }
      throw e;
    }
  }

  private void copyRecord(Path from, long offset, Segment to, ByteBuffer chunk) throws IOException {
    try (DiskFile source = disk.openReadOnly(from)) {
      RecordHeader header = new SegmentReader(source).recordAt(offset);
      if (header == null) {
        throw new IOException("cannot read back the unsynced records of " + from);
      }
      long length = header.recordLength();
      for (long done = 0; done < length; ) {
        chunk.clear().limit((int) Math.min(chunk.capacity(), length - done));
        int n = source.read(chunk, offset + done);
        if (n <= 0) {
          break; // only padding is left, and it lies beyond the end of the file
        }
        to.file.write(chunk.flip(), to.end + done);
        done += n;
      }
      to.end += length;
    }
  }

  private void adopt(Segment copy, long from, List<Long> offsets) {
    synchronized (unsynced) {
      for (Segment segment : unsynced) {
        closeFile(segment);
      }
      if (current != null) {
        closeFile(current);
      }
      unsynced.clear();
      directoryUnsynced = false;
      current = copy;
    }
    if (prepared != null) {
      // Its number is lower than that of the copy, but it would come after it.
      closeFile(prepared);
      voided.add(prepared.path);
      prepared = null;
    }
    for (Segment segment : segments) {
      segment.lastTxid = Math.min(segment.lastTxid, from - 1);
    }
    for (Segment segment : segments) {
      if (segment.firstTxid >= from) {
        voided.add(segment.path);
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

  // ---------------------------------------------------------------- reading

  private Segment segmentOf(long number) {
    for (int i = segments.size() - 1; i >= 0; i--) {
      if (segments.get(i).number == number) {
        return segments.get(i);
      }
    }
    throw new IllegalStateException("segment " + number + " of " + databaseName + " is gone");
  }

  /**
   * Where the record of {@code txid} stands; it must be in the log and be at or after the redo
   * point.
   */
  Location locate(long txid) {
    Location near = index.floor(txid);
    if (near == null) {
      throw new IllegalStateException("transaction " + txid + " is not in the index");
    }
    Segment segment = segmentOf(near.segment());
    try (DiskFile file = disk.openReadOnly(segment.path)) {
      SegmentReader reader = new SegmentReader(file);
      long offset = near.offset();
      while (true) {
        RecordHeader header = reader.headerAt(offset);
        if (header == null) {
          throw new IllegalStateException(
              "cannot read transaction " + txid + " back from " + segment.path);
        }
        if (header.txid() == txid) {
          return new Location(segment.number, offset);
        }
        offset += header.recordLength();
      }
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  /** A cursor over the records after {@code txid} up to the tail at this moment. */
  LogCursor cursorAfter(long txid) {
    assert lock.isHeldByCurrentThread();
    List<LogCursor.Part> parts = new ArrayList<>();
    for (Segment segment : segments) {
      if (segment.lastTxid > txid) {
        parts.add(new LogCursor.Part(segment.path, segment.firstTxid, segment.lastTxid));
      }
    }
    return new LogCursor(disk, parts, txid + 1, tailTxid);
  }

  // -------------------------------------------------------------- retention

  long bytes() {
    long total = 0;
    for (Segment segment : segments) {
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
      Segment segment = segments.get(i);
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
    boolean deleted = !voided.isEmpty();
    deleteVoided();
    while (segments.size() > 1) {
      Segment oldest = segments.get(0);
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
    while (!voided.isEmpty()) {
      disk.delete(voided.get(voided.size() - 1));
      voided.remove(voided.size() - 1);
    }
  }

  @Override
  public void close() {
    lock.lock();
    try {
      for (Segment segment : segments) {
        closeFile(segment);
      }
      if (prepared != null) {
        closeFile(prepared);
        disk.delete(prepared.path);
        prepared = null;
      }
    } catch (IOException e) {
      LOG.warn("{}: closing the log: {}", databaseName, e.toString());
    } finally {
      lock.unlock();
    }
  }
}
