package io.tidemark.stream.send;

import io.tidemark.stream.Ack;
import io.tidemark.stream.Hello;
import java.util.Map;

/**
 * A moment's view of a connected replica.
 *
 * @param hello who it is
 * @param remote its address
 * @param connectedMillis when it came, milliseconds since 1970
 * @param roundTripNanos of the last heartbeat, 0 before the first
 * @param databases by name, how far each is
 */
public record ReplicaStatus(
    Hello hello,
    String remote,
    long connectedMillis,
    long roundTripNanos,
    Map<String, DatabaseProgress> databases) {

  /**
   * How far a replica is with one database.
   *
   * @param acknowledged what it said last, or null
   * @param problem why this node cannot send the database, or null
   * @param lagNanos how long ago it last showed all that this node had, 0 while it does, {@link
   *     io.tidemark.stream.LagMeter#UNKNOWN} before it did for the first time
   */
  public record DatabaseProgress(Ack acknowledged, String problem, long lagNanos) {}
}
