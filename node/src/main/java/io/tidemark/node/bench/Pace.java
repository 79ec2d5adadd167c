package io.tidemark.node.bench;

import java.util.concurrent.locks.LockSupport;

/** Something done at a steady rate: late is done at once, and the next again on time. */
final class Pace {
  /** The kernel adds about 60 us to a sleep; a reader that never sleeps would take a CPU. */
  private static final long PAUSE_NANOS = 50_000;

  private final long intervalNanos;
  private long next = System.nanoTime();

  Pace(int perSecond) {
    this.intervalNanos = 1_000_000_000L / perSecond;
  }

  /** Returns when it is time for the next. */
  void await() {
    next += intervalNanos;
    for (long left = next - System.nanoTime(); left > 0; left = next - System.nanoTime()) {
      LockSupport.parkNanos(left);
    }
  }

  /** Between two looks. */
  static void pause() {
    LockSupport.parkNanos(PAUSE_NANOS);
  }
}
