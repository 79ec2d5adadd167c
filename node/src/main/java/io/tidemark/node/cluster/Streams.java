package io.tidemark.node.cluster;

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
   * As a new primary: lets members connect and learn of the epoch. They say where their logs end,
   * and are sent nothing until {@link Peer#open}.
   */
  void announce(ClusterRecord record);

  /** The newest record that this node knows of; it is changed by another node. */
  void known(ClusterRecord record);

  /** The record has changed, within the epoch that was announced. */
  void recordChanged(ClusterRecord record);

  /** The nodes that are connected to this primary and have said where their logs end. */
  List<Peer> peers();

  /** Is not primary any more: ends what {@link #announce} began. */
  void withdraw(String why, boolean handedOver);

  /** A node that follows this one. */
  interface Peer {
    /** As it says of itself. */
    Member member();

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

    /** Acknowledged as durable in this epoch, by database; nothing for one that it never did. */
    Map<String, Long> durable();
  }
}
