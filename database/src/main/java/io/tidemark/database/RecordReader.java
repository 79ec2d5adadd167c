package io.tidemark.database;

import io.tidemark.database.Disk.DiskFile;
import io.tidemark.ltx.Checksum;
import io.tidemark.ltx.LtxException;
import io.tidemark.ltx.LtxHeader;
import io.tidemark.ltx.LtxSource;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;
import java.util.zip.CRC32C;

/**
 * Follows the published records of one database, in the order of their TXIDs, while the log goes
 * on: for a replica, or for a copy.
 *
 * <p>Invariants:
 *
 * <ul>
 *   <li>Only a record that counts is shown: its transaction is at or below {@link
 *       Database#position}. Such a record is never taken back and its bytes never change. A reader
 *       of {@link Database#appendedAfter} ends when what it may have shown is cut off.
 *   <li>Whoever reads a body from its beginning to its end gets its last byte only if the checksum
 *       in the record's header is right.
 *   <li>The current record and all after it stay in the log until {@link #close}.
 * </ul>
 *
 * <p>Takes the lock of the database only to find a record in another segment than the one before:
 * after a roll, and when a failed sync made the log write its last records again ({@link
 * TransactionLog#rewrites}). Otherwise the next record stands behind the current one, and a record
 * costs one read of its header and those of its body.
 *
 * <p>For one thread at a time, which must not be interrupted.
 */
public final class RecordReader implements AutoCloseable {
  private final Disk disk;
  private final String databaseName;
  private final ReentrantLock lock;
  private final TransactionLog log;
  private final LongSupplier last;
  private final LogPins.Pin pin;
  private final long endTxid;
  private final long restarts;

  private boolean closed;
  private ReadAhead file;
  private Path path;
  private SegmentReader headers;

  /** Could be shown when the file was read last; what stands behind it in there may be older. */
  private long readTo;

  /** The last record of that segment that counts, as far as its end is known. */
  private long lastInFile;

  /** {@link TransactionLog#rewrites} when the file was the one that has the record. */
  private long rewrites;

  /** Of the current record, or of the one before the first. */
  private long txid;

  /** The current record, or null, and where it stands. */
  private RecordHeader record;

  private long start;

  private final CRC32C crc = new CRC32C();

  /** Bytes of the body that the checksum has, from its beginning without gap. */
  private long checked;

  /**
   * @param last the last record that may be shown now; it grows
   * @param pin at {@code afterTxid}; belongs to the reader from now on
   * @param endTxid the last record to be shown, {@link Long#MAX_VALUE} for no end
   */
  RecordReader(
      Disk disk,
      String databaseName,
      ReentrantLock lock,
      TransactionLog log,
      LongSupplier last,
      LogPins.Pin pin,
      long afterTxid,
      long endTxid) {
    this.disk = disk;
    this.databaseName = databaseName;
    this.lock = lock;
    this.log = log;
    this.last = last;
    this.pin = pin;
    this.txid = afterTxid;
    this.endTxid = endTxid;
    this.restarts = log.restarts();
  }

  /**
   * Moves to the next record.
   *
   * @return false if there is none now; the current record stays. Call again after the next commit
   * @throws CorruptLogException when the record is damaged
   * @throws ReadingEndedException when this object does not serve the database any more
   */
  public boolean next() throws IOException {
    checkNotEnded();
    long wanted = txid + 1;
    // The position first: whatever was written again before it was published is seen below.
    if (wanted > endTxid || wanted > last.getAsLong()) {
      return false;
    }
    if (wanted > readTo) {
      readOn();
    }
    pin.move(txid);
    RecordHeader found = null;
    long behind = 0;
    if (record != null && rewrites == log.rewrites() && wanted <= lastInFile) {
      behind = start + record.recordLength();
      found = headers.headerAt(behind);
    }
    if (found != null && found.txid() == wanted) {
      record = found;
      start = behind;
    } else {
      find(wanted);
    }
    txid = wanted;
    checked = 0;
    crc.reset();
    if (record.isForeign()) {
      throw damaged("is of a later version (flags " + Integer.toHexString(record.flags()) + ")");
    }
    return true;
  }

