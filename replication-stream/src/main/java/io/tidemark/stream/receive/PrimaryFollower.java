package io.tidemark.stream.receive;

import io.netty.bootstrap.Bootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.handler.ssl.SslContext;
import io.tidemark.database.Store;
import io.tidemark.stream.Backoff;
import io.tidemark.stream.End;
import io.tidemark.stream.EventLoops;
import io.tidemark.stream.FrameDecoder;
import io.tidemark.stream.FrameEncoder;
import io.tidemark.stream.FrameType;
import io.tidemark.stream.Position;
import io.tidemark.stream.Welcome;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.random.RandomGenerator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps a replica connected to its primary: connects, follows until the connection ends, and after
 * a wait that grows with each failure connects again.
 */
public final class PrimaryFollower implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(PrimaryFollower.class);

  private final Store store;

  /** Where a primary is. */
  private record Target(PrimaryAddress address, SslContext tls) {}

  private final Supplier<ReplicaIdentity> identity;
  private final FollowOptions options;
  private final FollowGate gate;
  private final Consumer<Welcome> greeted;
  private final Backoff backoff;
  private final EventLoopGroup loop;
  private final ExecutorService lanes;
  private final Thread thread = new Thread(this::run, "tidemark-follow");
  private final Map<String, Position> claims = new ConcurrentHashMap<>();
  private final Map<String, UnfinishedSnapshot> snapshots = new ConcurrentHashMap<>();
  private final FollowLag lag = new FollowLag();
  private volatile PrimaryConnection connection;
  private volatile String lastFailure;
  private volatile boolean closed;

  /**
   * Whether the connection was made without a wait, because the primary had ended the one before.
   */
  private boolean triedAtOnce;

  /** Whom to follow; null for nobody. Guarded by itself's lock where it is waited for. */
  private volatile Target target;

  private final Object targetLock = new Object();

  /**
   * Follows nobody until {@link #follow}.
   *
   * @param identity asked for each connection
   * @param greeted told of the primary of each connection; runs on the event loop, so it must not
   *     wait
   */
  public PrimaryFollower(
      Store store,
      Supplier<ReplicaIdentity> identity,
      FollowOptions options,
      FollowGate gate,
      Consumer<Welcome> greeted,
      RandomGenerator random) {
    this.store = store;
    this.identity = identity;
    this.options = options;
    this.gate = gate;
    this.greeted = greeted;
    this.backoff =
        new Backoff(options.firstRetry().toNanos(), options.longestRetry().toNanos(), random);
    this.loop = EventLoops.group(1, daemonThreads("follow"));
    this.lanes = Executors.newCachedThreadPool(daemonThreads("receive"));
    thread.setDaemon(true);
  }

  private static ThreadFactory daemonThreads(String name) {
    AtomicInteger count = new AtomicInteger();
    return work -> {
      Thread made = new Thread(work, "tidemark-" + name + "-" + count.incrementAndGet());
      made.setDaemon(true);
      return made;
    };
  }

  /** Begins to follow. */
  public void start() {
    thread.start();
  }

  /**
   * Follows that primary, and ends the connection to another one.
   *
   * @param address null for nobody
   * @param tls for an address with https, else null
   */
  public void follow(PrimaryAddress address, SslContext tls) {
    Target next = address == null ? null : new Target(address, tls);
    synchronized (targetLock) {
      if (Objects.equals(next, target)) {
        return;
      }
      target = next;
      targetLock.notifyAll();
    }
    PrimaryConnection now = connection;
    if (now != null) {
      now.end(new End(End.Reason.OTHER, "another node is primary"));
    }
  }

  private Target awaitTarget() throws InterruptedException {
    synchronized (targetLock) {
      while (target == null) {
        targetLock.wait();
      }
      return target;
    }
  }

  /** Until the next attempt; a new target is tried at once. */
  private void pause(Target tried) throws InterruptedException {
    long end = System.nanoTime() + backoff.next();
    synchronized (targetLock) {
      long left = end - System.nanoTime();
      while (left > 0 && tried == target) {
        TimeUnit.NANOSECONDS.timedWait(targetLock, left);
        left = end - System.nanoTime();
      }
    }
  }

  private void run() {
    Target before = null;
    while (!closed) {
      try {
        Target next = awaitTarget();
        if (next != before) {
          backoff.reset();
          before = next;
        }
        boolean atOnce = follow(next);
        if (!atOnce) {
          pause(next);
        }
      } catch (InterruptedException e) {
        return; // closed
      } catch (RuntimeException e) {
        LOG.error("following the primary failed", e);
      }
    }
  }

  /**
   * One connection from its beginning to its end.
   *
   * @return whether the next one is to be made without a wait
   */
  private boolean follow(Target to) throws InterruptedException {
    PrimaryConnection next =
        new PrimaryConnection(
            store, identity.get(), options, lanes, claims, snapshots, lag, gate, greeted);
    CompletableFuture<PrimaryConnection> upgraded = new CompletableFuture<>();
    ChannelFuture connecting = connect(to, next, upgraded);
    try {
      upgraded.get(options.connectTimeout().toMillis() * 2, TimeUnit.MILLISECONDS);
      connection = next;
      if (target != to) {
        next.end(new End(End.Reason.OTHER, "another node is primary"));
      }
      String why = next.ended().get();
      if (next.welcome() != null) {
        backoff.reset();
      }
      failed(to, why);
    } catch (ExecutionException e) {
      Throwable cause = e.getCause();
      failed(to, cause.getMessage() == null ? cause.toString() : cause.getMessage());
    } catch (TimeoutException e) {
      failed(to, to.address() + " did not answer");
    } finally {
      connection = null;
      connecting.channel().close();
      next.endLanes();
    }
    boolean first = !triedAtOnce;
    triedAtOnce = next.retriesAtOnce() && first;
    return triedAtOnce || next.hasSteppedBack();
  }

  private void failed(Target to, String why) {
    if (!why.equals(lastFailure) && !closed && target == to) {
      LOG.warn("not connected to the primary {}: {}", to.address(), why);
    }
    lastFailure = why;
  }

  private ChannelFuture connect(
      Target to, PrimaryConnection next, CompletableFuture<PrimaryConnection> upgraded) {
    ChannelFuture connecting =
        new Bootstrap()
            .group(loop)
            .channel(EventLoops.socket())
            .option(ChannelOption.TCP_NODELAY, true)
            .option(ChannelOption.CONNECT_TIMEOUT_MILLIS, (int) options.connectTimeout().toMillis())
            .handler(
                new ChannelInitializer<Channel>() {
                  @Override
                  protected void initChannel(Channel channel) {
                    PrimaryAddress address = to.address();
                    if (address.tls()) {
                      channel
                          .pipeline()
                          .addLast(
                              to.tls().newHandler(channel.alloc(), address.host(), address.port()));
                    }
                    channel
                        .pipeline()
                        .addLast(
                            new StreamUpgrade(
                                address,
                                pipeline -> {
                                  pipeline.addLast(
                                      new FrameDecoder(FrameType.Sender.PRIMARY),
                                      new FrameEncoder(Set.of()),
                                      next);
                                  upgraded.complete(next);
                                },
                                upgraded::completeExceptionally));
                  }
                })
            .connect(to.address().host(), to.address().port());
    connecting.addListener(
        done -> {
          if (!done.isSuccess()) {
            upgraded.completeExceptionally(done.cause());
          }
        });
    return connecting;
  }

  // --------------------------------------------------------------------- facts

  /** How far this node is behind, as {@link FollowStatus#lagNanos}. */
  public long lagNanos() {
    PrimaryConnection now = connection;
    long grace = now == null || now.welcome() == null ? 0 : now.graceNanos();
    return lag.nanos(grace, System.nanoTime());
  }

  /** A moment's view of the connection. */
  public FollowStatus status() {
    PrimaryConnection now = connection;
    Welcome welcome = now == null ? null : now.welcome();
    long time = System.nanoTime();
    long grace = welcome == null ? 0 : now.graceNanos();
    long lagNanos = lag.nanos(grace, time);
    Map<String, Long> lags = lag.byDatabase(grace, time);
    Target to = target;
    String url = to == null ? null : to.address().url();
    if (welcome == null) {
      String why = to == null ? "no primary is known" : lastFailure;
      return new FollowStatus(url, null, 0, 0, why, Map.of(), lagNanos, lags);
    }
    return new FollowStatus(
        url,
        welcome,
        time - now.lastHeardNanos(),
        now.roundTripNanos(),
        null,
        now.problems(),
        lagNanos,
        lags);
  }

  /** Ends the connection; what was received and not applied is in the log. */
  @Override
  public void close() {
    closed = true;
    thread.interrupt();
    PrimaryConnection now = connection;
    if (now != null) {
      now.end(new End(End.Reason.SHUTDOWN, "the replica is stopping"));
    }
    try {
      thread.join(options.connectTimeout().toMillis());
      lanes.shutdown();
      lanes.awaitTermination(options.connectTimeout().toMillis(), TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    loop.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly(2, TimeUnit.SECONDS);
  }
}
