package io.tidemark.stream.receive;

import java.time.Duration;

/**
 * How a replica follows its primary.
 *
 * @param connectTimeout for the connection and the upgrade
 * @param firstRetry most that the first wait between two attempts takes
 * @param longestRetry most that any wait takes
 * @param mostQueuedBytes of records that wait in memory, over all databases; beyond, nothing more
 *     is read from the connection
 */
public record FollowOptions(
    Duration connectTimeout, Duration firstRetry, Duration longestRetry, long mostQueuedBytes) {

  public static FollowOptions defaults() {
    return new FollowOptions(
        Duration.ofSeconds(5), Duration.ofMillis(100), Duration.ofSeconds(5), 64L << 20);
  }
}
