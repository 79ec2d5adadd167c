package io.tidemark.stream;

import io.tidemark.ltx.Txid;

/** What a primary knows about the past of one database, for {@link CatchUp}. */
public interface PrimaryHistory {
  /** Where the log ends, {@link Position#NONE} before the first transaction. */
  Position position();

  /**
   * Whether there is a database: it had a transaction, and the last one did not delete it; or there
   * are some that are not known to be committed, whatever they did.
   */
  boolean exists();

  /**
   * The first transaction whose record the log still has, 1 to one above {@link #position}; that
   * one above when it has none.
   */
  Txid firstInLog();

  /**
   * The position after a transaction, or null if that is not known any more. It can be known
   * without the record: the log often knows what its first record builds on.
   *
   * @param txid 1 to that of {@link #position}
   */
  Position at(Txid txid);

  /**
   * Whether a replica that has nothing is there sooner with the pages than with all records: it
   * writes what a record has twice, into its log and into the database file.
   */
  default boolean isSnapshotShorter() {
    return false;
  }
}
