package io.tidemark.stream.receive;

import io.tidemark.stream.Welcome;
import java.util.Map;

/**
 * A moment's view of a replica's connection.
 *
 * @param address of the primary
 * @param primary who it is, or null while not connected
 * @param silenceNanos since anything was heard of it
 * @param roundTripNanos of the last heartbeat, 0 before the first
 * @param failure why there is no connection, or null
 * @param problems databases that take nothing now, with the reason
 */
public record FollowStatus(
    String address,
    Welcome primary,
    long silenceNanos,
    long roundTripNanos,
    String failure,
    Map<String, String> problems) {

  public boolean isConnected() {
    return primary != null;
  }
}
