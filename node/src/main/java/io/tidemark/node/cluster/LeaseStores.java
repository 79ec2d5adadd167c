package io.tidemark.node.cluster;

import io.tidemark.lease.BootClock;
import io.tidemark.lease.LeaseStoreException;
import io.tidemark.lease.Leaser;
import io.tidemark.lease.consul.ConsulLeaser;
import io.tidemark.lease.consul.ConsulOptions;
import io.tidemark.lease.etcd.EtcdLeaser;
import io.tidemark.lease.etcd.EtcdOptions;
import io.tidemark.lease.kubernetes.KubernetesLeaser;
import io.tidemark.lease.kubernetes.KubernetesOptions;
import io.tidemark.node.config.NodeConfig;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Optional;
import java.util.logging.Level;
import java.util.logging.Logger;

/** The lease store that the configuration names. */
final class LeaseStores {
  private static final Duration TIMEOUT = Duration.ofSeconds(2);

  /** Kept, or the level would be forgotten with it. */
  private static final Logger GRPC = Logger.getLogger("io.grpc");

  static {
    GRPC.setLevel(Level.WARNING); // it says what it finds out about the platform
  }

  private LeaseStores() {}

  /**
   * Makes the client; the store itself may be away.
   *
   * @throws IOException when the configuration cannot be used; says why
   */
  static Leaser of(NodeConfig.Lease lease, BootClock clock) throws IOException {
    try {
      return switch (lease.type()) {
        case "etcd" -> new EtcdLeaser(etcd(lease), clock);
        case "consul" -> new ConsulLeaser(consul(lease), clock);
        case "kubernetes" -> new KubernetesLeaser(kubernetes(lease), clock, InstantSource.system());
        default -> throw new IllegalArgumentException("lease.type " + lease.type());
      };
    } catch (LeaseStoreException | IllegalArgumentException e) {
      throw new IOException("lease." + lease.type() + ": " + e.getMessage(), e);
    }
  }

  private static EtcdOptions etcd(NodeConfig.Lease lease) {
    NodeConfig.Etcd etcd = lease.etcd();
    return new EtcdOptions(
        etcd.endpoints().stream().map(URI::create).toList(),
        etcd.prefix(),
        lease.ttl(),
        Optional.ofNullable(etcd.user())
            .map(user -> new EtcdOptions.Credentials(user, etcd.password())),
        Optional.ofNullable(etcd.tls())
            .map(
                tls ->
                    new EtcdOptions.Tls(
                        Optional.ofNullable(tls.ca()),
                        Optional.ofNullable(tls.cert()),
                        Optional.ofNullable(tls.key()))),
        TIMEOUT);
  }

  private static ConsulOptions consul(NodeConfig.Lease lease) {
    NodeConfig.Consul consul = lease.consul();
    ConsulUrl url = ConsulUrl.parse(consul.url());
    return new ConsulOptions(
        url.api(),
        url.prefix() + consul.key(),
        consul.ttl(),
        consul.lockDelay(),
        url.token().or(() -> Optional.ofNullable(System.getenv("CONSUL_HTTP_TOKEN"))),
        Optional.ofNullable(System.getenv("CONSUL_CACERT")).map(Path::of),
        TIMEOUT);
  }

  private static KubernetesOptions kubernetes(NodeConfig.Lease lease) throws IOException {
    return KubernetesOptions.inCluster(
        System.getenv(),
        Path.of(lease.kubernetes().serviceAccount()),
        Optional.ofNullable(lease.kubernetes().namespace()),
        lease.kubernetes().name(),
        lease.ttl(),
        TIMEOUT);
  }
}
