package io.tidemark.node.run;

import io.netty.handler.ssl.JdkSslContext;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslProvider;
import io.tidemark.database.Store;
import io.tidemark.node.ReplicationView;
import io.tidemark.node.StreamDoor;
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
import io.tidemark.stream.receive.FollowStatus;
import io.tidemark.stream.receive.PrimaryAddress;
import io.tidemark.stream.receive.PrimaryFollower;
import io.tidemark.stream.receive.ReplicaIdentity;
import io.tidemark.stream.send.PrimaryIdentity;
import io.tidemark.stream.send.PrimaryStreams;
import io.tidemark.stream.send.SendOptions;
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
final class Replication implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Replication.class);

  private final PrimaryStreams streams;
  private final PrimaryFollower follower;
  private final Halts halts;

  private Replication(PrimaryStreams streams, PrimaryFollower follower, Halts halts) {
    this.streams = streams;
    this.follower = follower;
    this.halts = halts;
  }

  /**
   * @throws IOException when the certificates cannot be used
   */
  static Replication of(NodeConfig config, Store store, EventFeed events) throws IOException {
    SecureRandom random = new SecureRandom();
    Id nonce = new Id(random.nextLong() | 1);
    Id nodeId = Id.parse(store.nodeId());
    if (StaticRole.isPrimary(config.lease())) {
      PrimaryIdentity identity =
          new PrimaryIdentity(
              Id.parse(store.clusterId()), nodeId, nonce, store.epoch(), CommitMode.ASYNC);
      return new Replication(
          new PrimaryStreams(store, identity, sendOptions(config.replication())),
          null,
          new PrimaryHalts(store));
    }
    String url = config.lease().advertiseUrl();
    if (url == null) {
      LOG.warn(
          "lease.candidate is false and there is no lease.advertise-url: this node follows nobody"
              + " and serves what it has. Set lease.advertise-url to the primary's address, such"
              + " as http://node1:20202.");
      return new Replication(null, null, new ReplicaHalts(store, null));
    }
    PrimaryAddress address = PrimaryAddress.parse(url, config.http().token());
    ReplicaIdentity identity =
        new ReplicaIdentity(nodeId, Id.parse(store.incarnation()), nonce, "");
    SslContext tls = address.tls() ? clientTls(config.http().tls()) : null;
    PrimaryApi api =
        new PrimaryApi(
            URI.create((address.tls() ? "https://" : "http://") + address),
            address.token(),
            tls instanceof JdkSslContext jdk ? jdk.context() : null);
    return new Replication(
        null,
        new PrimaryFollower(
            store,
            identity,
            address,
            tls,
            FollowOptions.defaults(),
            new PrimaryWatch(events, config.lease().primaryHostname()),
            random),
        new ReplicaHalts(store, api));
  }

  Halts halts() {
    return halts;
  }

  private static SendOptions sendOptions(NodeConfig.Replication config) {
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

  /** The same certificates that the node's own port has. */
  private static SslContext clientTls(NodeConfig.Tls tls) throws IOException {
    SslContextBuilder builder =
        SslContextBuilder.forClient()
            .sslProvider(SslProvider.JDK)
            .endpointIdentificationAlgorithm("HTTPS");
    try {
      if (tls != null && tls.ca() != null) {
        builder.trustManager(tls.ca().toFile()).keyManager(tls.cert().toFile(), tls.key().toFile());
      }
      return builder.build();
    } catch (IllegalArgumentException e) {
      throw new IOException("Cannot use http.tls for the stream: " + e.getMessage(), e);
    }
  }

  /** Begins to follow; to be called when the mount is there. */
  void start() {
    if (follower != null) {
      follower.start();
    }
  }

  StreamDoor door() {
    return streams == null ? null : streams::accept;
  }

  /** Whether this node was told whom to follow. */
  boolean isFollowing() {
    return follower != null;
  }

  /** How far a replica is behind, as {@link FollowStatus#lagNanos}; 0 on the primary. */
  long lagNanos() {
    if (streams != null) {
      return 0;
    }
    return follower == null ? LagMeter.UNKNOWN : follower.lagNanos();
  }

  ReplicationView view() {
    return new ReplicationView(
        streams == null ? List.of() : streams.replicas(),
        follower == null ? null : follower.status());
  }

  /** Before the mount goes: what follows the primary uses files of it. */
  void stopFollowing() {
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
