package io.tidemark.stream.receive;

import java.net.URI;
import java.net.URISyntaxException;

/**
 * Where the primary listens.
 *
 * @param token for the port, or null
 */
public record PrimaryAddress(boolean tls, String host, int port, String token) {

  /**
   * @param url {@code http://host:port} or https; the port is 20202 unless given
   * @throws IllegalArgumentException naming what is wrong
   */
  public static PrimaryAddress parse(String url, String token) {
    URI uri;
    try {
      uri = new URI(url);
    } catch (URISyntaxException e) {
      throw new IllegalArgumentException("'" + url + "' is no URL: " + e.getReason(), e);
    }
    boolean tls = "https".equalsIgnoreCase(uri.getScheme());
    boolean http = tls || "http".equalsIgnoreCase(uri.getScheme());
    if (!http || uri.getHost() == null || hasMoreThanAPlace(uri)) {
      throw new IllegalArgumentException(
          "'"
              + url
              + "' is no address of a primary: expected http://HOST:PORT or https://HOST:PORT");
    }
    String host = uri.getHost();
    if (host.startsWith("[")) {
      host = host.substring(1, host.length() - 1);
    }
    return new PrimaryAddress(tls, host, uri.getPort() < 0 ? DEFAULT_PORT : uri.getPort(), token);
  }

  private static boolean hasMoreThanAPlace(URI uri) {
    return uri.getPort() == 0
        || uri.getPort() > 65_535
        || uri.getUserInfo() != null
        || uri.getQuery() != null
        || uri.getFragment() != null
        || !(uri.getPath().isEmpty() || uri.getPath().equals("/"));
  }

  private static final int DEFAULT_PORT = 20202;

  /** {@code http://host:port} or https. */
  public String url() {
    return (tls ? "https://" : "http://") + this;
  }

  /** {@code host:port}. */
  @Override
  public String toString() {
    return (host.contains(":") ? "[" + host + "]" : host) + ":" + port;
  }
}
