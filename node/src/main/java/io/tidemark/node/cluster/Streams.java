package io.tidemark.node.cluster;

import io.tidemark.database.Database;
import io.tidemark.lease.protocol.ClusterRecord;
import io.tidemark.lease.protocol.LogPoint;
import io.tidemark.lease.protocol.Member;
import java.util.List;
import java.util.Map;

/** What the cluster needs of this node's connections to the others. */
interface Streams {
  /**
   * Follows a primary, and nobody else.
   *
   * @param url where it is reached; null for nobody
   */
  void follow(String url);

  /**
   * Takes from a node that follows this one what it has beyond this node's log, until {@link
   * #follow}.
   */
  void fetch(String url);

  /**
   * As a primary with a new epoch: lets members connect, anew if they were connected, and learn of
   * it. They say where their logs end, and are sent nothing until {@link Peer#open}.
   */
  void announce(ClusterRecord record);

  /**
   * The record has changed, within the epoch that was announced; all that are connected hear it.
   */
  void recordChanged(ClusterRecord record);

  /** A database has a record that members have to confirm. */
  void offered(Database database);

  /** All that this primary has inherited of a database is committed now. */
  void settled(String name);

  /** The nodes that are connected to this primary and have said where their logs end. */
  List<Peer> peers();

  /** Is not primary any more: ends what {@link #announce} began. */
  void withdraw(String why, boolean handedOver);

  /** A node that follows this one. */
  interface Peer {
    /** As it says of itself; with the token of its last request for admission, if it made one. */
    Member member();

    /** Whether it has asked, on this connection, to become a member. */
    boolean asksForAdmission();

    /** The epoch in which it follows this primary. */
    long epoch();

    String url();

    /** Newest version of the record that it knew when it connected. */
    long recordVersion();

    /** Where its logs ended when it connected. */
    Map<String, LogPoint> ends();

    boolean isOpen();

    /** Lets the stream begin. */
    void open();

    /** Why one of its databases takes nothing, or null. */
    String fault();

    /** Whether one of its databases is being replaced by a copy, or still to be compared. */
    boolean isResynchronising();

    /**
     * What it has acknowledged of a database in this epoch, as {@link #member}: on its disk up to
     * this transaction, all of it a part of this node's log, and nothing beyond.
     *
     * @return -1 for nothing
     */
    long durable(String name);

    /** The lease is about to be given up for it; it may not come to that. */
    void prepareToTakeOver();

    /** The lease is given up for it: the record says so. */
    void takeOver(ClusterRecord record);
  }
}
