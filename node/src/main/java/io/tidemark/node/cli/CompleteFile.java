package io.tidemark.node.cli;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

/** Gives a database file its name when it is complete. */
final class CompleteFile {
  private CompleteFile() {}

  /** Replaces a database file, durably. Journals of what was there before would destroy it. */
  static void replace(Path temporary, Path file) throws IOException {
    try (FileChannel written = FileChannel.open(temporary, StandardOpenOption.WRITE)) {
      written.force(true);
    }
    for (String suffix : new String[] {"-journal", "-wal", "-shm"}) {
      Files.deleteIfExists(Path.of(file + suffix));
    }
    Files.move(
        temporary, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    Path directory = file.toAbsolutePath().getParent();
    try (FileChannel dir = FileChannel.open(directory)) {
      dir.force(true);
    }
  }
}
