package io.tidemark.stream.receive;

import io.tidemark.database.Database;
import io.tidemark.database.SnapshotSink;
import io.tidemark.stream.Id;
import io.tidemark.stream.SnapshotBegin;

/**
 * What was received of a snapshot before its connection was cut. It can go on with the same process
 * of the primary only: after a restart a primary may have lost transactions that it had not synced,
 * and a page of such a one may have travelled.
 *
 * @param database that it is meant for
 * @param number of the snapshot (SNAPSHOT_BEGIN)
 * @param primary the nonce of the primary's process
 */
record UnfinishedSnapshot(SnapshotSink sink, Database database, long number, Id primary)
    implements AutoCloseable {

  /** Whether asking that primary for the rest is of use. Differences are found anew instead. */
  boolean canGoOn(Database now, Id with) {
    return database == now && primary.equals(with) && sink.lastPage() > 0 && sink.isWhole();
  }

  /** Whether what the primary sends is that rest; else it is a new snapshot. */
  boolean isContinuedBy(SnapshotBegin begin) {
    return begin.snapshot() == number && !begin.differences();
  }

  @Override
  public void close() {
    sink.close();
  }
}
