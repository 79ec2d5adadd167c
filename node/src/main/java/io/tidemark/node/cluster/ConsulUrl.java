package io.tidemark.node.cluster;

import java.net.URI;
import java.util.Optional;

/**
 * The URL of a Consul agent as it is given out with access to a part of its keys, {@code
 * https://:TOKEN@HOST/PREFIX/}: the form of {@code FLY_CONSUL_URL}, which LiteFS takes apart in the
 * same way. None of the secret is left in {@link #api}, which messages show.
 *
 * @param api scheme, host and port
 * @param prefix what every key begins with: empty, or ends in a slash
 * @param token of the access control
 */
record ConsulUrl(URI api, String prefix, Optional<String> token) {
  /**
   * @throws IllegalArgumentException when it is no such URL; the message has no secret
   */
  static ConsulUrl parse(String text) {
    URI url;
    try {
      url = URI.create(text);
    } catch (IllegalArgumentException e) {
      throw noUrl();
    }
    if (url.getHost() == null || !String.valueOf(url.getScheme()).matches("https?")) {
      throw noUrl();
    }
    String user = url.getUserInfo();
    String token = user == null ? "" : user.substring(user.indexOf(':') + 1);
    String path = url.getPath().replaceAll("^/+|/+$", "");
    String port = url.getPort() < 0 ? "" : ":" + url.getPort();
    return new ConsulUrl(
        URI.create(url.getScheme() + "://" + url.getHost() + port),
        path.isEmpty() ? "" : path + "/",
        token.isEmpty() ? Optional.empty() : Optional.of(token));
  }

  private static IllegalArgumentException noUrl() {
    return new IllegalArgumentException(
        "lease.consul.url is no URL of a Consul agent, such as http://localhost:8500 or"
            + " https://:TOKEN@HOST/PREFIX");
  }
}
