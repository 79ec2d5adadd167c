package io.tidemark.proxy;

import io.netty.handler.ssl.SslContext;

/**
 * Where requests that write are forwarded to: the API port of the primary, which leads to its
 * proxy.
 *
 * @param hostname name for people and for a platform's router
 * @param host name or address without brackets
 * @param token of its port, or null
 * @param tls null for plain HTTP
 */
public record PrimaryNode(String hostname, String host, int port, String token, SslContext tls) {
  /** {@code host:port}. */
  String authority() {
    return (host.indexOf(':') >= 0 ? "[" + host + "]" : host) + ":" + port;
  }

  @Override
  public String toString() {
    return authority();
  }
}
