package io.tidemark.node.cli;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The header of a SQLite database file, as far as it tells whether the file is whole. The node
 * checks more; this is to notice the wrong file before it is sent.
 */
final class SqliteFile {
  private static final byte[] MAGIC = "SQLite format 3\0".getBytes(StandardCharsets.US_ASCII);
  private static final int HEADER = 100;

  private SqliteFile() {}

  /** Why the file is not a whole database, or null when it looks like one. */
  static String problem(Path file) throws IOException {
    if (Files.exists(Path.of(file + "-wal")) && Files.size(Path.of(file + "-wal")) > 0) {
      return "it has a -wal file beside it; close the programs that use it, or copy it with"
          + " sqlite3 FILE \".backup COPY\"";
    }
    if (Files.exists(Path.of(file + "-journal")) && Files.size(Path.of(file + "-journal")) > 0) {
      return "it has a -journal file beside it; open it once with sqlite3 to roll that back";
    }
    try (RandomAccessFile in = new RandomAccessFile(file.toFile(), "r")) {
      byte[] header = new byte[(int) Math.min(HEADER, in.length())];
      in.readFully(header);
      return problem(header, in.length());
    }
  }

  static String problem(byte[] header, long length) {
    if (header.length < HEADER || !ByteBuffer.wrap(header, 0, 16).equals(ByteBuffer.wrap(MAGIC))) {
      return "it is not a SQLite database";
    }
    ByteBuffer fields = ByteBuffer.wrap(header);
    int stored = fields.getShort(16) & 0xffff;
    int pageSize = stored == 1 ? 65536 : stored;
    if (pageSize < 512 || Integer.bitCount(pageSize) != 1) {
      return "its page size " + pageSize + " is impossible";
    }
    if (length % pageSize != 0) {
      return "its size is no multiple of its page size; it is cut off";
    }
    long pages = fields.getInt(28) & 0xffffffffL;
    boolean countIsValid = pages != 0 && fields.getInt(24) == fields.getInt(92);
    if (countIsValid && pages * pageSize != length) {
      return "it has " + length / pageSize + " pages where its header says " + pages;
    }
    return null;
  }
}
