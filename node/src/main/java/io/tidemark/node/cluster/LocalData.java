package io.tidemark.node.cluster;

import io.tidemark.database.CommitGate;
import io.tidemark.database.Database;
import io.tidemark.database.InDoubt;
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

  /** The end of each database's log. */
  Map<String, LogPoint> ends();

  /**
   * The last transaction of each database's log, on disk when this returns. A database whose log
   * cannot be made durable is left out and not served.
   */
  Map<String, Long> inherit();

  /** The last transaction of a database that is on this node's disk; 0 if none. */
  long durable(String name);

  /** What is known to be committed of a database; 0 for nothing. */
  long committed(String name);

  /** Whether the log of a database still has all records after a transaction. */
  boolean hasRecordsAfter(String name, long txid);

  /**
   * How much of a database another node certainly shares.
   *
   * @param end where its log ends
   * @return the last transaction up to which its log and this node's are equal, or less
   */
  long sharedWith(String name, LogPoint end);

  /** Why a database cannot be served here; null if all can. */
  String fault();

  /** Decides from now on when a transaction is committed. */
  void commitGate(CommitGate gate);

  /** As {@link Database#committedUpTo}. */
  void committedUpTo(String name, long epoch, long txid);

  /**
   * Shows what was in doubt and is committed; may wait for readers.
   *
   * @return whether everything up to that transaction is shown
   */
  boolean settle(String name, long txid) throws IOException;

  /** What this primary has appended and does not know to be committed, by database. */
  Map<String, InDoubt> doubts();

  /** Cuts off what is in doubt after a transaction, durably. */
  void cutAfter(String name, long txid) throws IOException;

  /** What is committed and shown of each database. */
  Map<String, LogPoint> positions();

  /** Makes an epoch of a cluster durable: nobody of an older one is listened to any more. */
  void followEpoch(long clusterId, long epoch) throws IOException;

  /**
   * Shows everything that counts. Programs may write, as far as the gate and the authority let
   * them. Again with a later epoch when one is taken.
   */
  void becomePrimary(long epoch) throws IOException;

  /** Programs may not write any more; what they had not committed is undone. */
  void becomeReplica();

  /**
   * Keeps programs from writing, in all databases: they wait as long as their busy timeouts say.
   *
   * @return false if one is writing just now: ask again
   */
  boolean holdWriters();

  /** Programs may write again, as far as the role lets them. */
  void releaseWriters();
}
