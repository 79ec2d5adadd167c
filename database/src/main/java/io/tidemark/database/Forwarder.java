package io.tidemark.database;

import java.nio.file.Path;

/**
 * Carries the transactions that programs commit on a replica under the halt lock to the primary.
 * Called under the lock of the database: what it does takes a bounded time.
 */
public interface Forwarder {
  /**
   * Asked before a transaction is encoded.
   *
   * @throws RefusedException (READ_ONLY) when the halt lock is not held any more
   */
  void check() throws RefusedException;

  /**
   * Returns when the primary has the transaction on its disk. After any exception nothing is
   * forwarded any more; the primary may have it all the same if the answer was lost, and then it
   * comes with the stream.
   *
   * @param ltx one LTX file with one transaction
   * @param base what it builds on
   * @param epoch of the primary in which it is to be committed
   * @throws RefusedException when the primary refuses, or does not answer
   */
  void forward(Path ltx, LogPosition base, long epoch) throws RefusedException;
}
