package io.tidemark.stream.receive;

import io.tidemark.stream.Welcome;
import java.util.Map;

/**
 * A moment's view of a replica's connection.
 *
 * @param url of the primary
 * @param primary who it is, or null while not connected
 * @param silenceNanos since anything was heard of it
 * @param roundTripNanos of the last heartbeat, 0 before the first
 * @param failure why there is no connection, or null
 * @param problems databases that take nothing now, with the reason
 * @param lagNanos how long ago this node last had and showed all that the primary had; 0 while it
 *     does, {@link io.tidemark.stream.LagMeter#UNKNOWN} before it did for the first time
 * @param databaseLagNanos the same for each database that the primary has named
 */
public record FollowStatus(
    String url,
    Welcome primary,
    long silenceNanos,
    long roundTripNanos,
    String failure,
    Map<String, String> problems,
    long lagNanos,
    Map<String, Long> databaseLagNanos) {

  public boolean isConnected() {
    return primary != null;
  }
}