  /** Whether there is a record after the current one now. */
  public boolean hasNext() {
    return txid < endTxid && txid < last.getAsLong();
  }

  /**
   * Passes over records that the caller has from elsewhere; none is current then. When this
   * returns, the database is still the one that the reader was made for.
   *
   * @param newTxid the last one that is passed over, one that counts; earlier ones do nothing
   * @throws ReadingEndedException as {@link #next}
   */
  public void skipTo(long newTxid) throws IOException {
    checkNotEnded();
    if (newTxid > txid) {
      closeFile(); // what it stands in may be deleted
      txid = newTxid;
      pin.move(newTxid);
    }
  }

  /** The next record is behind what could be shown when the file was read last. */
  private void readOn() {
    readTo = last.getAsLong();
    if (file != null) {
      file.forget();
    }
  }

  /** Opens the segment that has a published record, and makes the record the current one. */
  private void find(long wanted) throws IOException {
    while (true) {
      long near = openSegmentOf(wanted);
      long found = LogLookup.walk(headers, near, wanted);
      if (found >= 0) {
        start = found;
        record = headers.headerAt(found);
        return;
      }
      if (rewrites == log.rewrites()) {
        throw unreadable(wanted, "cannot be found", near);
      }
    }
  }

  /**
   * @return where its record headers lead to the record
   */
  private long openSegmentOf(long wanted) throws IOException {
    lock.lock();
    try {
      checkNotEnded();
      TransactionLog.Location near = log.near(wanted);
      if (near == null) {
        throw new CorruptLogException(
            "transaction " + wanted + " of '" + databaseName + "' is missing from the log");
      }
      closeFile();
      path = log.path(near);
      file = new ReadAhead(disk.openReadOnly(path));
      headers = new SegmentReader(file);
      lastInFile = log.lastIn(near.segment());
      rewrites = log.rewrites();
      return near.offset();
    } finally {
      lock.unlock();
    }
  }

  // -------------------------------------------------------- the current record

  /** Transaction of the current record; before the first one, the one that was named. */
  public long txid() {
    return txid;
  }

  /** Epoch in which the transaction was committed. */
  public long epoch() {
    return current().epoch();
  }

  /** Commit position that was known when the record was appended. */
  public long commitTxid() {
    return current().commitTxid();
  }

  /** Bytes at the beginning of the body that are no LTX; not 0 exactly for a part of a group. */
  public int extraLength() {
    return current().extraLength();
  }

  /** Bytes of the LTX file, at the end of the body. */
  public long ltxLength() {
    return current().ltxLength();
  }

  /** Bytes of the body. */
  public long bodyLength() {
    return current().extraLength() + current().ltxLength();
  }

  /**
   * Reads bytes of the body: the extra bytes, then the LTX file. Its checksum is verified when the
   * body is read from 0 to its end in rising pieces without gaps, each beginning where the last one
   * ended; reading at 0 begins anew. The piece with the last byte is given out only when all was
   * right; whoever got earlier pieces must then throw them away.
   *
   * @param dst gets as many bytes as it has room for, fewer only at the end of the body; unchanged
   *     after an exception but for the bytes behind its position
   * @param offset in the body
   * @return bytes read, 0 at or after the end of the body
   * @throws CorruptLogException when the body is damaged; names database, transaction and file
   * @throws IOException also when the log was being written again after a failed sync: the record
   *     can be read again later
   * @throws ReadingEndedException as {@link #next}
   */
  public int read(ByteBuffer dst, long offset) throws IOException {
    checkNotEnded();
    current();
    if (rewrites != log.rewrites()) {
      find(txid);
    }
    int length = (int) Math.min(dst.remaining(), bodyLength() - offset);
    if (length <= 0) {
      return 0;
    }
    int position = dst.position();
    int limit = dst.limit();
    boolean good = false;
    try {
      dst.limit(position + length);
      file.read(dst, start + RecordHeader.SIZE + offset);
      if (dst.hasRemaining()) {
        throw damaged("ends too early");
      }
      check(dst.position(position), offset);
      good = true;
    } finally {
      dst.limit(limit).position(good ? position + length : position);
    }
    return length;
  }

