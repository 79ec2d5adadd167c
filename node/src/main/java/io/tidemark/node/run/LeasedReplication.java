package io.tidemark.node.run;

import io.netty.handler.ssl.JdkSslContext;
import io.netty.handler.ssl.SslContext;
import io.tidemark.database.RefusedException;
import io.tidemark.database.Store;
import io.tidemark.database.WriteAuthority;
import io.tidemark.lease.Owner;
import io.tidemark.lease.protocol.Role;
import io.tidemark.node.ReplicationView;
import io.tidemark.node.StreamDoor;
import io.tidemark.node.cluster.ClusterControl;
import io.tidemark.node.cluster.ClusterNode;
import io.tidemark.node.cluster.ClusterStatus;
import io.tidemark.node.cluster.RoleChangeException;
import io.tidemark.node.cluster.WriteDoor;
import io.tidemark.node.config.NodeConfig;
import io.tidemark.node.event.EventFeed;
import io.tidemark.node.halt.HaltRefusedException;
import io.tidemark.node.halt.Halts;
import io.tidemark.node.halt.PrimaryApi;
import io.tidemark.node.halt.PrimaryHalts;
import io.tidemark.node.halt.ReplicaHalts;
import io.tidemark.stream.receive.PrimaryAddress;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.URI;
import java.security.SecureRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** The role that a lease in etcd, Consul or Kubernetes gives; it changes while the node runs. */
final class LeasedReplication implements Replication, ClusterControl {
  /** Longer than a handoff takes, and the primary that follows needs to settle. */
  private static final long CHANGE_SECONDS = 15;

  private static final long LOOK_MILLIS = 10;

  private final NodeConfig config;
  private final Store store;
  private final String nodeId;
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
  LeasedReplication(NodeConfig config, Store store, EventFeed events) throws IOException {
    this.config = config;
    this.store = store;
    this.nodeId = store.nodeId();
    this.tls = NodeTls.client(config.http().tls());
    this.cluster =
        ClusterNode.open(
            config,
            store,
            tls,
            StaticReplication.sendOptions(config.replication()),
            new SecureRandom());
    cluster.onPrimaryChange(() -> events.primaryChanged(isOwner(), primaryHostname()));
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
    Role role = cluster.role();
    return role == Role.PRIMARY || role == Role.HOLDING;
  }

  @Override
  public boolean mayWrite() {
    return cluster.mayCommit() && !store.isKeepingWritersOut();
  }

  @Override
  public void atTheDoor(Runnable listener, WriteDoor door) {
    cluster.atTheDoor(listener, door);
  }

  private boolean isOwner() {
    Owner owner = cluster.primary();
    return owner != null && owner.nodeId().equals(nodeId);
  }

  @Override
  public String primaryHostname() {
    Owner owner = cluster.primary();
    if (owner == null || !owner.hostname().isEmpty()) {
      return owner == null ? null : owner.hostname();
    }
    return URI.create(owner.advertiseUrl()).getHost();
  }

  @Override
  public String primaryUrl() {
    Owner owner = cluster.primary();
    return owner == null ? null : owner.advertiseUrl();
  }

  @Override
  public WriteAuthority authority() {
    return () -> {
      if (!cluster.mayCommit()) {
        throw new RefusedException(
            cluster.isChanging() ? RefusedException.Kind.BUSY : RefusedException.Kind.READ_ONLY,
            cluster.whyNot());
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
  public ClusterControl cluster() {
    return this;
  }

  // -------------------------------------------------------------- who is primary

  @Override
  public ClusterStatus status() {
    return cluster.status();
  }

  @Override
  public String handOff(String toNode) throws RoleChangeException {
    if (!isPrimary()) {
      String url = primaryUrl();
      throw new RoleChangeException(
          cluster.whyNot(),
          url == null ? "Nobody is known to be primary." : "Ask the primary: --url " + url);
    }
    long to = toNode == null ? 0 : Long.parseUnsignedLong(toNode, 16);
    return await(cluster.handOff(to), "'tidemark status' of the primary lists the replicas.");
  }

  @Override
  public String promote() throws RoleChangeException, IOException {
    if (isPrimary()) {
      return config.lease().advertiseUrl();
    }
    PrimaryApi primary = primaryApi();
    if (primary == null) {
      throw new RoleChangeException(
          "nobody is primary who could hand over, and " + cluster.whyNot(),
          "It takes over by itself when it may. If it says that it never will, see"
              + " 'tidemark promote --help' about --force.");
    }
    try {
      primary.handOff(nodeId);
    } catch (HaltRefusedException e) {
      throw new RoleChangeException(e.getMessage(), "Nothing has changed.");
    }
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(CHANGE_SECONDS);
    while (!isPrimary()) {
      if (System.nanoTime() - end > 0) {
        throw new RoleChangeException(
            "the primary has handed over, and " + cluster.whyNot(), "'tidemark status' says more.");
      }
      pause();
    }
    return config.lease().advertiseUrl();
  }

  private static void pause() throws InterruptedIOException {
    try {
      Thread.sleep(LOOK_MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("the node is stopping");
    }
  }

  @Override
  public String force() throws RoleChangeException {
    return await(cluster.force(), "Nothing has changed.");
  }

  private static String await(CompletableFuture<String> change, String hint)
      throws RoleChangeException {
    try {
      return change.get(CHANGE_SECONDS, TimeUnit.SECONDS);
    } catch (ExecutionException e) {
      throw new RoleChangeException(e.getCause().getMessage(), hint);
    } catch (TimeoutException e) {
      throw new RoleChangeException(
          "it is not done after " + CHANGE_SECONDS + " s", "'tidemark status' tells how it ends.");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new RoleChangeException("the node is stopping", "Ask again when it is back.");
    }
  }

  // --------------------------------------------------------------------- the end

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
