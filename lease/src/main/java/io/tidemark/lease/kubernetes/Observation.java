package io.tidemark.lease.kubernetes;

import java.time.Duration;

/**
 * Since when an object has been seen unchanged. A holder is alive until its object has been seen
 * unchanged for the whole duration of the lease, measured with the observer's own clock: the times
 * in the object are those of another machine's clock, and nobody knows how wrong that one is.
 *
 * <p>Safe because the holder counts from before it sent the change that was seen, less a margin,
 * and because taking over names the version that was seen.
 */
final class Observation {
  private final Duration usual;
  private String seen = "";
  private long since;

  /**
   * @param usual how long a holder is alive whose object does not say it
   */
  Observation(Duration usual) {
    this.usual = usual;
  }

  /**
   * Takes note of an object and tells whether its holder is alive.
   *
   * @param now after the object was received
   */
  synchronized boolean isHolderAlive(LeaseObject object, long now) {
    String version = object.uid() + "/" + object.version();
    if (!version.equals(seen)) {
      seen = version;
      since = now;
    }
    Duration lasts = object.duration().isZero() ? usual : object.duration();
    return object.namedOwner().isPresent() && now - since < lasts.toNanos();
  }
}
