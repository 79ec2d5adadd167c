package io.tidemark.database;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Descriptors of this process, also those of deleted files. */
final class OpenFiles {
  private OpenFiles() {}

  /** What is open below a directory. */
  static List<String> below(Path directory) throws IOException {
    try (var descriptors = Files.list(Path.of("/proc/self/fd"))) {
      return descriptors
          .map(OpenFiles::target)
          .filter(target -> target.startsWith(directory.toString()))
          .sorted()
          .toList();
    }
  }

  private static String target(Path descriptor) {
    try {
      return Files.readSymbolicLink(descriptor).toString();
    } catch (IOException e) {
      return "closed meanwhile";
    }
  }
}
