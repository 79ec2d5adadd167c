package io.tidemark.stream;

import io.tidemark.stream.ProtocolException.Kind;
import java.util.Collections;
import java.util.HashMap;
import java.util.Map;

/**
 * Puts the {@link Positions} frames of one replica together. Single-threaded.
 *
 * <p>Each frame is bounded, their number is not; the limit here bounds what a replica can make the
 * primary remember.
 */
public final class PositionMap {
  private final int maxDatabases;
  private final Map<String, Position> positions = new HashMap<>();
  private boolean complete;

  /**
   * @param maxDatabases most databases of one replica
   */
  public PositionMap(int maxDatabases) {
    this.maxDatabases = maxDatabases;
  }

  /**
   * @return whether this was the last frame
   * @throws ProtocolException when a name comes twice, there are too many, or the map was complete
   */
  public boolean add(Positions frame) {
    if (complete) {
      throw new ProtocolException(
          Kind.ORDER, "POSITIONS: found another frame, expected none after the last");
    }
    for (NamedPosition entry : frame.positions()) {
      FrameType.POSITIONS.check(
          positions.size() < maxDatabases, "databases", "more", "at most ", maxDatabases);
      Position before = positions.put(entry.name(), entry.position());
      FrameType.POSITIONS.check(before == null, "database name", entry.name(), "every name once");
    }
    complete = !frame.more();
    return complete;
  }

  /**
   * Database name to position.
   *
   * @throws IllegalStateException before the last frame
   */
  public Map<String, Position> positions() {
    if (!complete) {
      throw new IllegalStateException("the last Positions frame has not come yet");
    }
    return Collections.unmodifiableMap(positions);
  }
}
