package io.tidemark.database;

import java.util.concurrent.atomic.LongAdder;

/** Counters of one database since the process started. */
public final class DatabaseMetrics {
  public final LongAdder commits = new LongAdder();
  public final LongAdder refusedCommits = new LongAdder();
  public final LongAdder databaseWrites = new LongAdder();
  public final LongAdder journalWrites = new LongAdder();
  public final LongAdder walWrites = new LongAdder();
  public final LongAdder shmWrites = new LongAdder();
  public final LongAdder logBytesWritten = new LongAdder();
  public final LongAdder logSyncs = new LongAdder();
  public final LongAdder logSyncFailures = new LongAdder();
  public final LongAdder segmentsReaped = new LongAdder();

  /** Whole or differing pages that were sent to a replica, to the end. */
  public final LongAdder snapshotsSent = new LongAdder();

  /** The same, received from a primary and put in place. */
  public final LongAdder snapshotsReceived = new LongAdder();

  /** Capture of one transaction: from the request that committed it to its record in the log. */
  public final Histogram commitLatency = new Histogram();

  /** One sync of the log to the disk. */
  public final Histogram syncLatency = new Histogram();

  /** On a primary that commits in sync: how long one commit waited for other nodes' disks. */
  public final Histogram ackLatency = new Histogram();

  /** On a replica: from reading new transactions in the log to their being shown, one go. */
  public final Histogram applyLatency = new Histogram();
}
