package io.tidemark.stream.receive;

import io.tidemark.stream.LagMeter;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * How far a replica is behind its primary. Outlives connections: while there is none, the lag
 * grows. Times are {@link System#nanoTime}.
 */
final class FollowLag {
  private final Map<String, LagMeter> databases = new ConcurrentHashMap<>();
  private volatile long lastSign;
  private volatile boolean everHeard;

  /** The meter of a database. */
  LagMeter database(String name) {
    return databases.computeIfAbsent(name, unused -> new LagMeter());
  }

  /** The primary says what this node has to do with a database. */
  void planned(String name) {
    database(name).unplanned(lastSign, everHeard);
  }

  /** A frame came from a primary that has said of every database what is to be done. */
  void heard(long nowNanos) {
    lastSign = nowNanos;
    everHeard = true;
  }

  /**
   * The lag of the database that is furthest behind, or the silence of the primary if that is
   * longer.
   *
   * @param graceNanos silence that says nothing: two heartbeats while connected, else 0
   * @return nanoseconds; {@link LagMeter#UNKNOWN} before this node has been up to date with every
   *     database
   */
  long nanos(long graceNanos, long nowNanos) {
    if (!everHeard) {
      return LagMeter.UNKNOWN;
    }
    long most = silence(graceNanos, nowNanos);
    for (LagMeter meter : databases.values()) {
      long lag = meter.nanos(nowNanos);
      if (lag == LagMeter.UNKNOWN) {
        return LagMeter.UNKNOWN;
      }
      most = Math.max(most, lag);
    }
    return most;
  }

  /** The same for each database by name. */
  Map<String, Long> byDatabase(long graceNanos, long nowNanos) {
    Map<String, Long> all = new HashMap<>();
    long silence = silence(graceNanos, nowNanos);
    databases.forEach(
        (name, meter) -> {
          long lag = meter.nanos(nowNanos);
          boolean unknown = !everHeard || lag == LagMeter.UNKNOWN;
          all.put(name, unknown ? LagMeter.UNKNOWN : Math.max(silence, lag));
        });
    return all;
  }

  private long silence(long graceNanos, long nowNanos) {
    long silence = nowNanos - lastSign;
    return silence > graceNanos ? silence : 0;
  }
}
