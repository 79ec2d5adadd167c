package io.tidemark.database;

import io.tidemark.database.Disk.DiskFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;

/**
 * Writes the last records of a log again, into a new segment. After a failed sync the kernel may
 * have dropped their data and marked it clean, so syncing the same files again proves nothing.
 *
 * <p>Invariant: only a record whose checksum is still right when it is read back is copied.
 *
 * <p>Guarded by the lock of the database.
 */
final class TailCopy {
  private final Disk disk;
  private final LogSegment copy;
  private final ByteBuffer chunk = ByteBuffer.allocateDirect(64 * 1024);

  /**
   * @param copy a new segment, without header
   */
  TailCopy(Disk disk, LogSegment copy) {
    this.disk = disk;
    this.copy = copy;
  }

  /** Begins the segment; the records {@code from} to {@code to} are to follow. */
  void begin(long from, long to, long preChecksum, long epoch) throws IOException {
    long now = System.currentTimeMillis();
    copy.firstTxid = from;
    copy.preChecksum = preChecksum;
    copy.lastTxid = to;
    copy.lastMillis = now;
    copy.end = SegmentHeader.BLOCK;
    copy.file.write(new SegmentHeader(copy.number, from, preChecksum, epoch, now).encode(), 0);
  }

  /** Copies the record that stands at {@code offset} of another segment. */
  void add(Path from, long offset) throws IOException {
    try (DiskFile source = disk.openReadOnly(from)) {
      RecordHeader header = new SegmentReader(source).recordAt(offset);
      if (header == null) {
        throw unreadable(from);
      }
      add(source, offset, header);
    }
  }

  /** Copies a record that was verified. */
  void add(DiskFile source, long offset, RecordHeader header) throws IOException {
    long length = header.recordLength();
    for (long done = 0; done < length; ) {
      chunk.clear().limit((int) Math.min(chunk.capacity(), length - done));
      int n = source.read(chunk, offset + done);
      if (n <= 0) {
        break; // only padding is left, and it lies beyond the end of the file
      }
      copy.file.write(chunk.flip(), copy.end + done);
      done += n;
    }
    copy.end += length;
  }

  private static IOException unreadable(Path segment) {
    return new IOException("cannot read back the unsynced records of " + segment);
  }
}
