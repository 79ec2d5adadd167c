package io.tidemark.lease;

import java.time.Duration;

/**
 * What follows from the time for which a lease is granted.
 *
 * @param ttl how long the store keeps the lease after a renewal, as granted and not as asked for
 * @param renewEvery from the start of one renewal to the start of the next: a fifth of the TTL
 * @param timeout of one renewal: a fifth of the TTL, so that four may fail in a row
 * @param margin by which the holder gives up before the store does: a fifth of the TTL but at least
 *     a second, for clocks of different speed and for the last commit to be answered; never more
 *     than half the TTL
 */
public record LeaseTimes(Duration ttl, Duration renewEvery, Duration timeout, Duration margin) {
  private static final Duration LEAST_MARGIN = Duration.ofSeconds(1);

  /**
   * @throws IllegalArgumentException if the TTL is not positive
   */
  public static LeaseTimes of(Duration ttl) {
    if (ttl.isZero() || ttl.isNegative()) {
      throw new IllegalArgumentException("the TTL of a lease is positive, not " + ttl);
    }
    Duration fifth = ttl.dividedBy(5);
    Duration half = ttl.dividedBy(2);
    Duration margin = fifth.compareTo(LEAST_MARGIN) < 0 ? LEAST_MARGIN : fifth;
    return new LeaseTimes(ttl, fifth, fifth, margin.compareTo(half) < 0 ? margin : half);
  }

  /**
   * The moment from which the lease must be taken for lost.
   *
   * @param sentAt {@link BootClock#nanos} before the request was sent that the store has granted:
   *     the store counts from a later moment
   */
  public long deadline(long sentAt) {
    return sentAt + ttl.minus(margin).toNanos();
  }
}
