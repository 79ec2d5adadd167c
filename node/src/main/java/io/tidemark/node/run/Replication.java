package io.tidemark.node.run;

import io.netty.handler.ssl.JdkSslContext;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslProvider;
import io.tidemark.database.Store;
import io.tidemark.node.ReplicationView;
import io.tidemark.node.StreamDoor;
import io.tidemark.node.config.NodeConfig;
import io.tidemark.node.halt.Halts;
import io.tidemark.node.halt.PrimaryApi;
import io.tidemark.node.halt.PrimaryHalts;
import io.tidemark.node.halt.ReplicaHalts;
import io.tidemark.stream.CommitMode;
import io.tidemark.stream.Id;
import io.tidemark.stream.receive.FollowOptions;
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

/**
 * The stream of this node in its role: a primary serves replicas, a replica follows the primary
 * that the configuration names, if it names one.
 */
final class Replication implements AutoCloseable {
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
  static Replication of(NodeConfig config, Store store) throws IOException {
    SecureRandom random = new SecureRandom();
    Id nonce = new Id(random.nextLong() | 1);
    Id nodeId = Id.parse(store.nodeId());
    if (StaticRole.isPrimary(config.lease())) {
      PrimaryIdentity identity =
          new PrimaryIdentity(
              Id.parse(store.clusterId()), nodeId, nonce, store.epoch(), CommitMode.ASYNC);
      return new Replication(
          new PrimaryStreams(store, identity, SendOptions.defaults()),
          null,
          new PrimaryHalts(store));
    }
    String url = config.lease().advertiseUrl();
    if (url == null) {
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
        new PrimaryFollower(store, identity, address, tls, FollowOptions.defaults(), random),
        new ReplicaHalts(store, api));
  }

  Halts halts() {
    return halts;
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
