package io.tidemark.node.http;

import java.time.Duration;

/**
 * What a client may cost.
 *
 * @param maxLine bytes of the request line
 * @param maxHeaders bytes of all headers together
 * @param maxImport bytes of an imported database
 * @param maxConnections connections at the same time
 * @param requestTimeout longest time from connecting, or from the end of the last answer, to a
 *     complete request head
 * @param idleTimeout longest silence while a body or an answer is on its way
 */
public record ApiLimits(
    int maxLine,
    int maxHeaders,
    long maxImport,
    int maxConnections,
    Duration requestTimeout,
    Duration idleTimeout) {
  /** SQLite's own limit for a database, and room for honest clients. */
  public static ApiLimits defaults() {
    return new ApiLimits(
        8 << 10,
        16 << 10,
        281_474_976_579_584L,
        512,
        Duration.ofSeconds(30),
        Duration.ofSeconds(60));
  }
}
