package io.tidemark.database;

import io.tidemark.database.Disk.DiskFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.zip.CRC32C;

/** Reads and checks the records of one segment file. Memory is bounded whatever the file says. */
final class SegmentReader {
  private final DiskFile file;
  private final ByteBuffer header = ByteBuffer.allocate(RecordHeader.SIZE);

  /** Made when a body is read: who looks only at headers needs no such room. */
  private ByteBuffer chunk;

  SegmentReader(DiskFile file) {
    this.file = file;
  }

  private void makeRoom() {
    if (chunk == null) {
      chunk = ByteBuffer.allocateDirect(64 * 1024);
    }
  }

  /** The whole, valid record at {@code offset}, or null. Its body checksum has been verified. */
  RecordHeader recordAt(long offset) throws IOException {
    RecordHeader record = headerAt(offset);
    return record != null && bodyIsValid(offset, record) ? record : null;
  }

  /** The valid header at {@code offset}, or null; says nothing about the body. */
  RecordHeader headerAt(long offset) throws IOException {
    header.clear();
    if (file.read(header, offset) < RecordHeader.SIZE) {
      return null;
    }
    return RecordHeader.decode(header.flip());
  }

  byte[] extraOf(long offset, RecordHeader record) throws IOException {
    byte[] extra = new byte[record.extraLength()];
    file.read(ByteBuffer.wrap(extra), offset + RecordHeader.SIZE);
    return extra;
  }

  /**
   * Looks behind a damaged record for one that proves it was durable: a valid record that says the
   * log was known to be durable at or beyond {@code txid}.
   *
   * @return offset of that record, or -1
   */
  long findProofOfDurability(long from, long txid) throws IOException {
    makeRoom();
    long size = file.size();
    long position = from & ~7L;
    while (position < size) {
      chunk.clear();
      int n = file.read(chunk, position);
      if (n < RecordHeader.SIZE) {
        return -1;
      }
      for (int i = 0; i + 8 <= n; i += 8) {
        if (chunk.getInt(i) == RecordHeader.MAGIC) {
          long offset = position + i;
          RecordHeader record = recordAtKeepingChunk(offset);
          if (record != null && record.txid() > txid && record.durableTxid() >= txid) {
            return offset;
          }
        }
      }
      position += n & ~7;
    }
    return -1;
  }

  private RecordHeader recordAtKeepingChunk(long offset) throws IOException {
    ByteBuffer saved = ByteBuffer.allocate(chunk.limit());
    saved.put(chunk.duplicate().position(0)).flip();
    int limit = chunk.limit();
    RecordHeader record = recordAt(offset);
    chunk.clear();
    chunk.put(saved);
    chunk.limit(limit);
    return record;
  }

  private boolean bodyIsValid(long offset, RecordHeader record) throws IOException {
    makeRoom();
    CRC32C crc = new CRC32C();
    long position = offset + RecordHeader.SIZE;
    long remaining = record.extraLength() + record.ltxLength();
    if (position + remaining > file.size()) {
      return false;
    }
    makeRoom();
    while (remaining > 0) {
      chunk.clear().limit((int) Math.min(chunk.capacity(), remaining));
      int n = file.read(chunk, position);
      if (n <= 0) {
        return false;
      }
      crc.update(chunk.flip());
      position += n;
      remaining -= n;
    }
    return (int) crc.getValue() == record.bodyCrc();
  }
}
