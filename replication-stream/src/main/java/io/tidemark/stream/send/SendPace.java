package io.tidemark.stream.send;

/**
 * When transactions that were committed are sent: at once if commits are rare, and several together
 * if they follow one another quickly. Each time something is sent, threads of both nodes wake up,
 * and the replica syncs its disk; what is sent together shares all of that.
 *
 * <p>Between two times there is a gap, which follows the rate. It is one millisecond as long as the
 * rate is not high, so that what follows a burst of a few comes soon. Pure; times are {@link
 * System#nanoTime}.
 */
final class SendPace {
  static final long SHORTEST_NANOS = 1_000_000;

  static final long LONGEST_NANOS = 4_000_000;

  /** The rate is looked at after so long, so that two that come together are no load. */
  private static final long WINDOW_NANOS = 8_000_000;

  /** A rate over longer than this says nothing about now. */
  private static final long IDLE_NANOS = 40_000_000;

  private static final long SECOND = 1_000_000_000;

  /** Transactions in a second from which on the gap grows, and below which it shrinks. */
  private static final long MANY = 750;

  private static final long FEW = 600;

  private long gap = SHORTEST_NANOS;
  private long last;
  private long counted;
  private long countedSince;

  /**
   * @param nowNanos what comes now can be sent at once
   */
  SendPace(long nowNanos) {
    last = nowNanos - LONGEST_NANOS;
    countedSince = nowNanos;
  }

  /** How long what was committed has to wait, in nanoseconds; 0 or less: not at all. */
  long waitNanos(long nowNanos) {
    return last + gap - nowNanos;
  }

  /** Whether more is expected at the end of the gap: nobody needs to say so. */
  boolean isBusy() {
    return gap > SHORTEST_NANOS;
  }

  /**
   * The end of the gap has come.
   *
   * @param transactions that were sent since the last time
   */
  void next(long nowNanos, long transactions) {
    last = nowNanos;
    counted += transactions;
    long elapsed = nowNanos - countedSince;
    if (elapsed < WINDOW_NANOS) {
      return;
    }
    if (elapsed > IDLE_NANOS) {
      gap = SHORTEST_NANOS;
    } else if (counted * SECOND >= elapsed * MANY) {
      gap = Math.min(gap * 2, LONGEST_NANOS);
    } else if (counted * SECOND < elapsed * FEW) {
      gap = Math.max(gap / 2, SHORTEST_NANOS);
    }
    counted = 0;
    countedSince = nowNanos;
  }
}
