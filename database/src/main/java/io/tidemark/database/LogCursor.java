package io.tidemark.database;

import io.tidemark.database.Disk.DiskFile;
import io.tidemark.ltx.LtxDecoder;
import io.tidemark.ltx.LtxSource;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** Walks over records of a log in order of their TXIDs, each verified before it is shown. */
final class LogCursor implements AutoCloseable {
  /** A segment file and the transactions of it that count. */
  record Part(Path path, long firstTxid, long lastTxid) {}

  private final Disk disk;
  private final List<Part> parts;
  private final long toTxid;
  private long nextTxid;
  private int part = -1;
  private DiskFile file;
  private SegmentReader reader;
  private long nextOffset;
  private long offset;
  private RecordHeader record;

  LogCursor(Disk disk, List<Part> parts, long fromTxid, long toTxid) {
    this.disk = disk;
    this.parts = parts;
    this.nextTxid = fromTxid;
    this.toTxid = toTxid;
  }

  /** Moves to the next record; false at the end. */
  boolean next() throws IOException {
    if (nextTxid > toTxid) {
      return false;
    }
    while (part < 0 || nextTxid > parts.get(part).lastTxid) {
      openNextPart();
    }
    while (true) {
      RecordHeader candidate = reader.headerAt(nextOffset);
      boolean wanted = candidate != null && candidate.txid() >= nextTxid;
      if (candidate == null || (wanted && reader.recordAt(nextOffset) == null)) {
        throw new CorruptLogException(
            "transaction "
                + nextTxid
                + " is damaged at offset "
                + nextOffset
                + " of "
                + parts.get(part).path);
      }
      offset = nextOffset;
      nextOffset += candidate.recordLength();
      if (wanted) {
        if (candidate.txid() != nextTxid) {
          throw new CorruptLogException(
              "expected transaction "
                  + nextTxid
                  + " at offset "
                  + offset
                  + " of "
                  + parts.get(part).path
                  + ", found "
                  + candidate.txid());
        }
        record = candidate;
        nextTxid++;
        return true;
      }
    }
  }

  private void openNextPart() throws IOException {
    close();
    part++;
    if (part >= parts.size()) {
      throw new CorruptLogException("transaction " + nextTxid + " is missing from the log");
    }
    file = disk.openReadOnly(parts.get(part).path);
    reader = new SegmentReader(file);
    nextOffset = SegmentHeader.BLOCK;
  }

  RecordHeader record() {
    return record;
  }

  long offset() {
    return offset;
  }

  Path path() {
    return parts.get(part).path;
  }

  /** The segment that has the current record; open until the next one is in another. */
  DiskFile file() {
    return file;
  }

  /** The bytes of the LTX file of the current record. */
  LtxSource ltxSource() {
    return new DiskLtxSource(file, offset, record);
  }

  LtxDecoder decoder() throws IOException {
    return new LtxDecoder(ltxSource());
  }

  @Override
  public void close() throws IOException {
    if (file != null) {
      file.close();
      file = null;
    }
  }
}
