package io.tidemark.node.run;

import io.netty.handler.ssl.SslContext;
import io.tidemark.node.cluster.WriteDoor;
import io.tidemark.node.config.NodeConfig;
import io.tidemark.proxy.Primaries;
import io.tidemark.proxy.PrimaryNode;
import io.tidemark.proxy.ProxyServer;
import io.tidemark.stream.receive.PrimaryAddress;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** Who may write, for the proxy. */
final class ProxyPrimaries implements Primaries {
  private final Replication replication;
  private final String ownUrl;
  private final String token;
  private final SslContext tls;
  private final List<Runnable> listeners = new CopyOnWriteArrayList<>();

  /** The answer that was given last, with what it was made of. */
  private volatile Known known = new Known(null, null, Standing.NOBODY);

  private record Known(String url, String hostname, Standing standing) {}

  /**
   * @throws IOException when the certificates cannot be used
   */
  ProxyPrimaries(NodeConfig config, Replication replication) throws IOException {
    this.replication = replication;
    this.ownUrl = config.lease().isStaticReplica() ? null : config.lease().advertiseUrl();
    this.token = config.http().token();
    this.tls = NodeTls.client(config.http().tls());
  }

  /** The proxy stops its writers while this node hands over; before the replication starts. */
  void connect(ProxyServer proxy) {
    replication.atTheDoor(
        () -> listeners.forEach(Runnable::run),
        new WriteDoor() {
          @Override
          public boolean close() {
            return proxy.holdWrites();
          }

          @Override
          public void open() {
            proxy.releaseWrites();
          }
        });
  }

  @Override
  public Standing standing() {
    if (replication.mayWrite()) {
      return Standing.HERE;
    }
    String url = replication.isPrimary() ? null : replication.primaryUrl();
    if (url == null || url.equals(ownUrl)) {
      return Standing.NOBODY;
    }
    String hostname = replication.primaryHostname();
    Known last = known;
    if (!url.equals(last.url) || !String.valueOf(hostname).equals(last.hostname)) {
      last = new Known(url, String.valueOf(hostname), at(url, hostname));
      known = last;
    }
    return last.standing;
  }

  private Standing at(String url, String hostname) {
    PrimaryAddress address = PrimaryAddress.parse(url, token);
    return new Standing(
        false,
        new PrimaryNode(
            hostname, address.host(), address.port(), token, address.tls() ? tls : null));
  }

  @Override
  public void onChange(Runnable listener) {
    listeners.add(listener);
  }
}
