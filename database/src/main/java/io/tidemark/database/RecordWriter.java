package io.tidemark.database;

import io.tidemark.database.Disk.DiskFile;
import io.tidemark.ltx.LtxSink;
import io.tidemark.ltx.LtxSource;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.zip.CRC32C;

/**
 * One record on its way into a segment; a small one is written at once.
 *
 * <p>Invariant: the header of a record is written after its body, so a record that can be read is
 * whole.
 *
 * <p>Guarded by the lock of the database, from {@link #begin} to {@link #finish} by one thread,
 * whose buffer it uses; a record that is received has a buffer of its own and is guarded by its
 * {@link ReplicaLog}.
 */
final class RecordWriter implements LtxSink {
  private final CRC32C crc = new CRC32C();
  private DiskFile file;
  private ByteBuffer buffer;
  private boolean open;
  private long txid;
  private long epoch;
  private int flags;
  private int extraLength;
  private long start;
  private long flushedTo;
  private long bodyLength;

  boolean isOpen() {
    return open;
  }

  long txid() {
    return txid;
  }

  long epoch() {
    return epoch;
  }

  boolean isPending() {
    return (flags & RecordHeader.FLAG_PENDING) != 0;
  }

  /** Where the record begins in its segment. */
  long start() {
    return start;
  }

  /**
   * Starts a record; its bytes follow through {@link #write}.
   *
   * @param extra what it says of a group, or null
   * @param pending whether it is not known to be committed
   * @param room this writer's own until the record is finished or given up
   */
  void begin(
      DiskFile segment,
      long offset,
      long recordTxid,
      long recordEpoch,
      byte[] extra,
      boolean pending,
      ByteBuffer room)
      throws IOException {
    open = true;
    file = segment;
    txid = recordTxid;
    epoch = recordEpoch;
    flags =
        (extra == null ? 0 : RecordHeader.FLAG_GROUP) | (pending ? RecordHeader.FLAG_PENDING : 0);
    extraLength = extra == null ? 0 : extra.length;
    start = offset;
    flushedTo = offset;
    bodyLength = 0;
    crc.reset();
    buffer = room;
    buffer.clear().position(RecordHeader.SIZE);
    if (extra != null) {
      write(ByteBuffer.wrap(extra));
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
      int position = buffer.position();
      src.limit(src.position() + n);
      buffer.put(src);
      src.limit(limit);
      buffer.position(position).limit(position + n);
      crc.update(buffer);
      buffer.limit(buffer.capacity());
      bodyLength += n;
    }
  }

  /** Writes the buffer but for the space of the header, which comes last. */
  private void flushBuffer() throws IOException {
    boolean first = flushedTo == start;
    int skip = first ? RecordHeader.SIZE : 0;
    int length = buffer.position();
    buffer.flip().position(skip);
    file.write(buffer, flushedTo + skip);
    flushedTo += length;
    buffer.clear();
    FaultPoint.COMMIT_RECORD_TORN.pass();
  }

  /**
   * Writes what is left of the record, and its header.
   *
   * @param durableTxid the log is known to be durable up to here
   * @param commitTxid the commit position
   * @return bytes of the record
   */
  long finish(long durableTxid, long commitTxid) throws IOException {
    assert open;
    RecordHeader header =
        new RecordHeader(
            flags,
            epoch,
            txid,
            bodyLength - extraLength,
            durableTxid,
            commitTxid,
            extraLength,
            (int) crc.getValue());
    if (flushedTo == start) {
      int end = buffer.position();
      buffer.position(0);
      header.encode(buffer);
      buffer.position(0).limit(end);
      file.write(buffer, start);
    } else {
      buffer.flip();
      file.write(buffer, flushedTo);
      buffer.clear();
      header.encode(buffer);
      file.write(buffer.flip(), start);
    }
    open = false;
    return header.recordLength();
  }

  /** The LTX file as far as it was written, read back. */
  LtxSource ltxWritten() {
    return new LtxSource() {
      private long at = start + RecordHeader.SIZE + extraLength;

      @Override
      public int read(ByteBuffer dst) throws IOException {
        long end = start + RecordHeader.SIZE + bodyLength;
        if (at >= end) {
          return -1;
        }
        boolean inFile = at < flushedTo;
        int n = (int) Math.min(dst.remaining(), (inFile ? flushedTo : end) - at);
        if (inFile) {
          int limit = dst.limit();
          n = file.read(dst.limit(dst.position() + n), at);
          dst.limit(limit);
          if (n <= 0) {
            throw new IOException("cannot read back what was written at " + at);
          }
        } else {
          dst.put(dst.position(), buffer, (int) (at - flushedTo), n);
          dst.position(dst.position() + n);
        }
        at += n;
        return n;
      }
    };
  }

  /** Whether the record goes where the next record of this segment belongs. */
  boolean isAt(DiskFile segment, long offset) {
    return file == segment && start == offset;
  }

  /** End of what is in the segment already; the start if nothing is. */
  long flushedTo() {
    return flushedTo;
  }

  /** Gives up the record; nothing of it can be found again. */
  void abort() {
    open = false;
  }
}
