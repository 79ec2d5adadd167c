package io.tidemark.node.halt;

import io.tidemark.database.LogPosition;
import java.io.IOException;
import java.nio.file.Path;

/** The halt locks of a node in its role. Safe for all threads; calls may wait for seconds. */
public interface Halts extends AutoCloseable {
  /**
   * Takes the lock of one database, or renews it.
   *
   * @param name of the database
   * @param id 16 hex digits, chosen by who asks
   */
  HaltGrant take(String name, String id) throws HaltRefusedException, IOException;

  /**
   * Gives the lock back.
   *
   * @return false if it was not held by that id
   */
  boolean release(String name, String id);

  /**
   * A transaction of the holder.
   *
   * @param epoch of the primary that the sender knows
   * @param sequence 1 for the first transaction under this lock, then one more for each; a repeated
   *     one with the same content gets the same answer
   * @param base what it builds on
   */
  record Transaction(String name, String id, long epoch, long sequence, LogPosition base) {}

  /**
   * Commits a transaction of the holder.
   *
   * @param ltx one LTX file
   * @return where the database is after it
   */
  LogPosition commit(Transaction transaction, Path ltx) throws HaltRefusedException, IOException;

  /** Ends all locks. */
  @Override
  void close();
}
