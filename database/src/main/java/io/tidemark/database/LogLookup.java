package io.tidemark.database;

import io.tidemark.database.Disk.DiskFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/**
 * Finds single records of a log by their transaction: the index leads near them, the record headers
 * from there on to them.
 *
 * <p>Shares the segments and the index of its log. Guarded by the lock of the database.
 */
final class LogLookup {
  private final Disk disk;
  private final String databaseName;
  private final List<LogSegment> segments;
  private final LogIndex index;

  LogLookup(Disk disk, String databaseName, List<LogSegment> segments, LogIndex index) {
    this.disk = disk;
    this.databaseName = databaseName;
    this.segments = segments;
    this.index = index;
  }

  LogSegment segment(long number) {
    for (int i = segments.size() - 1; i >= 0; i--) {
      if (segments.get(i).number == number) {
        return segments.get(i);
      }
    }
    throw new IllegalStateException("segment " + number + " of " + databaseName + " is gone");
  }

  Path path(TransactionLog.Location location) {
    return segment(location.segment()).path;
  }

  /**
   * A place in the segment that has the record of {@code txid}, at the record or before it: {@link
   * #walk} leads on from there. Null if the log does not have the record.
   */
  TransactionLog.Location near(long txid) {
    for (int i = segments.size() - 1; i >= 0; i--) {
      LogSegment segment = segments.get(i);
      if (segment.firstTxid <= txid && txid <= segment.lastTxid) {
        // The index has nothing of segments that the last start had no need to read.
        TransactionLog.Location indexed = index.floor(txid);
        return indexed != null && indexed.segment() == segment.number
            ? indexed
            : new TransactionLog.Location(segment.number, SegmentHeader.BLOCK);
      }
    }
    return null;
  }

  /**
   * Where the record of {@code txid} stands; it must be in the log and be at or after the redo
   * point.
   *
   * @throws IOException also when the record, or one before it, cannot be recognised any more
   */
  TransactionLog.Location locate(long txid) throws IOException {
    TransactionLog.Location near = index.floor(txid);
    if (near == null) {
      throw new IllegalStateException("transaction " + txid + " is not in the index");
    }
    Path path = path(near);
    try (DiskFile file = disk.openReadOnly(path)) {
      long offset = walk(new SegmentReader(file), near.offset(), txid);
      if (offset < 0) {
        throw new IOException("cannot read transaction " + txid + " back from " + path);
      }
      return new TransactionLog.Location(near.segment(), offset);
    }
  }

  /** Rolling checksum before the record of {@code txid}; what {@link #locate} says holds here. */
  long checksumBefore(long txid) throws IOException {
    TransactionLog.Location location = locate(txid);
    try (DiskFile file = disk.openReadOnly(path(location))) {
      RecordHeader record = new SegmentReader(file).headerAt(location.offset());
      return LtxEnvelope.read(file, location.offset(), record).preChecksum();
    }
  }

  /**
   * Whether the record of {@code txid} belongs to a group.
   *
   * @param otherwise the answer when the log does not have the record any more, or not whole
   */
  boolean isOfGroup(long txid, long groupId, boolean otherwise) throws IOException {
    for (LogSegment segment : segments) {
      if (segment.firstTxid <= txid && txid <= segment.lastTxid) {
        try (DiskFile file = disk.openReadOnly(segment.path)) {
          SegmentReader reader = new SegmentReader(file);
          long offset = walk(reader, SegmentHeader.BLOCK, txid);
          RecordHeader record = offset < 0 ? null : reader.recordAt(offset);
          if (record == null) {
            return otherwise;
          }
          return record.isGroup()
              && GroupInfo.decode(reader.extraOf(offset, record)).id() == groupId;
        }
      }
    }
    return otherwise;
  }

  /**
   * @return offset of the record of {@code txid}, or -1
   */
  static long walk(SegmentReader reader, long from, long txid) throws IOException {
    long offset = from;
    while (true) {
      RecordHeader header = reader.headerAt(offset);
      if (header == null || header.txid() > txid) {
        return -1;
      }
      if (header.txid() == txid) {
        return offset;
      }
      offset += header.recordLength();
    }
  }
}
