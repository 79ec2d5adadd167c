package io.tidemark.node.cluster;

import io.tidemark.lease.protocol.Eligibility;
import io.tidemark.lease.protocol.LogPoint;
import java.io.IOException;
import java.util.Map;

/** What the cluster needs of this node's databases. */
interface LocalData {
  long nodeId();

  /** 0 for an empty data directory. */
  long clusterId();

  /** The id under which this node would found a cluster. */
  long foundingId();

  long incarnation();

  /** The newest epoch that is durable here, 0 if none. */
  long epoch();

  /** What is known of each database, for an election. */
  Map<String, Eligibility.Database> databases();

  /** The end of each database's log, on disk. */
  Map<String, LogPoint> ends();

  /** What is committed and shown of each database. */
  Map<String, LogPoint> positions();

  /** Makes an epoch of a cluster durable: nobody of an older one is listened to any more. */
  void followEpoch(long clusterId, long epoch) throws IOException;

  /** Shows everything that the logs have, then lets programs write. */
  void becomePrimary(long epoch) throws IOException;

  /** Programs may not write any more; what they had not committed is undone. */
  void becomeReplica();

  /**
   * Tries to keep programs from writing, in all databases: they wait as long as their busy timeouts
   * say.
   *
   * @return false if one is writing just now; {@link #releaseWriters} gives up what was taken
   */
  boolean tryHoldWriters() throws IOException;

  /** Programs may write again, as far as the role lets them. */
  void releaseWriters();
}
