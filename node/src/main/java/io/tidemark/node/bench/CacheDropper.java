package io.tidemark.node.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/** Empties the page cache before a cold read, by the best means this user has. */
final class CacheDropper {
  private static final Path DROP_CACHES = Path.of("/proc/sys/vm/drop_caches");

  private final boolean whole = Files.isWritable(DROP_CACHES);

  /** What the figures of a cold read mean. */
  String about() {
    return whole
        ? "cold reads: the whole page cache is dropped before each"
        : "cold reads: only the file's own pages are dropped (posix_fadvise); as root the whole"
            + " cache is";
  }

  void drop(Path file) throws IOException {
    try {
      if (whole) {
        run("sync");
        Files.writeString(DROP_CACHES, "3");
      } else {
        // GNU dd calls posix_fadvise(DONTNEED) for a file that it reads nothing of.
        run("dd", "if=" + file, "iflag=nocache", "count=0", "status=none");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
  }

  private static void run(String... command) throws IOException, InterruptedException {
    Process process = new ProcessBuilder(command).inheritIO().start();
    if (!process.waitFor(5, TimeUnit.MINUTES) || process.exitValue() != 0) {
      throw new IOException(command[0] + " failed");
    }
  }
}
