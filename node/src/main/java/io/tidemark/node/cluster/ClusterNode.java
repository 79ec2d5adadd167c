package io.tidemark.node.cluster;

import io.netty.handler.ssl.SslContext;
import io.tidemark.database.Store;
import io.tidemark.lease.BootClock;
import io.tidemark.lease.Leaser;
import io.tidemark.lease.Owner;
import io.tidemark.lease.protocol.CommitMode;
import io.tidemark.lease.protocol.Role;
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

  /** Async: who is away keeps its seat for a while, because nobody waits for it. */
  private static final Duration AWAY_TIME = Duration.ofSeconds(10);

  /** Sync: commits are refused meanwhile, so this is below the busy timeouts of programs. */
  private static final Duration SYNC_AWAY_TIME = Duration.ofSeconds(1);

  private static final Duration MOST_SLOW_TIME = Duration.ofSeconds(2);
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
            lease.candidate(),
            config.http().token(),
            tls,
            options,
            random);
    Leaser leaser = LeaseStores.of(lease, clock);
    NodeConfig.Replication replication = config.replication();
    boolean sync = replication.commit().equals("sync");
    Duration half = replication.ackTimeout().dividedBy(2);
    ClusterSettings settings =
        new ClusterSettings(
            lease.candidate(),
            lease.promote(),
            lease.advertiseUrl(),
            lease.hostname(),
            sync ? CommitMode.SYNC : CommitMode.ASYNC,
            Mutant.MIN_IN_SYNC_IGNORED.isOn() ? 1 : replication.minInSync(),
            replication.ackTimeout(),
            LOOK_EVERY,
            ANSWER_TIME,
            sync ? SYNC_AWAY_TIME : AWAY_TIME,
            half.compareTo(MOST_SLOW_TIME) < 0 ? half : MOST_SLOW_TIME,
            HANDOFF_TIME);
    ClusterDriver driver =
        new ClusterDriver(
            leaser, clock, memory, new StoreData(store, random), streams, settings, nonce);
    streams.connect(driver);
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

  /** Whether that may soon be otherwise. */
  public boolean isChanging() {
    return driver.isChanging();
  }

  /** As {@link ClusterDriver#onPrimaryChange}; before {@link #start}. */
  public void onPrimaryChange(Runnable listener) {
    driver.onPrimaryChange(listener);
  }

  /** As {@link ClusterDriver#atTheDoor}; before {@link #start}. */
  public void atTheDoor(Runnable listener, WriteDoor door) {
    driver.atTheDoor(listener, door);
  }

  /** Never waits: it is asked by threads that serve requests of the mount. */
  public Role role() {
    return driver.role();
  }

  /** Who is primary, null if nobody is known to be. Never waits. */
  public Owner primary() {
    return driver.primary();
  }

  /** As {@link ClusterDriver#status}; not for threads that serve requests of the mount. */
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

  /** As {@link ClusterDriver#force}. */
  public CompletableFuture<String> force() {
    return driver.force();
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
