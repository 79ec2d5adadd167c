package io.tidemark.lease.etcd;

import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * Where and how the lease is kept in etcd.
 *
 * @param endpoints of one cluster, {@code http} or {@code https}, all of the same kind
 * @param prefix of the keys {@code primary} and {@code record}
 * @param ttl asked for; the server may grant more
 * @param credentials if the cluster has authentication
 * @param tls for {@code https} with authorities of one's own, or with a client certificate
 * @param timeout of a call
 */
public record EtcdOptions(
    List<URI> endpoints,
    String prefix,
    Duration ttl,
    Optional<Credentials> credentials,
    Optional<Tls> tls,
    Duration timeout) {
  /** A user with the right to read and write below the prefix. */
  public record Credentials(String user, String password) {
    @Override
    public String toString() {
      return "user " + user;
    }
  }

  /**
   * Files in PEM.
   *
   * @param ca authorities to trust instead of the system's
   * @param certificate of the client, together with its key (PKCS#8)
   */
  public record Tls(Optional<Path> ca, Optional<Path> certificate, Optional<Path> key) {
    public Tls {
      if (certificate.isPresent() != key.isPresent()) {
        throw new IllegalArgumentException("a client certificate and its key belong together");
      }
    }
  }

  public EtcdOptions {
    endpoints = List.copyOf(endpoints);
    if (endpoints.isEmpty()) {
      throw new IllegalArgumentException("no endpoint of etcd is given");
    }
    boolean secure = isSecure(endpoints.get(0));
    for (URI endpoint : endpoints) {
      if (endpoint.getHost() == null || isSecure(endpoint) != secure) {
        throw new IllegalArgumentException(
            "endpoints of etcd are all http://HOST:PORT or all https://HOST:PORT, not " + endpoint);
      }
    }
    if (tls.isPresent() && !secure) {
      throw new IllegalArgumentException("TLS is configured but the endpoints of etcd are http");
    }
    if (ttl.compareTo(Duration.ofSeconds(1)) < 0) {
      throw new IllegalArgumentException("etcd counts a TTL in whole seconds, not " + ttl);
    }
    prefix = prefix.replaceAll("/+$", "");
  }

  private static boolean isSecure(URI endpoint) {
    return "https".equals(endpoint.getScheme());
  }

  boolean isSecure() {
    return isSecure(endpoints.get(0));
  }
}
