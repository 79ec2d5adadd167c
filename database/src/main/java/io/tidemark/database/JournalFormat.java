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
