package io.tidemark.database;

/**
 * Hears what happens to databases. Calls come under the lock of the database: they must only take
 * note.
 */
public interface DatabaseListener {
  /** A transaction was committed. */
  default void committed(Database database) {}

  /** The content was replaced or dropped from outside the mount: old nodes are void. */
  default void replaced(Database database) {}

  /**
   * A committed WAL frame was about to be overwritten: a writer must have died between its commit
   * and its update of the wal-index.
   */
  default void walIndexSuspect(Database database) {}

  /** Bytes that programs wrote were taken back; caches of this range are wrong. */
  default void rangeReverted(Database database, long offset, long length) {}

  /** Writes outside any transaction are waiting for the writer's lock to be released. */
  default void unjournaledWrites(Database database) {}
}
