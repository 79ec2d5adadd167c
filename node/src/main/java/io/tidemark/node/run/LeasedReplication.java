package io.tidemark.node.run;

import io.netty.handler.ssl.JdkSslContext;
import io.netty.handler.ssl.SslContext;
import io.tidemark.database.RefusedException;
import io.tidemark.database.Store;
import io.tidemark.database.WriteAuthority;
import io.tidemark.lease.protocol.Role;
import io.tidemark.node.ReplicationView;
import io.tidemark.node.StreamDoor;
import io.tidemark.node.cluster.ClusterNode;
import io.tidemark.node.config.NodeConfig;
import io.tidemark.node.halt.Halts;
import io.tidemark.node.halt.PrimaryApi;
import io.tidemark.node.halt.PrimaryHalts;
import io.tidemark.node.halt.ReplicaHalts;
import io.tidemark.stream.receive.PrimaryAddress;
import java.io.IOException;
import java.net.URI;
import java.security.SecureRandom;

/** The role that a lease in etcd, Consul or Kubernetes gives; it changes while the node runs. */
final class LeasedReplication implements Replication {
  private final NodeConfig config;
  private final ClusterNode cluster;
  private final SslContext tls;
  private final PrimaryHalts primaryHalts;
  private final ReplicaHalts replicaHalts;

  /** Of the primary that was asked for last. */
  private PrimaryApi api;

  private String apiUrl;

  /**
   * @throws IOException when the configuration cannot be used
   */
  LeasedReplication(NodeConfig config, Store store) throws IOException {
    this.config = config;
    this.tls = NodeTls.client(config.http().tls());
    this.cluster =
        ClusterNode.open(
            config,
            store,
            tls,
            StaticReplication.sendOptions(config.replication()),
            new SecureRandom());
    this.primaryHalts = new PrimaryHalts(store);
    this.replicaHalts = new ReplicaHalts(store, this::primaryApi);
  }

  private synchronized PrimaryApi primaryApi() {
    String url = isPrimary() ? null : primaryUrl();
    if (url == null) {
      return null;
    }
    if (!url.equals(apiUrl)) {
      PrimaryAddress address = PrimaryAddress.parse(url, config.http().token());
      api =
          new PrimaryApi(
              URI.create((address.tls() ? "https://" : "http://") + address),
              address.token(),
              address.tls() && tls instanceof JdkSslContext jdk ? jdk.context() : null);
      apiUrl = url;
    }
    return api;
  }

  @Override
  public void start() {
    cluster.start();
  }

  @Override
  public boolean isPrimary() {
    Role role = cluster.status().role();
    return role == Role.PRIMARY || role == Role.HOLDING;
  }

  @Override
  public String primaryHostname() {
    String url = primaryUrl();
    if (isPrimary()) {
      return config.lease().hostname();
    }
    return url == null ? null : URI.create(url).getHost();
  }

  @Override
  public String primaryUrl() {
    return cluster.status().primaryUrl();
  }

  @Override
  public WriteAuthority authority() {
    return () -> {
      if (!cluster.mayCommit()) {
        throw new RefusedException(RefusedException.Kind.READ_ONLY, cluster.whyNot());
      }
    };
  }

  @Override
  public Halts halts() {
    return isPrimary() ? primaryHalts : replicaHalts;
  }

  @Override
  public StreamDoor door() {
    return cluster.door();
  }

  @Override
  public boolean isFollowing() {
    return !isPrimary();
  }

  @Override
  public long lagNanos() {
    return isPrimary() ? 0 : cluster.lagNanos();
  }

  @Override
  public ReplicationView view() {
    return new ReplicationView(cluster.replicas(), isPrimary() ? null : cluster.following());
  }

  @Override
  public void stopFollowing() {
    primaryHalts.close();
    replicaHalts.close();
    cluster.leave();
  }

  @Override
  public void close() {
    cluster.close();
  }
}
