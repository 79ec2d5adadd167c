package io.tidemark.database;

import io.tidemark.database.Disk.DiskFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.zip.CRC32C;

/**
 * What recovery starts from; the layout is in docs/LOG_FORMAT.md. Written after the database file
 * and the log were synced, replaced atomically.
 *
 * @param redoTxid the database file has everything up to this transaction
 * @param txid transaction that the page checksums belong to, at or after {@code redoTxid}; the log
 *     was durable up to it
 * @param checksum rolling checksum at {@code txid}
 * @param epoch epoch of {@code txid}
 * @param pageSize bytes, 0 if there has never been a page
 * @param wal page 1 says write-ahead log mode
 * @param commitMillis time of the last commit
 * @param fileSize bytes of the database file when it was synced
 * @param sums page checksums at {@code txid}
 */
record CheckpointFile(
    long redoTxid,
    long txid,
    long checksum,
    long epoch,
    int pageSize,
    boolean wal,
    long commitMillis,
    long fileSize,
    long[] sums) {
  private static final long MAGIC = 0x544D4B434B503100L; // "TMKCKP1\0"
  private static final int VERSION = 1;
  private static final int HEADER = 80;

  static final CheckpointFile NONE = new CheckpointFile(0, 0, 0, 0, 0, false, 0, 0, new long[0]);

  /**
   * @return null if there is no valid file at {@code path}; recovery then reads the whole log and
   *     database
   * @throws CorruptLogException for a version that this program does not know
   */
  static CheckpointFile read(Disk disk, Path path) throws IOException {
    if (!disk.exists(path)) {
      return null;
    }
    try (DiskFile file = disk.openReadOnly(path)) {
      ByteBuffer header = ByteBuffer.allocate(HEADER);
      if (file.read(header, 0) < HEADER || header.getLong(0) != MAGIC) {
        return null;
      }
      if (header.getInt(8) != VERSION) {
        if (!endsWithItsChecksum(file)) {
          return null; // damaged, not of another version
        }
        throw new CorruptLogException(
            path
                + " has version "
                + header.getInt(8)
                + ", this program reads version "
                + VERSION
                + "; use the Tidemark version that wrote it");
      }
      long count = header.getLong(72);
      long size = file.size();
      if (count < 0 || size != HEADER + count * 8 + 4) {
        return null;
      }
      CRC32C crc = new CRC32C();
      crc.update(header.clear());
      long[] sums = new long[(int) count];
      ByteBuffer chunk = ByteBuffer.allocateDirect(64 * 1024);
      int filled = 0;
      long position = HEADER;
      while (filled < sums.length) {
        chunk.clear().limit((int) Math.min(chunk.capacity(), (sums.length - filled) * 8L));
        if (file.read(chunk, position) < chunk.limit()) {
          return null;
        }
        position += chunk.limit();
        crc.update(chunk.flip());
        chunk.flip();
        int n = chunk.remaining() / 8;
        chunk.asLongBuffer().get(sums, filled, n);
        filled += n;
      }
      ByteBuffer stored = ByteBuffer.allocate(4);
      file.read(stored, position);
      if (stored.getInt(0) != (int) crc.getValue()) {
        return null;
      }
      return new CheckpointFile(
          header.getLong(16),
          header.getLong(24),
          header.getLong(32),
          header.getLong(40),
          header.getInt(48),
          header.getInt(52) == 1,
          header.getLong(56),
          header.getLong(64),
          sums);
    }
  }

  /** In every version the last four bytes are the checksum of all before them. */
  private static boolean endsWithItsChecksum(DiskFile file) throws IOException {
    CRC32C crc = new CRC32C();
    ByteBuffer chunk = ByteBuffer.allocateDirect(64 * 1024);
    long end = file.size() - 4;
    for (long position = 0; position < end; position += chunk.limit()) {
      chunk.clear().limit((int) Math.min(chunk.capacity(), end - position));
      file.read(chunk, position);
      crc.update(chunk.flip());
      if (chunk.limit() == 0) {
        return false;
      }
    }
    ByteBuffer stored = ByteBuffer.allocate(4);
    file.read(stored, end);
    return stored.getInt(0) == (int) crc.getValue();
  }

  void write(Disk disk, Path path) throws IOException {
    Path temporary = path.resolveSibling(path.getFileName() + ".tmp");
    disk.delete(temporary);
    try (DiskFile file = disk.open(temporary)) {
      ByteBuffer header = ByteBuffer.allocate(HEADER);
      header.putLong(MAGIC).putInt(VERSION).putInt(0);
      header.putLong(redoTxid).putLong(txid).putLong(checksum).putLong(epoch);
      header.putInt(pageSize).putInt(wal ? 1 : 0).putLong(commitMillis).putLong(fileSize);
      header.putLong(sums.length);
      CRC32C crc = new CRC32C();
      crc.update(header.flip());
      header.flip();
      file.write(header, 0);
      ByteBuffer chunk = ByteBuffer.allocateDirect(64 * 1024);
      long position = HEADER;
      for (int i = 0; i < sums.length; ) {
        chunk.clear();
        while (i < sums.length && chunk.remaining() >= 8) {
          chunk.putLong(sums[i++]);
        }
        crc.update(chunk.flip());
        chunk.flip();
        int length = chunk.limit();
        file.write(chunk, position);
        position += length;
      }
      file.write(ByteBuffer.allocate(4).putInt(0, (int) crc.getValue()), position);
      file.sync();
    }
    FaultPoint.CHECKPOINT_BEFORE_RENAME.pass();
    disk.rename(temporary, path);
    disk.syncDirectory(path.getParent());
  }
}
