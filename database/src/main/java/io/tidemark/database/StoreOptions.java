package io.tidemark.database;

import java.nio.file.Path;
import java.time.Duration;

/**
 * How a data directory is used.
 *
 * @param dataDir created if missing
 * @param compress LZ4 for the LTX records of the log
 * @param retention records younger than this are kept; zero or negative keeps them for ever
 * @param retentionBytes log bytes per database above which old segments go although they are
 *     younger; 0 = no limit
 * @param primary whether this process is the primary from its start: then it takes a new epoch, and
 *     an empty data directory becomes a new cluster. A replica takes epoch and cluster from the
 *     primary that it follows
 */
public record StoreOptions(
    Path dataDir, boolean compress, Duration retention, long retentionBytes, boolean primary) {
  public static StoreOptions defaults(Path dataDir) {
    return new StoreOptions(dataDir, true, Duration.ofMinutes(10), 0, true);
  }
}
