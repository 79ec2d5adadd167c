package io.tidemark.database;

import io.tidemark.database.Disk.DiskFile;
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
  private DiskFile file;
  private SegmentReader reader;
  private long segment;
  private long offset;
  private RecordHeader record;
  private LtxEnvelope envelope;

  RecordFollower(Disk disk, TransactionLog log) {
    this.disk = disk;
    this.log = log;
  }

  /** Goes to the record of a transaction, which the log has. */
  void moveTo(long txid) throws IOException {
    if (record != null && record.txid() == txid && log.holds(segment, txid)) {
      return;
    }
    if (record != null && record.txid() + 1 == txid && log.holds(segment, txid)) {
      offset += record.recordLength();
    } else {
      TransactionLog.Location location = log.locate(txid);
      close();
      file = disk.openReadOnly(log.path(location));
      reader = new SegmentReader(file);
      segment = location.segment();
      offset = location.offset();
    }
    record = reader.headerAt(offset);
    if (record == null || record.txid() != txid) {
      record = null;
      throw new CorruptLogException(
          "transaction " + txid + " cannot be read back from offset " + offset + " of the log");
    }
    envelope = LtxEnvelope.read(file, offset, record);
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

  @Override
  public void close() throws IOException {
    record = null;
    if (file != null) {
      file.close();
      file = null;
    }
  }
}
