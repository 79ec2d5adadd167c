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
 * @param mayFoundCluster whether an empty data directory may become a new cluster
 */
public record StoreOptions(
    Path dataDir,
    boolean compress,
    Duration retention,
    long retentionBytes,
    boolean mayFoundCluster) {
  public static StoreOptions defaults(Path dataDir) {
    return new StoreOptions(dataDir, true, Duration.ofMinutes(10), 0, true);
  }
}
