package io.tidemark.lease;

import java.time.Duration;

/** What the store has said to a renewal. */
public sealed interface Renewal {
  /**
   * The store still has the ownership as ours.
   *
   * @param sentAt {@link BootClock#nanos} before the request was sent
   * @param ttl as granted, counted from no earlier than {@code sentAt}
   */
  record Renewed(long sentAt, Duration ttl) implements Renewal {}

  /** The ownership is not ours any more and will never be again under this lease. */
  record Lost(String reason) implements Renewal {}
}
