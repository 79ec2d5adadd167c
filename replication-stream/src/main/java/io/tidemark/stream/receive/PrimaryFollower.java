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
  private final ReplicaIdentity identity;
  private final PrimaryAddress address;
  private final SslContext tls;
  private final FollowOptions options;
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
   * @param tls for an address with https, else null
   * @param greeted told of the primary of each connection; runs on the event loop, so it must not
   *     wait
   */
  public PrimaryFollower(
      Store store,
      ReplicaIdentity identity,
      PrimaryAddress address,
      SslContext tls,
      FollowOptions options,
      Consumer<Welcome> greeted,
      RandomGenerator random) {
    this.store = store;
    this.identity = identity;
    this.address = address;
    this.tls = tls;
    this.options = options;
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

  private void run() {
    while (!closed) {
      try {
        follow();
        TimeUnit.NANOSECONDS.sleep(backoff.next());
      } catch (InterruptedException e) {
        return; // closed
      } catch (RuntimeException e) {
        LOG.error("following the primary failed", e);
      }
    }
  }

  /** One connection from its beginning to its end. */
  private void follow() throws InterruptedException {
    PrimaryConnection next =
        new PrimaryConnection(store, identity, options, lanes, claims, snapshots, lag, greeted);
    CompletableFuture<PrimaryConnection> upgraded = new CompletableFuture<>();
    ChannelFuture connecting = connect(next, upgraded);
    try {
      upgraded.get(options.connectTimeout().toMillis() * 2, TimeUnit.MILLISECONDS);
      connection = next;
      String why = next.ended().get();
      if (next.welcome() != null) {
        backoff.reset();
      }
      failed(why);
    } catch (ExecutionException e) {
      Throwable cause = e.getCause();
      failed(cause.getMessage() == null ? cause.toString() : cause.getMessage());
    } catch (TimeoutException e) {
      failed(address + " did not answer");
    } finally {
      connection = null;
      connecting.channel().close();
      next.endLanes();
    }
  }

  private void failed(String why) {
    if (!why.equals(lastFailure) && !closed) {
      LOG.warn("not connected to the primary {}: {}", address, why);
    }
    lastFailure = why;
  }

  private ChannelFuture connect(
      PrimaryConnection next, CompletableFuture<PrimaryConnection> upgraded) {
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
                    if (address.tls()) {
                      channel
                          .pipeline()
                          .addLast(tls.newHandler(channel.alloc(), address.host(), address.port()));
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
            .connect(address.host(), address.port());
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
    if (welcome == null) {
      return new FollowStatus(address.url(), null, 0, 0, lastFailure, Map.of(), lagNanos, lags);
    }
    return new FollowStatus(
        address.url(),
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
