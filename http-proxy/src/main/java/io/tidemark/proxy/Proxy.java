package io.tidemark.proxy;

import io.netty.channel.AdaptiveRecvByteBufAllocator;
import io.netty.channel.EventLoop;
import io.netty.channel.RecvByteBufAllocator;
import io.netty.channel.WriteBufferWaterMark;
import io.tidemark.proxy.LocalPositions.Mark;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;

/** What all connections of a proxy share. Safe for all threads. */
final class Proxy {
  /** Bytes that may wait to be sent on one connection; above, its source is not read. */
  static final WriteBufferWaterMark WATER_MARK = new WriteBufferWaterMark(16 << 10, 32 << 10);

  private static final RecvByteBufAllocator RECEIVE_BUFFERS =
      new AdaptiveRecvByteBufAllocator(512, 2 << 10, 16 << 10);

  /** Without a choice in the configuration the cookie has all databases, if they are so few. */
  private static final int FEW_DATABASES = 8;

  final ProxySettings settings;
  final LocalPositions positions;
  final Primaries primaries;
  final Lag lag;
  final Routing routing;
  final Endpoint target;
  final String pseudonym;
  final ProxyCounters counters = new ProxyCounters();
  final CauseLog causes = new CauseLog();
  final MemoryBudget memory;
  private final Map<EventLoop, Loop> loops = new ConcurrentHashMap<>();

  /** The same in an array, which is read without making anything. */
  private volatile Loop[] all = {};

  private final AtomicInteger localWrites = new AtomicInteger();
  private volatile boolean writesHeld;
  private volatile boolean draining;

  Proxy(ProxySettings settings, LocalPositions positions, Primaries primaries, Lag lag) {
    this.settings = settings;
    this.positions = positions;
    this.primaries = primaries;
    this.lag = lag;
    this.routing = new Routing(settings.passthrough(), settings.alwaysForward());
    this.target = new Endpoint(settings.targetHost(), settings.targetPort(), null);
    this.memory =
        new MemoryBudget(
            settings.limits().maxHeads(),
            settings.limits().easyBuffers(),
            settings.limits().maxBuffers());
    this.pseudonym = "tidemark-" + settings.nodeName();
    positions.onAdvance(this::positionsChanged);
    primaries.onChange(this::writerChanged);
  }

  /** On the way of every commit: looks at one word for each event loop, and makes nothing. */
  private void positionsChanged() {
    for (Loop loop : all) {
      loop.positionsChanged();
    }
  }

  private void writerChanged() {
    for (Loop loop : all) {
      loop.writerChanged();
    }
  }

  static RecvByteBufAllocator receiveBuffers() {
    return RECEIVE_BUFFERS;
  }

  /** To be called by that event loop. */
  Loop loop(EventLoop executor) {
    Loop known = loops.get(executor);
    return known == null ? newLoop(executor) : known;
  }

  private synchronized Loop newLoop(EventLoop executor) {
    Loop made = new Loop(executor, settings.limits(), causes);
    loops.put(executor, made);
    Loop[] more = Arrays.copyOf(all, all.length + 1);
    more[all.length] = made;
    all = more;
    return made;
  }

  // ------------------------------------------------------------------- who writes

  /** A request that writes goes to the application; false if it may not now. */
  boolean beginWrite() {
    localWrites.incrementAndGet();
    if (writesHeld) {
      localWrites.decrementAndGet();
      return false;
    }
    return true;
  }

  void endWrite() {
    localWrites.decrementAndGet();
  }

  /** See {@link ProxyServer#holdWrites}. */
  boolean holdWrites() {
    writesHeld = true;
    return localWrites.get() == 0;
  }

  void releaseWrites() {
    writesHeld = false;
    writerChanged();
  }

  // -------------------------------------------------------------------- positions

  /** Whether programs here find what a client has seen. */
  boolean hasReached(List<PositionCookie.Seen> seen) {
    for (PositionCookie.Seen each : seen) {
      String name = each.database() == null ? firstDatabase() : each.database();
      Mark here = name == null ? null : positions.mark(name);
      if (here != null && !each.isReachedBy(here)) {
        return false;
      }
    }
    return true;
  }

  private String firstDatabase() {
    if (!settings.databases().isEmpty()) {
      return settings.databases().get(0);
    }
    List<String> all = positions.databases();
    return all.size() == 1 ? all.get(0) : null;
  }

  /** The Set-Cookie header after a write here; null for none. */
  String cookie() {
    List<String> names = settings.databases();
    if (names.isEmpty()) {
      names = positions.databases();
      if (names.size() > FEW_DATABASES) {
        causes.warn(
            "no __txid cookie is set",
            "there are more than "
                + FEW_DATABASES
                + " databases. Name those that matter to readers in proxy.db.");
        return null;
      }
    }
    Map<String, Mark> marks = new TreeMap<>();
    for (String name : names) {
      Mark mark = positions.mark(name);
      if (mark != null) {
        marks.put(name, mark);
      }
    }
    return PositionCookie.header(marks);
  }

  // ---------------------------------------------------------------------- the end

  boolean isDraining() {
    return draining;
  }

  void drain() {
    draining = true;
    for (Loop loop : all) {
      loop.drain();
    }
    writerChanged();
  }

  void close() {
    for (Loop loop : all) {
      loop.close();
    }
  }
}
