package io.tidemark.database;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/**
 * What Tidemark has to know of a rollback journal (SQLite documentation, "Database File Format",
 * section 3): whether it is active, and the super-journal it names.
 */
final class JournalFormat {
  static final int MAGIC_BYTES = 8;
  private static final long MAGIC = 0xd9d505f920a163d7L;
  private static final int MAX_NAME = 4096;

  private JournalFormat() {}

  /**
   * Whether the journal's header is valid after a write. SQLite writes the first header with a zero
   * magic and puts the magic there when the journal was synced: before that, no page of the
   * database is written.
   */
  static boolean isActiveAfter(SideFile journal, ByteBuffer src, long offset) throws IOException {
    ByteBuffer first = ByteBuffer.allocate(MAGIC_BYTES);
    journal.read(first, 0);
    int n = (int) Math.min(src.remaining(), MAGIC_BYTES - offset);
    first.put((int) offset, src, src.position(), n);
    return first.getLong(0) == MAGIC;
  }

  /** Takes a page that the journal has the earlier content of. */
  interface PageVisitor {
    /**
     * @return false to stop
     */
    boolean visit(long pgno) throws IOException;
  }

  /**
   * Goes through the pages that a journal would restore. A journal consists of segments, each with
   * a header (magic, number of records, nonce, initial size, sector size, page size) at a multiple
   * of the sector size; a record is a page number, the page and a checksum.
   *
   * @return false if the visitor stopped
   */
  static boolean forEachPage(SideFile journal, PageVisitor visitor) throws IOException {
    ByteBuffer header = ByteBuffer.allocate(28);
    long offset = 0;
    int sector = 0;
    int pageSize = 0;
    while (journal.read(header.clear(), offset) == 28 && header.getLong(0) == MAGIC) {
      if (offset == 0) {
        sector = header.getInt(20);
        pageSize = header.getInt(24);
        if (sector < 32 || sector > 65536 || pageSize < 512 || pageSize > 65536) {
          return true;
        }
      }
      long records = Integer.toUnsignedLong(header.getInt(8));
      int nonce = header.getInt(12);
      long start = offset + sector;
      long room = Math.max(0, (journal.size() - start) / (pageSize + 8));
      if (records == 0xffffffffL || records > room) {
        records = room;
      }
      ByteBuffer record = ByteBuffer.allocate(pageSize + 8);
      for (long i = 0; i < records; i++) {
        journal.read(record.clear(), start + i * (pageSize + 8));
        if (record.getInt(4 + pageSize) != recordChecksum(record, pageSize, nonce)) {
          return true; // left over from an earlier transaction
        }
        if (!visitor.visit(Integer.toUnsignedLong(record.getInt(0)))) {
          return false;
        }
      }
      long end = start + records * (pageSize + 8);
      offset = (end + sector - 1) / sector * sector;
    }
    return true;
  }

  private static int recordChecksum(ByteBuffer record, int pageSize, int nonce) {
    int sum = nonce;
    for (int i = pageSize - 200; i > 0; i -= 200) {
      sum += Byte.toUnsignedInt(record.get(4 + i));
    }
    return sum;
  }

  /**
   * The name at the end of a journal that belongs to a commit over several databases: 4 bytes lock
   * page number, the name, its length, its checksum and the magic.
   *
   * @return the path as SQLite wrote it, or null
   */
  static String superJournal(SideFile journal) throws IOException {
    long size = journal.size();
    ByteBuffer end = ByteBuffer.allocate(16);
    if (size < 16 || journal.read(end, size - 16) < 16 || end.getLong(8) != MAGIC) {
      return null;
    }
    int length = end.getInt(0);
    if (length <= 0 || length > MAX_NAME || length > size - 16) {
      return null;
    }
    byte[] name = new byte[length];
    journal.read(ByteBuffer.wrap(name), size - 16 - length);
    int sum = 0;
    for (byte b : name) {
      sum += b; // signed characters, as SQLite adds them
    }
    return sum == end.getInt(4) ? new String(name, StandardCharsets.UTF_8) : null;
  }
}
