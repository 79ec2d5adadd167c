package io.tidemark.proxy;

import io.netty.channel.Channel;
import io.netty.channel.EventLoop;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** Connections of one event loop that nobody uses at the moment, the last used first. */
final class UpstreamPool {
  private static final int MOST_IDLE = 512;
  private static final long LONGEST_IDLE_NANOS = TimeUnit.SECONDS.toNanos(30);

  private final EventLoop loop;
  private final ProxySettings.Limits limits;
  private final Map<Endpoint, Deque<Upstream>> idle = new HashMap<>();

  UpstreamPool(EventLoop loop, ProxySettings.Limits limits) {
    this.loop = loop;
    this.limits = limits;
  }

  /**
   * @param maxIdleNanos how long ago its last use may be
   * @return null if there is none
   */
  Upstream take(Endpoint endpoint, long maxIdleNanos) {
    Deque<Upstream> waiting = idle.get(endpoint);
    if (waiting == null) {
      return null;
    }
    Upstream last = waiting.peekLast();
    while (last != null && !last.isOpen()) {
      waiting.pollLast();
      last = waiting.peekLast();
    }
    if (last == null || System.nanoTime() - last.idleSince() > maxIdleNanos) {
      return null;
    }
    return waiting.pollLast();
  }

  /**
   * Makes a connection.
   *
   * @param type of channels that the event loop can serve
   */
  Connecting connect(Endpoint endpoint, Class<? extends Channel> type, Connecting.Result result) {
    Connecting connecting =
        new Connecting(endpoint, loop, type, result, () -> new Upstream(endpoint, this, limits));
    connecting.start();
    return connecting;
  }

  /** Its exchange has ended, and both sides keep the connection. */
  void release(Upstream upstream) {
    Deque<Upstream> waiting =
        idle.computeIfAbsent(upstream.endpoint(), endpoint -> new ArrayDeque<>());
    if (waiting.size() >= MOST_IDLE || !upstream.isOpen()) {
      upstream.close();
    } else {
      upstream.idle(System.nanoTime());
      waiting.addLast(upstream);
    }
  }

  void remove(Upstream upstream) {
    Deque<Upstream> waiting = idle.get(upstream.endpoint());
    if (waiting != null) {
      waiting.remove(upstream);
    }
  }

  /** Closes what was not used for long. */
  void sweep(long now) {
    List<Upstream> old = new ArrayList<>(0);
    for (Deque<Upstream> waiting : idle.values()) {
      while (!waiting.isEmpty() && now - waiting.peekFirst().idleSince() > LONGEST_IDLE_NANOS) {
        old.add(waiting.pollFirst());
      }
    }
    idle.values().removeIf(Deque::isEmpty);
    old.forEach(Upstream::close);
  }

  void close() {
    List<Upstream> all = new ArrayList<>();
    idle.values().forEach(all::addAll);
    idle.clear();
    all.forEach(Upstream::close);
  }
}
