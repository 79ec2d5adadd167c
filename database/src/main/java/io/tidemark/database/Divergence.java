package io.tidemark.database;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;

/**
 * Transactions of this node that the primary does not have, kept in {@code divergent/} of the data
 * directory; the layout is in docs/LOG_FORMAT.md.
 *
 * @param name of the database, path below the mount
 * @param firstTxid first transaction whose record is kept; one above {@code lastTxid} when the log
 *     had none any more
 * @param lastTxid last transaction
 * @param firstEpoch epoch of the first record; that of the last transaction if there is none
 * @param lastEpoch epoch of the last transaction
 * @param checksum rolling checksum after the last transaction, bit 63 set
 * @param time when they were set aside; null if the description cannot be read
 * @param why in words, one line
 * @param hasDatabase whether the whole database as it was after the last transaction is kept too
 * @param bytes of all files
 * @param path directory that holds them
 */
public record Divergence(
    String name,
    long firstTxid,
    long lastTxid,
    long firstEpoch,
    long lastEpoch,
    long checksum,
    Instant time,
    String why,
    boolean hasDatabase,
    long bytes,
    Path path) {

  /** Name of its directory, unique in a data directory. */
  public String id() {
    return path.getFileName().toString();
  }

  /** The database after the last transaction; there only if {@link #hasDatabase}. */
  public Path databaseFile() {
    return path.resolve(Divergences.DATABASE);
  }

  /** Reads the records, exactly as the log had them. */
  public LogReader records() throws IOException {
    return LogReader.ofDirectory(path.resolve(Divergences.LOG), name);
  }
}
