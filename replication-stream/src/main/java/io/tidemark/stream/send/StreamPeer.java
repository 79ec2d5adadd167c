package io.tidemark.stream.send;

import io.tidemark.stream.Hello;
import io.tidemark.stream.Id;
import io.tidemark.stream.Position;
import io.tidemark.stream.Standing;
import java.util.Map;

/**
 * A node that is connected to this primary and has said where its logs end. All of it ends with the
 * connection. May be used by any thread.
 */
public interface StreamPeer {
  Hello hello();

  /** The epoch of this primary in which it acknowledges; a later one has other connections. */
  long epoch();

  /**
   * Token with which it has asked on this connection to be admitted, the last one; {@link Id#NONE}
   * if it has not. If there is one, acknowledgements are those of the member with this token, else
   * those of the one that {@link #hello} names.
   */
  Id admission();

  /**
   * Where its logs ended, on its disk, when it connected; by database. It had made the epoch of
   * this primary durable before.
   */
  Map<String, Position> ends();

  /** Whether its streams may begin. */
  boolean isOpen();

  /** Lets its streams begin. */
  void open();

  /** Tells it what it is in the record. Every change has to be told, in order. */
  void tell(Standing standing);

  /**
   * Tells it that this node has handed over to it.
   *
   * @param recordVersion of the record that says so
   */
  void handoff(long recordVersion);

  /**
   * What it has acknowledged of a database on this connection, as the member that it is now: its
   * log is on its disk up to this TXID, all of it is a part of this primary's log, and nothing lies
   * beyond.
   *
   * @return -1 if it has acknowledged nothing, or is being sent a copy
   */
  long durable(String database);

  /**
   * Whether there is a database of which it was not told yet what to do, or is being sent a copy,
   * goes back, or has not acknowledged that it has done what it was told.
   */
  boolean isResynchronising();

  /**
   * Why a database cannot be sent to it, the first one; null if all can. One that it cannot take is
   * known by its silence: it acknowledges nothing more of it.
   */
  String fault();

  ReplicaStatus status();
}