  private void check(ByteBuffer piece, long offset) throws IOException {
    if (offset == 0) {
      crc.reset();
      checked = 0;
    }
    if (offset != checked) {
      return;
    }
    checked += piece.remaining();
    crc.update(piece);
    if (checked == bodyLength() && (int) crc.getValue() != record.bodyCrc()) {
      throw damaged("is damaged: its checksum is wrong");
    }
  }

  /** The LTX file of the current record, verified when it is read to its end. */
  LtxSource ltx() throws IOException {
    // The extra bytes come first: the checksum covers them.
    read(ByteBuffer.allocate(extraLength()), 0);
    return new LtxSource() {
      private long offset = extraLength();

      @Override
      public int read(ByteBuffer dst) throws IOException {
        int n = RecordReader.this.read(dst, offset);
        offset += n;
        return n == 0 ? -1 : n;
      }
    };
  }

  /** Where the database stood after the current record, without reading its pages. */
  DatabasePosition position() throws IOException {
    LtxEnvelope envelope;
    try {
      envelope = LtxEnvelope.read(file, start, current());
    } catch (LtxException | CorruptLogException e) {
      throw damaged("is damaged: " + e.getMessage());
    }
    LtxHeader header = envelope.header();
    long checksum = envelope.trailer().postApplyChecksum();
    if (header.minTxid() != txid || header.maxTxid() != txid || (checksum & Checksum.FLAG) == 0) {
      throw damaged("is damaged: it holds another LTX file");
    }
    return new DatabasePosition(epoch(), txid, checksum, header.pageSize(), header.commit());
  }

  private RecordHeader current() {
    if (record == null) {
      throw new IllegalStateException("there is no current record");
    }
    return record;
  }

  // ------------------------------------------------------------------ trouble

  private IOException damaged(String how) {
    return unreadable(txid, how, start);
  }

  /**
   * After a failed sync the kernel may have dropped the data of records that are not durable. Then
   * the log itself finds out whether it can write them again, and nothing is known to be damaged.
   */
  private IOException unreadable(long wanted, String how, long offset) {
    if (file != null) {
      file.forget(); // who tries again reads the disk again
    }
    String what = "transaction " + wanted + " of '" + databaseName + "' ";
    if (wanted > log.durableTxid() || rewrites != log.rewrites()) {
      String failure = log.failure();
      return new IOException(
          what
              + "cannot be read back from "
              + path
              + " while it is being made durable"
              + (failure == null ? "" : ": " + failure)
              + "; read it again later");
    }
    return new CorruptLogException(
        what
            + how
            + " at offset "
            + offset
            + " of "
            + path
            + "; 'tidemark ltx verify' checks the log");
  }

  private void checkNotEnded() throws IOException {
    if (log.isClosed() || restarts != log.restarts()) {
      close();
      throw ReadingEndedException.notServed(databaseName);
    }
    if (closed) {
      throw new IllegalStateException("the reader of '" + databaseName + "' is closed");
    }
  }

  // ---------------------------------------------------------------------- end

  private void closeFile() throws IOException {
    DiskFile open = file;
    file = null;
    record = null;
    if (open != null) {
      open.close();
    }
  }

  /** Gives up the file and the claim on the log; again does nothing. */
  @Override
  public void close() throws IOException {
    closed = true;
    pin.close();
    closeFile();
  }
}
