package io.tidemark.node.run;

import io.tidemark.database.WriteAuthority;
import io.tidemark.node.ReplicationView;
import io.tidemark.node.StreamDoor;
import io.tidemark.node.cluster.ClusterControl;
import io.tidemark.node.cluster.WriteDoor;
import io.tidemark.node.halt.Halts;
import io.tidemark.stream.receive.FollowStatus;

/** This node among the others: its role, whom it follows, and whom it serves. */
interface Replication extends AutoCloseable {
  /** Begins; to be called when the mount is there. */
  void start();

  /** Whether programs may write here. */
  boolean isPrimary();

  /**
   * Whether programs may write here at this moment. A primary may not while it hands over, or while
   * too few nodes are in sync: programs would wait there, or fail if they have begun to read.
   */
  boolean mayWrite();

  /**
   * Who hears when that, or where the primary is, may have changed, and what is closed while this
   * node hands over; before {@link #start}.
   */
  void atTheDoor(Runnable listener, WriteDoor door);

  /** The primary's name for people; null if none is known. */
  String primaryHostname();

  /** Where the primary is reached; null if that is not known. */
  String primaryUrl();

  /** Asked for each transaction. */
  WriteAuthority authority();

  Halts halts();

  /** Where connections of other nodes go; null if this node takes none. */
  StreamDoor door();

  /** Whether this node follows a primary, or will. */
  boolean isFollowing();

  /** How far a replica is behind, as {@link FollowStatus#lagNanos}; 0 on the primary. */
  long lagNanos();

  ReplicationView view();

  /** Null with a static lease. */
  ClusterControl cluster();

  /** Before the mount goes: what follows the primary uses files of it. */
  void stopFollowing();

  /** When nothing is committed any more: replicas get the rest, then the connections end. */
  @Override
  void close();
}
