package io.tidemark.database;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/**
 * The 100-byte header of a SQLite database file (SQLite documentation, "Database File Format",
 * section 1.3). All numbers are big-endian.
 */
final class SqliteHeader {
  static final int SIZE = 100;
  private static final byte[] MAGIC = "SQLite format 3\0".getBytes(StandardCharsets.US_ASCII);

  private final ByteBuffer bytes = ByteBuffer.allocate(SIZE);

  /** Takes the header from position 0 of a page or file start; shorter input leaves zeros. */
  SqliteHeader(ByteBuffer page) {
    ByteBuffer source = page.duplicate();
    source.position(0);
    source.limit(Math.min(SIZE, source.limit()));
    bytes.put(source);
    bytes.clear();
  }

  static boolean startsWithMagic(ByteBuffer data) {
    if (data.remaining() < MAGIC.length) {
      return false;
    }
    for (int i = 0; i < MAGIC.length; i++) {
      if (data.get(data.position() + i) != MAGIC[i]) {
        return false;
      }
    }
    return true;
  }

  boolean hasMagic() {
    return startsWithMagic(bytes);
  }

  /**
   * Page size in bytes, 512 to 65536, or 0 if the field is invalid. The stored value 1 is 65536.
   */
  int pageSize() {
    int stored = Short.toUnsignedInt(bytes.getShort(16));
    if (stored == 1) {
      return 65536;
    }
    return stored >= 512 && Integer.bitCount(stored) == 1 ? stored : 0;
  }

  /** File format write and read version are both 2. */
  boolean isWal() {
    return bytes.get(18) == 2 && bytes.get(19) == 2;
  }

  /**
   * Size of the database in pages, by SQLite's own rule: the field at offset 28 counts only if it
   * is not zero and the change counter at 24 equals the version-valid-for number at 92; else the
   * size of the file decides.
   */
  long pageCount(long fileSize) {
    long stored = Integer.toUnsignedLong(bytes.getInt(28));
    if (stored != 0 && bytes.getInt(24) == bytes.getInt(92)) {
      return stored;
    }
    int pageSize = pageSize();
    return pageSize == 0 ? 0 : fileSize / pageSize;
  }

  /** Why these bytes cannot start a database of {@code fileSize} bytes, or null if they can. */
  String problem(long fileSize) {
    if (fileSize < 512) {
      return "it has " + fileSize + " bytes, a SQLite database has at least 512";
    }
    if (!hasMagic()) {
      return "it does not start with \"SQLite format 3\"";
    }
    int pageSize = pageSize();
    if (pageSize == 0) {
      return "its page size field is "
          + Short.toUnsignedInt(bytes.getShort(16))
          + ", not a power of two from 512 to 65536";
    }
    long pages = pageCount(fileSize);
    if (pages == 0) {
      return "it has no page";
    }
    if (fileSize < pages * pageSize) {
      return "it is cut short: its header says "
          + pages
          + " pages of "
          + pageSize
          + " bytes, the file has "
          + fileSize
          + " bytes";
    }
    return null;
  }
}
