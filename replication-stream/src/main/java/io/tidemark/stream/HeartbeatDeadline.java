package io.tidemark.stream;

/**
 * Whether a peer is still there, judged by when something was last heard of it. Any frame counts,
 * not only heartbeats: a peer whose data come in is alive even if its heartbeats queue behind them.
 *
 * <p>Times are monotonic nanoseconds of this node, which may overflow. Nothing that has to be safe
 * rests on this: it only ends connections.
 *
 * @param intervalNanos how often the peer sends a heartbeat, at least 1
 * @param deadlineNanos silence after which it is given up, more than twice the interval
 */
public record HeartbeatDeadline(long intervalNanos, long deadlineNanos) {

  /** What silence means. */
  public enum State {
    /** Heard of within two intervals. */
    OK,
    /** At least one heartbeat is overdue. */
    LATE,
    /** The connection is to be closed. */
    DEAD
  }

  public HeartbeatDeadline {
    if (intervalNanos < 1
        || intervalNanos > Long.MAX_VALUE / 2
        || deadlineNanos <= 2 * intervalNanos) {
      throw new IllegalArgumentException(
          "heartbeats every "
              + intervalNanos
              + " ns with a deadline of "
              + deadlineNanos
              + " ns: expected a deadline of more than two heartbeats");
    }
  }

  /** What the primary asked for. */
  public static HeartbeatDeadline of(Welcome welcome) {
    return new HeartbeatDeadline(
        welcome.heartbeatMillis() * 1_000_000, welcome.deadlineMillis() * 1_000_000);
  }

  public State state(long lastHeardNanos, long nowNanos) {
    long silence = nowNanos - lastHeardNanos;
    if (silence >= deadlineNanos) {
      return State.DEAD;
    }
    return silence > 2 * intervalNanos ? State.LATE : State.OK;
  }

  /** How long until the peer is dead if nothing comes; 0 if it is. */
  public long nanosLeft(long lastHeardNanos, long nowNanos) {
    return Math.max(0, deadlineNanos - (nowNanos - lastHeardNanos));
  }
}
