package io.tidemark.node.run;

import java.io.IOException;
import java.time.Duration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Removes a mount that programs may still use: says who holds it, tries again for a while, and
 * detaches it when the time is over or the operator insists.
 */
final class Unmounting {
  private static final Logger LOG = LoggerFactory.getLogger(Unmounting.class);
  private static final Duration PAUSE = Duration.ofMillis(250);

  /** How it ended. */
  enum Outcome {
    CLEAN,
    DETACHED
  }

  /** Waits between tries; true ends the waiting for good, as a second signal does. */
  interface Insistence {
    boolean await(Duration pause) throws InterruptedException;
  }

  /** A clock that does not jump, in nanoseconds. */
  interface Ticker {
    long nanos();
  }

  private Unmounting() {}

  static Outcome unmount(NodeMount mount, Duration patience, Insistence insistence, Ticker ticker)
      throws InterruptedException {
    long deadline = ticker.nanos() + patience.toNanos();
    String said = "";
    while (mount.isMounted()) {
      try {
        mount.unmount();
        return Outcome.CLEAN;
      } catch (IOException e) {
        if (!e.getMessage().equals(said)) {
          said = e.getMessage();
          LOG.warn("{} Trying for {} s; a signal detaches at once.", said, patience.toSeconds());
        }
        if (insistence.await(PAUSE)) {
          return detach(mount, "as asked");
        }
      }
      if (ticker.nanos() - deadline >= 0) {
        return detach(mount, "after " + patience.toSeconds() + " s");
      }
    }
    return Outcome.CLEAN;
  }

  private static Outcome detach(NodeMount mount, String why) {
    mount.detach();
    LOG.warn(
        "Detached the mount {} while files were open. Programs that still hold them get errors;"
            + " everything committed is in the data directory.",
        why);
    return Outcome.DETACHED;
  }
}
