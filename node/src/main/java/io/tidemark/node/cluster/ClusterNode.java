package io.tidemark.node.cluster;

import io.netty.handler.ssl.SslContext;
import io.tidemark.database.Store;
import io.tidemark.lease.BootClock;
import io.tidemark.lease.Leaser;
import io.tidemark.lease.protocol.CommitMode;
import io.tidemark.mount.fuse.BootTime;
import io.tidemark.node.StreamDoor;
import io.tidemark.node.config.NodeConfig;
import io.tidemark.stream.receive.FollowStatus;
import io.tidemark.stream.send.ReplicaStatus;
import io.tidemark.stream.send.SendOptions;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.random.RandomGenerator;

/** This node in a cluster whose lease is kept by a store: the parts of this package, connected. */
public final class ClusterNode implements AutoCloseable {
  private static final Duration ANSWER_TIME = Duration.ofMillis(400);
  private static final Duration AWAY_TIME = Duration.ofSeconds(10);
  private static final Duration HANDOFF_TIME = Duration.ofSeconds(5);
  private static final Duration LOOK_EVERY = Duration.ofSeconds(2);

  private final ClusterDriver driver;
  private final NodeStreams streams;

  private ClusterNode(ClusterDriver driver, NodeStreams streams) {
    this.driver = driver;
    this.streams = streams;
  }

  /**
   * Connects them; nothing is asked of the lease store before {@link #start}.
   *
   * @param tls for connections to other nodes whose ports have TLS, or null
   * @throws IOException when the configuration cannot be used, or what this node remembers is
   *     damaged
   */
  public static ClusterNode open(
      NodeConfig config, Store store, SslContext tls, SendOptions options, RandomGenerator random)
      throws IOException {
    long nonce = random.nextLong() | 1;
    BootClock clock = BootTime::nanos;
    NodeConfig.Lease lease = config.lease();
    ClusterMemory memory = ClusterMemory.open(config.data().dir().resolve("cluster"), random);
    NodeStreams streams =
        new NodeStreams(
            store,
            memory,
            nonce,
            lease.advertiseUrl(),
            config.http().token(),
            tls,
            options,
            random);
    Leaser leaser = LeaseStores.of(lease, clock);
    ClusterSettings settings =
        new ClusterSettings(
            lease.candidate(),
            lease.promote(),
            lease.advertiseUrl(),
            CommitMode.ASYNC,
            config.replication().minInSync(),
            LOOK_EVERY,
            ANSWER_TIME,
            AWAY_TIME,
            HANDOFF_TIME);
    ClusterDriver driver =
        new ClusterDriver(
            leaser, clock, memory, new StoreData(store, random), streams, settings, nonce);
    streams.onChange(driver::wake);
    return new ClusterNode(driver, streams);
  }

  /** Begins; the mount is there. */
  public void start() {
    streams.start();
    driver.start();
  }

  /** Whether programs may commit here now. */
  public boolean mayCommit() {
    return driver.mayCommit();
  }

  /** Why not, in one sentence. */
  public String whyNot() {
    return driver.whyNot();
  }

  public ClusterStatus status() {
    return driver.status();
  }

  /** The connection to the primary. */
  public FollowStatus following() {
    return streams.following();
  }

  /** How far this node is behind, as {@link FollowStatus#lagNanos}. */
  public long lagNanos() {
    return streams.lagNanos();
  }

  /** The nodes that follow this one. */
  public List<ReplicaStatus> replicas() {
    return streams.replicas();
  }

  public StreamDoor door() {
    return streams.door();
  }

  /** As {@link ClusterDriver#handOff}. */
  public CompletableFuture<String> handOff(long nodeId) {
    return driver.handOff(nodeId);
  }

  /** Gives up the lease, to another node if one can take over, and follows nobody. */
  public void leave() {
    driver.close();
  }

  @Override
  public void close() {
    streams.close();
  }
}
