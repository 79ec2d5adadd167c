package io.tidemark.database;

import io.tidemark.database.TransactionLog.Location;
import io.tidemark.ltx.LtxDecoder;
import io.tidemark.ltx.LtxHeader;
import java.io.IOException;

/**
 * Reads records of a log that goes on growing, one after the other; going to the next one is cheap.
 *
 * <p>{@link #moveTo} wants the lock of the database held; what it found may be read without.
 */
final class RecordFollower implements AutoCloseable {
  private final Disk disk;
  private final TransactionLog log;
  private ReadAhead file;
  private SegmentReader reader;

  /** Durable when the file was read last; what stands behind it in there may be older. */
  private long readTo;

  private long segment;
  private long offset;
  private RecordHeader record;
  private LtxEnvelope envelope;

  RecordFollower(Disk disk, TransactionLog log) {
    this.disk = disk;
    this.log = log;
  }

  /** Goes to the record of a transaction, which the log has; it is durable. */
  void moveTo(long txid) throws IOException {
    boolean here = record != null && record.txid() == txid && log.holds(segment, txid);
    if (here && file != null) {
      return;
    }
    if (txid > readTo) {
      readTo = log.durableTxid();
      if (file != null) {
        file.forget();
      }
    }
    boolean behind = record != null && record.txid() + 1 == txid && log.holds(segment, txid);
    boolean found = (here || behind) && find(txid, behind ? record.recordLength() : 0);
    if (!found) {
      close();
      Location location = log.locate(txid);
      segment = location.segment();
      offset = location.offset();
      if (!find(txid, 0)) {
        throw new CorruptLogException(
            "transaction " + txid + " cannot be read back from offset " + offset + " of the log");
      }
    }
    envelope = LtxEnvelope.read(file, offset, record);
  }

  private boolean find(long txid, long further) throws IOException {
    if (file == null) {
      file = new ReadAhead(disk.openReadOnly(log.path(new Location(segment, offset))));
      reader = new SegmentReader(file);
    }
    offset += further;
    record = reader.headerAt(offset);
    if (record != null && record.txid() != txid) {
      record = null;
    }
    return record != null;
  }

  LtxHeader header() {
    return envelope.header();
  }

  long epoch() {
    return record.epoch();
  }

  /** Rolling checksum after the record. */
  long postChecksum() {
    return envelope.trailer().postApplyChecksum();
  }

  /** The LTX file from its beginning; this thread's only decoder. */
  LtxDecoder decoder() throws IOException {
    return Scratch.get().decoder(new DiskLtxSource(file, offset, record));
  }

  /** Closes the file. Where it was is remembered: nearby, the next one is found at once. */
  @Override
  public void close() throws IOException {
    readTo = 0;
    if (file != null) {
      file.close();
      file = null;
    }
  }
}
