package io.tidemark.node.run;

import io.netty.handler.ssl.SslContext;
import io.tidemark.node.config.NodeConfig;
import io.tidemark.node.tls.ReloadedTls;
import java.io.IOException;

/** TLS of connections that this node makes to others. */
final class NodeTls {
  private NodeTls() {}

  /**
   * The same certificates that the node's own port has.
   *
   * @throws IOException when they cannot be used
   */
  static SslContext client(NodeConfig.Tls tls) throws IOException {
    try {
      return ReloadedTls.client(tls);
    } catch (IOException e) {
      throw new IOException("Cannot use http.tls for the stream: " + e.getMessage(), e);
    }
  }
}
