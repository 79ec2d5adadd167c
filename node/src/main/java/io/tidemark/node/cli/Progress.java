package io.tidemark.node.cli;

import io.tidemark.node.config.SizeText;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;

/** One line on a terminal that says how far long work is. Prints nothing when piped. */
final class Progress implements AutoCloseable {
  private static final long STEP_NANOS = 100_000_000;

  private final PrintStream err;
  private final String what;
  private final long total;
  private final long start = System.nanoTime();
  private long printed = start;
  private boolean shown;

  private Progress(PrintStream err, String what, long total) {
    this.err = err;
    this.what = what;
    this.total = total;
  }

  /**
   * Progress of a transfer.
   *
   * @param err where to print; null for nowhere
   * @param total bytes, 0 if unknown
   */
  static Progress of(PrintStream err, String what, long total) {
    return new Progress(err == System.err && isTerminal() ? err : null, what, total);
  }

  /** Whether standard error is a terminal. */
  static boolean isTerminal() {
    return isTerminal(2);
  }

  /** Whether that standard stream (0, 1, 2) is a terminal; needs no native code. */
  static boolean isTerminal(int descriptor) {
    try {
      String target = Files.readSymbolicLink(Path.of("/proc/self/fd/" + descriptor)).toString();
      return target.startsWith("/dev/pts/")
          || target.startsWith("/dev/tty")
          || target.equals("/dev/console");
    } catch (IOException e) {
      return false;
    }
  }

  /** Says how many bytes are done. */
  void update(long done) {
    long now = System.nanoTime();
    if (err == null || now - printed < STEP_NANOS) {
      return;
    }
    printed = now;
    shown = true;
    err.print("\r" + line(what, done, total, now - start) + "\u001b[K");
    err.flush();
  }

  static String line(String what, long done, long total, long nanos) {
    String share = total > 0 ? " " + Math.min(100, done * 100 / total) + " %" : "";
    long perSecond = nanos > 0 ? (long) (done * 1e9 / nanos) : 0;
    return what + share + "  " + SizeText.format(done) + "  " + SizeText.format(perSecond) + "/s";
  }

  @Override
  public void close() {
    if (shown) {
      err.print("\r\u001b[K");
      err.flush();
    }
  }
}
