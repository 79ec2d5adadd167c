package io.tidemark.proxy;

import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;

/** What a proxy has done since its start. Safe for all threads. */
public final class ProxyCounters {
  /** How a request ended. */
  public enum Outcome {
    /** The application of this node answered a read. */
    READ,
    /** It answered a write. */
    WRITE,
    /** It answered what is only passed on. */
    PASSTHROUGH,
    /** The primary's answer was passed on. */
    FORWARDED,
    /** Fly's router was told where to send it. */
    REPLAYED,
    /** The health check. */
    HEALTH,
    /** It was no valid request. */
    MALFORMED,
    /** There was no memory for it. */
    BUSY,
    /** It did not come, or was not answered, in time. */
    TIMED_OUT,
    /** This node did not get what the client had seen. */
    BEHIND,
    /** Nobody could write. */
    NO_PRIMARY,
    /** The application or the primary could not be reached, or broke off. */
    BAD_GATEWAY,
    /** The client went away. */
    ABORTED
  }

  private final Map<Outcome, LongAdder> outcomes = new EnumMap<>(Outcome.class);
  final LongAdder connections = new LongAdder();
  final LongAdder refusedConnections = new LongAdder();
  final LongAdder waited = new LongAdder();
  final LongAdder waitedNanos = new LongAdder();
  final LongAdder held = new LongAdder();
  final LongAdder heldNanos = new LongAdder();
  final LongAdder retried = new LongAdder();
  final LongAdder tunnels = new LongAdder();

  ProxyCounters() {
    for (Outcome outcome : Outcome.values()) {
      outcomes.put(outcome, new LongAdder());
    }
  }

  void count(Outcome outcome) {
    outcomes.get(outcome).increment();
  }

  /** Requests that ended so. */
  public long requests(Outcome outcome) {
    return outcomes.get(outcome).sum();
  }

  /** Connections of clients that are open. */
  public long connections() {
    return connections.sum();
  }

  /** Connections that were refused because there were too many. */
  public long refusedConnections() {
    return refusedConnections.sum();
  }

  /** Reads that had to wait for what their client had seen. */
  public long waited() {
    return waited.sum();
  }

  /** Their time together, in nanoseconds. */
  public long waitedNanos() {
    return waitedNanos.sum();
  }

  /** Requests that were held because nobody could write at first. */
  public long held() {
    return held.sum();
  }

  /** Their time together, in nanoseconds. */
  public long heldNanos() {
    return heldNanos.sum();
  }

  /** Requests that were sent again after a connection had broken. */
  public long retried() {
    return retried.sum();
  }

  /** Connections that have left HTTP and are passed on, such as WebSockets. */
  public long tunnels() {
    return tunnels.sum();
  }
}
