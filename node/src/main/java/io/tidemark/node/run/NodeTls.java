package io.tidemark.node.run;

import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslProvider;
import io.tidemark.node.config.NodeConfig;
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
}
