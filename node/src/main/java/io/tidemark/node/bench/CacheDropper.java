package io.tidemark.node.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;

/** Empties the page cache before a cold read, by the best means this user has. */
final class CacheDropper {
  private static final Path DROP_CACHES = Path.of("/proc/sys/vm/drop_caches");

  private final boolean whole = Files.isWritable(DROP_CACHES);
  private final UnaryOperator<Path> backing;

  /**
   * A dropper.
   *
   * @param backing finds the file behind a file of the mount, whose pages the kernel caches as
   *     well; may be null, and may return null
   */
  CacheDropper(UnaryOperator<Path> backing) {
    this.backing = backing;
  }

  /** What the figures of a cold read mean. */
  String about() {
    return whole
        ? "cold reads: the whole page cache is dropped before each"
        : "cold reads: the pages of the file "
            + (backing == null ? "" : "and of the node's file behind it ")
            + "are dropped (posix_fadvise)"
            + (backing == null ? ", not those of the node's file behind it" : "")
            + "; as root the whole cache is";
  }

  void drop(Path file) throws IOException {
    try {
      if (whole) {
        run("sync");
        Files.writeString(DROP_CACHES, "3");
      } else {
        run("sync");
        forget(file);
        Path behind = backing == null ? null : backing.apply(file);
        if (behind != null && Files.isReadable(behind)) {
          forget(behind);
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
  }

  /** GNU dd calls posix_fadvise(DONTNEED) for a file that it reads nothing of. */
  private static void forget(Path file) throws IOException, InterruptedException {
    run("dd", "if=" + file, "iflag=nocache", "count=0", "status=none");
  }

  private static void run(String... command) throws IOException, InterruptedException {
    Process process = new ProcessBuilder(command).inheritIO().start();
    if (!process.waitFor(5, TimeUnit.MINUTES) || process.exitValue() != 0) {
      throw new IOException(command[0] + " failed");
    }
  }
}
