package io.tidemark.proxy;

import io.netty.channel.EventLoop;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * What the connections of one event loop share: upstreams, clocks, and the requests that wait for
 * something outside. Touched by that event loop only, except where said.
 */
final class Loop {
  /** How exact time limits are. */
  private static final long SWEEP_MILLIS = 100;

  private final EventLoop executor;
  private final UpstreamPool pool;
  private final CauseLog causes;
  private final Set<ClientConnection> clients = new LinkedHashSet<>();
  private final Waiters waitingForPositions = new Waiters();
  private final Waiters waitingForWriter = new Waiters();
  private final Waiters parked = new Waiters();

  /** Requests that wait for the same news, and whether that news is being looked at. */
  private static final class Waiters {
    final Set<Exchange> exchanges = new LinkedHashSet<>();
    final AtomicBoolean scheduled = new AtomicBoolean();

    /** For other threads: whether anybody has to be told. */
    volatile boolean any;
  }

  Loop(EventLoop executor, ProxySettings.Limits limits, CauseLog causes) {
    this.causes = causes;
    this.executor = executor;
    this.pool = new UpstreamPool(executor, limits);
    executor.scheduleAtFixedRate(this::sweep, SWEEP_MILLIS, SWEEP_MILLIS, TimeUnit.MILLISECONDS);
  }

  UpstreamPool pool() {
    return pool;
  }

  void add(ClientConnection client) {
    clients.add(client);
  }

  void remove(ClientConnection client) {
    clients.remove(client);
  }

  /** The exchange is told of new positions, and from time to time, until it is removed. */
  void awaitPositions(Exchange exchange) {
    add(waitingForPositions, exchange);
  }

  /** The exchange is told from time to time, until it is removed. */
  void park(Exchange exchange) {
    add(parked, exchange);
  }

  /** The same with news of who may write. */
  void awaitWriter(Exchange exchange) {
    add(waitingForWriter, exchange);
  }

  private static void add(Waiters waiters, Exchange exchange) {
    waiters.exchanges.add(exchange);
    waiters.any = true;
  }

  void remove(Exchange exchange) {
    remove(waitingForPositions, exchange);
    remove(waitingForWriter, exchange);
    remove(parked, exchange);
  }

  private static void remove(Waiters waiters, Exchange exchange) {
    if (waiters.any) {
      waiters.exchanges.remove(exchange);
      waiters.any = !waiters.exchanges.isEmpty();
    }
  }

  /** A database may have advanced. For all threads, on the way of commits. */
  void positionsChanged() {
    tell(waitingForPositions);
  }

  /** Somebody else may write. For all threads. */
  void writerChanged() {
    tell(waitingForWriter);
  }

  private void tell(Waiters waiters) {
    if (waiters.any && waiters.scheduled.compareAndSet(false, true)) {
      execute(() -> look(waiters, true));
    }
  }

  private void execute(Runnable work) {
    try {
      executor.execute(work);
    } catch (RejectedExecutionException e) {
      // The event loop has ended, and all its connections with it: there is nobody to be told.
    }
  }

  private void look(Waiters waiters, boolean news) {
    waiters.scheduled.set(false); // what comes from here on is looked at once more
    if (waiters.any) {
      long now = System.nanoTime();
      for (Exchange exchange : List.copyOf(waiters.exchanges)) {
        exchange.lookAgain(now, news);
      }
    }
  }

  private void sweep() {
    try {
      sweepAll();
    } catch (RuntimeException e) {
      causes.failed("looking after connections failed", e); // the next look comes all the same
    }
  }

  private void sweepAll() {
    long now = System.nanoTime();
    look(waitingForPositions, false);
    look(waitingForWriter, false);
    look(parked, false);
    List<ClientConnection> late = null;
    for (ClientConnection client : clients) {
      if (client.isLate(now)) {
        late = late == null ? new ArrayList<>() : late;
        late.add(client);
      }
    }
    if (late != null) {
      late.forEach(client -> client.late(now));
    }
    pool.sweep(now);
  }

  /** Lets clients go that want nothing at the moment. For all threads. */
  void drain() {
    execute(() -> List.copyOf(clients).forEach(ClientConnection::drain));
  }

  /** Closes everything. For all threads. */
  void close() {
    execute(
        () -> {
          List.copyOf(clients).forEach(ClientConnection::close);
          pool.close();
        });
  }
}
