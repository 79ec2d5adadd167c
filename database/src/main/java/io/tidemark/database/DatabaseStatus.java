package io.tidemark.database;

import java.time.Instant;

/**
 * A database at one moment, for people and monitoring.
 *
 * @param name path below the mount, "/" between components
 * @param epoch epoch of the last commit
 * @param txid last transaction ID, 0 before the first (printed as 16 hex digits)
 * @param checksum rolling checksum, bit 63 set; 0 before the first transaction
 * @param pageSize bytes, 512..65536; 0 before the first transaction
 * @param pageCount size of the committed image in pages
 * @param journalMode "wal" or "rollback", what page 1 says
 * @param health whether it serves writes and reads
 * @param problem why not, with the next step; null when healthy
 * @param logBytes bytes of all log segments
 * @param logSegments number of log segments
 * @param redoTxid everything up to this transaction is complete in the database file
 * @param lastCommit time of the last commit, null if none is known
 * @param inDoubt what this primary's log has and what is not known to be committed, or null
 */
public record DatabaseStatus(
    String name,
    long epoch,
    long txid,
    long checksum,
    int pageSize,
    long pageCount,
    String journalMode,
    Health health,
    String problem,
    long logBytes,
    int logSegments,
    long redoTxid,
    Instant lastCommit,
    InDoubt inDoubt) {

  /** What a database still serves. */
  public enum Health {
    /** Reads and writes. */
    OK,
    /** Reads only: a cause outside (full disk, failing log) stops writes until it is gone. */
    READ_ONLY,
    /** Nothing: its files are damaged in a way that would make reads wrong. */
    FAILED
  }
}
