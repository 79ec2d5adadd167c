package io.tidemark.mount;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * The empty entry that a database has in the files directory, for owner, permissions and times. Its
 * bytes are in the store.
 */
final class Placeholder {
  private Placeholder() {}

  /** A database that was imported has no entry yet. */
  static void create(Path entry) throws IOException {
    Files.createDirectories(entry.getParent());
    Files.createFile(entry);
  }

  /** The entry of a plain file becomes that of a database: the store has its bytes now. */
  static void empty(Path entry) throws IOException {
    try (var channel = FileChannel.open(entry, StandardOpenOption.WRITE)) {
      channel.truncate(0);
    }
  }

  /** The database is gone. Nothing happens if there is none, or anything else. */
  static void remove(Path entry) throws IOException {
    if (is(entry)) {
      Files.delete(entry);
    }
  }

  /** Whether the entry could be one: a plain file may be empty as well. */
  static boolean is(Path entry) throws IOException {
    return Files.isRegularFile(entry, LinkOption.NOFOLLOW_LINKS) && Files.size(entry) == 0;
  }
}
