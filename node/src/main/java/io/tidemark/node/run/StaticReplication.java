package io.tidemark.node.run;

import io.netty.handler.ssl.JdkSslContext;
import io.netty.handler.ssl.SslContext;
import io.tidemark.database.Store;
import io.tidemark.database.WriteAuthority;
import io.tidemark.node.ReplicationView;
import io.tidemark.node.StreamDoor;
import io.tidemark.node.cluster.ClusterControl;
import io.tidemark.node.cluster.WriteDoor;
import io.tidemark.node.config.NodeConfig;
import io.tidemark.node.event.EventFeed;
import io.tidemark.node.halt.Halts;
import io.tidemark.node.halt.PrimaryApi;
import io.tidemark.node.halt.PrimaryHalts;
import io.tidemark.node.halt.ReplicaHalts;
import io.tidemark.stream.CommitMode;
import io.tidemark.stream.Id;
import io.tidemark.stream.LagMeter;
import io.tidemark.stream.Welcome;
import io.tidemark.stream.receive.FollowOptions;
import io.tidemark.stream.receive.PrimaryAddress;
import io.tidemark.stream.receive.PrimaryFollower;
import io.tidemark.stream.receive.ReplicaIdentity;
import io.tidemark.stream.send.PrimaryIdentity;
import io.tidemark.stream.send.PrimaryStreams;
import io.tidemark.stream.send.SendOptions;
import io.tidemark.stream.send.StreamGate;
import java.io.IOException;
import java.net.URI;
import java.security.SecureRandom;
import java.util.List;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The stream of this node in its role: a primary serves replicas, a replica follows the primary
 * that the configuration names, if it names one.
 */
final class StaticReplication implements Replication {
  private static final Logger LOG = LoggerFactory.getLogger(StaticReplication.class);

  private final NodeConfig.Lease lease;
  private final PrimaryStreams streams;
  private final PrimaryFollower follower;
  private final Halts halts;

  private StaticReplication(
      NodeConfig.Lease lease, PrimaryStreams streams, PrimaryFollower follower, Halts halts) {
    this.lease = lease;
    this.streams = streams;
    this.follower = follower;
    this.halts = halts;
  }

  /**
   * @throws IOException when the certificates cannot be used
   */
  static StaticReplication of(NodeConfig config, Store store, EventFeed events) throws IOException {
    SecureRandom random = new SecureRandom();
    Id nonce = new Id(random.nextLong() | 1);
    Id nodeId = Id.parse(store.nodeId());
    if (StaticRole.isPrimary(config.lease())) {
      PrimaryIdentity identity =
          new PrimaryIdentity(
              Id.parse(store.clusterId()), nodeId, nonce, store.epoch(), 0, CommitMode.ASYNC);
      return new StaticReplication(
          config.lease(),
          new PrimaryStreams(store, identity, sendOptions(config.replication()), StreamGate.OPEN),
          null,
          new PrimaryHalts(store));
    }
    String url = config.lease().advertiseUrl();
    if (url == null) {
      LOG.warn(
          "lease.candidate is false and there is no lease.advertise-url: this node follows nobody"
              + " and serves what it has. Set lease.advertise-url to the primary's address, such"
              + " as http://node1:20202.");
      return new StaticReplication(config.lease(), null, null, new ReplicaHalts(store, () -> null));
    }
    PrimaryAddress address = PrimaryAddress.parse(url, config.http().token());
    ReplicaIdentity identity =
        new ReplicaIdentity(nodeId, Id.parse(store.incarnation()), nonce, Id.NONE, 0, "");
    SslContext tls = address.tls() ? NodeTls.client(config.http().tls()) : null;
    PrimaryApi api =
        new PrimaryApi(
            URI.create((address.tls() ? "https://" : "http://") + address),
            address.token(),
            tls instanceof JdkSslContext jdk ? jdk.context() : null);
    PrimaryFollower follower =
        new PrimaryFollower(
            store,
            () -> identity,
            FollowOptions.defaults(),
            from -> null,
            new PrimaryWatch(events, config.lease().primaryHostname()),
            random);
    follower.follow(address, tls);
    return new StaticReplication(
        config.lease(), null, follower, new ReplicaHalts(store, () -> api));
  }

  @Override
  public boolean isPrimary() {
    return StaticRole.isPrimary(lease);
  }

  @Override
  public boolean mayWrite() {
    return isPrimary();
  }

  @Override
  public void atTheDoor(Runnable listener, WriteDoor door) {
    // Nothing ever changes: the configuration says who is primary.
  }

  @Override
  public String primaryHostname() {
    return isPrimary() ? lease.hostname() : lease.primaryHostname();
  }

  @Override
  public String primaryUrl() {
    return lease.advertiseUrl();
  }

  @Override
  public WriteAuthority authority() {
    return StaticRole.authority(lease);
  }

  @Override
  public Halts halts() {
    return halts;
  }

  static SendOptions sendOptions(NodeConfig.Replication config) {
    SendOptions usual = SendOptions.defaults();
    return new SendOptions(
        usual.heartbeat(),
        usual.deadline(),
        usual.windowBytes(),
        config.compress(),
        config.compress(),
        usual.mostReplicas(),
        usual.mostDatabases());
  }

  /** Notices that another node answers where the primary is expected. */
  private static final class PrimaryWatch implements Consumer<Welcome> {
    private final EventFeed events;
    private final String hostname;
    private Id known;

    PrimaryWatch(EventFeed events, String hostname) {
      this.events = events;
      this.hostname = hostname;
    }

    @Override
    public void accept(Welcome from) {
      if (known != null && !known.equals(from.nodeId())) {
        events.primaryChanged(false, hostname);
      }
      known = from.nodeId();
    }
  }

  @Override
  public void start() {
    if (follower != null) {
      follower.start();
    }
  }

  @Override
  public StreamDoor door() {
    return streams == null ? null : streams::accept;
  }

  @Override
  public boolean isFollowing() {
    return follower != null;
  }

  @Override
  public long lagNanos() {
    if (streams != null) {
      return 0;
    }
    return follower == null ? LagMeter.UNKNOWN : follower.lagNanos();
  }

  @Override
  public ReplicationView view() {
    return new ReplicationView(
        streams == null ? List.of() : streams.replicas(),
        follower == null ? null : follower.status());
  }

  @Override
  public ClusterControl cluster() {
    return null;
  }

  @Override
  public void stopFollowing() {
    halts.close();
    if (follower != null) {
      follower.close();
    }
  }

  /** When nothing is committed any more: replicas get the rest, then the connections end. */
  @Override
  public void close() {
    stopFollowing();
    if (streams != null) {
      streams.close();
    }
  }
}
