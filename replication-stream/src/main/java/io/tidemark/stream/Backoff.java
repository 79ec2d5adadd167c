package io.tidemark.stream;

import java.util.random.RandomGenerator;

/**
 * How long to wait before the next attempt to connect: twice as long each time up to a limit, less
 * a random part of up to a half, so that replicas that lost the same primary do not come back in
 * step. Single-threaded.
 */
public final class Backoff {
  private final long firstNanos;
  private final long maxNanos;
  private final RandomGenerator random;
  private long nextNanos;

  /**
   * @param firstNanos most that the first wait takes, at least 1
   * @param maxNanos most that any wait takes, not below {@code firstNanos}
   */
  public Backoff(long firstNanos, long maxNanos, RandomGenerator random) {
    if (firstNanos < 1 || maxNanos < firstNanos) {
      throw new IllegalArgumentException(
          "waits from " + firstNanos + " to " + maxNanos + " ns: expected 1 or more, rising");
    }
    this.firstNanos = firstNanos;
    this.maxNanos = maxNanos;
    this.random = random;
    this.nextNanos = firstNanos;
  }

  /** The next wait in nanoseconds, from half of its limit to all of it. */
  public long next() {
    long limit = nextNanos;
    nextNanos = limit > maxNanos / 2 ? maxNanos : limit * 2;
    return limit - random.nextLong(limit / 2 + 1);
  }

  /** After a success: begins with short waits again. */
  public void reset() {
    nextNanos = firstNanos;
  }
}
