package io.tidemark.database;

import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;

/**
 * Carries the transactions that programs commit on a replica under the halt lock to the primary.
 * Called under the lock of the database.
 */
public interface Forwarder {
  /**
   * Asked before a transaction is encoded.
   *
   * @throws RefusedException (READ_ONLY) when the halt lock is not held any more
   */
  void check() throws RefusedException;

  /**
   * Sends a transaction. After any failure nothing is forwarded any more; the primary may have it
   * all the same if the answer was lost, and then it comes with the stream.
   *
   * @param ltx one LTX file with one transaction
   * @param base what it builds on
   * @param epoch of the primary in which it is to be committed
   * @return ends when the primary has committed the transaction, or with a {@link RefusedException}
   *     when it refuses or does not answer in a bounded time
   */
  CompletableFuture<Void> forward(Path ltx, LogPosition base, long epoch);
}
