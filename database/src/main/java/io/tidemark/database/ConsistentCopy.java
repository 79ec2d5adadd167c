package io.tidemark.database;

import io.tidemark.database.Disk.DiskFile;
import io.tidemark.ltx.Checksum;
import io.tidemark.ltx.LtxDecoder;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.LongConsumer;

/**
 * A copy of a committed image that stands at one transaction although nobody waits for it: a {@link
 * SnapshotSource} that is applied here. The rolling checksum proves the result before a byte of it
 * leaves.
 */
final class ConsistentCopy {
  private static final int CHUNK = 256 << 10;
  static final int MAX_PAGE = 65536;

  private final Disk disk;
  private final String name;
  private final Path temporary;

  /**
   * @param name of the database
   * @param temporary where the copy is made; nothing of it stays
   */
  ConsistentCopy(Disk disk, String name, Path temporary) {
    this.disk = disk;
    this.name = name;
    this.temporary = temporary;
  }

  /** Makes the copy and writes it out. */
  DatabasePosition writeTo(SnapshotSource source, WritableByteChannel out, LongConsumer progress)
      throws IOException {
    try (DiskFile file = disk.open(temporary)) {
      Files.deleteIfExists(temporary); // nameless from here on, whatever happens
      DatabasePosition position = make(source, file);
      long size = position.pageCount() * position.pageSize();
      ByteBuffer chunk = ByteBuffer.allocateDirect(CHUNK);
      for (long offset = 0; offset < size; ) {
        chunk.clear().limit((int) Math.min(chunk.capacity(), size - offset));
        WorkingImage.readZeroFilled(file, chunk, offset);
        chunk.flip();
        offset += chunk.remaining();
        while (chunk.hasRemaining()) {
          out.write(chunk);
        }
        progress.accept(offset);
      }
      return position;
    }
  }

  /**
   * Makes the copy in a file.
   *
   * @param copy empty
   * @return the position of the copy, verified
   */
  DatabasePosition make(SnapshotSource source, DiskFile copy) throws IOException {
    copyPages(source, copy);
    DatabasePosition position = source.finish();
    ByteBuffer page = ByteBuffer.allocateDirect(MAX_PAGE);
    try (RecordReader records = source.records()) {
      while (records.next()) {
        PageScan.redo(copy, new LtxDecoder(records.ltx()), page, (pgno, sum) -> {});
      }
    }
    verify(copy, position);
    return position;
  }

  private static void copyPages(SnapshotSource source, DiskFile copy) throws IOException {
    ByteBuffer chunk = ByteBuffer.allocateDirect(CHUNK);
    int inChunk = CHUNK / source.pageSize();
    for (long pgno = 1; pgno <= source.pageCount(); pgno += inChunk) {
      int count = (int) Math.min(inChunk, source.pageCount() - pgno + 1);
      source.readPages(pgno, count, chunk.clear());
      copy.write(chunk.flip(), (pgno - 1) * source.pageSize());
    }
  }

  /** Cuts a copy to its size and proves it by its rolling checksum. */
  void verify(DiskFile copy, DatabasePosition position) throws IOException {
    copy.truncate(position.pageCount() * position.pageSize());
    long[] rolling = {Checksum.FLAG};
    PageScan.forEachPage(
        copy,
        position.pageSize(),
        position.pageCount(),
        (pgno, sum) -> rolling[0] = (rolling[0] ^ sum) | Checksum.FLAG);
    if (rolling[0] != position.checksum()) {
      throw new CorruptLogException(
          "the copy of '"
              + name
              + "' has checksum "
              + new Checksum(rolling[0])
              + " instead of "
              + new Checksum(position.checksum())
              + ": the database file is damaged. Its log can be checked with 'tidemark ltx verify'");
    }
  }
}
