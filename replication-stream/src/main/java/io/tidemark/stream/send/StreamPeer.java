package io.tidemark.stream.send;

import io.tidemark.stream.Hello;
import io.tidemark.stream.Position;
import java.util.Map;

/** A node that is connected to this primary and has said where its logs end. */
public interface StreamPeer {
  Hello hello();

  /** Where its logs ended, on its disk, when it connected; by database. */
  Map<String, Position> ends();

  /** Whether its streams have begun. */
  boolean isOpen();

  /** Lets its streams begin. */
  void open();

  ReplicaStatus status();
}
