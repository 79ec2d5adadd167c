package io.tidemark.stream.send;

import java.time.Duration;

/**
 * How a primary serves its replicas.
 *
 * @param heartbeat interval of heartbeats
 * @param deadline silence after which a replica is given up, at least three heartbeats
 * @param windowBytes most bytes under way for each database of each replica
 * @param compressPages whether pages of snapshots are sent with LZ4
 * @param compressRecords whether records are; pointless when the log has them compressed
 * @param mostReplicas connections at the same time
 * @param mostDatabases that one replica may name
 */
public record SendOptions(
    Duration heartbeat,
    Duration deadline,
    long windowBytes,
    boolean compressPages,
    boolean compressRecords,
    int mostReplicas,
    int mostDatabases) {

  public static SendOptions defaults() {
    return new SendOptions(
        Duration.ofSeconds(1), Duration.ofSeconds(10), 4 << 20, false, false, 64, 100_000);
  }
}
