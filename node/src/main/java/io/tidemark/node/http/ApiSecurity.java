package io.tidemark.node.http;

import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.tidemark.node.config.AccessRole;
import io.tidemark.node.config.AccessToken;
import io.tidemark.proxy.PeerUpgrade;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/**
 * Who may ask. With a token, every request but the two health checks must carry it. Without one,
 * the API trusts its network, but not web pages that a browser on that network happens to show:
 * requests that carry a foreign origin, or a host name that a page could have pointed here, are
 * refused.
 */
final class ApiSecurity {
  private static final Set<String> OPEN_PATHS = Set.of("/health", "/ready");

  /** What nodes ask each other, besides what can be read. */
  private static final Set<String> NODE_PATHS =
      Set.of("/stream", "/halt", "/tx", "/handoff", PeerUpgrade.PATH);

  /** A token as it is compared. */
  private record Key(byte[] token, AccessRole role) {}

  private final List<Key> keys;
  private final boolean checkHost;
  private final boolean tls;

  /**
   * Security of one port.
   *
   * @param tokens of which a request must carry one; none for no such rule
   * @param loopbackOnly whether the port is bound to loopback, where no proxy renames hosts
   * @param tls whether requests must come encrypted
   */
  ApiSecurity(List<AccessToken> tokens, boolean loopbackOnly, boolean tls) {
    this.keys =
        tokens.stream()
            .map(token -> new Key(token.token().getBytes(StandardCharsets.UTF_8), token.role()))
            .toList();
    this.checkHost = loopbackOnly && tokens.isEmpty();
    this.tls = tls;
  }

  /** Refuses a request that may not be served. */
  void check(HttpRequest request, String path, boolean encrypted) throws ApiException {
    if (tls && !encrypted) {
      throw new ApiException(
          HttpResponseStatus.BAD_REQUEST,
          "this port speaks HTTPS only",
          "Use https:// in the address, and --ca FILE if the authority is your own.");
    }
    if (OPEN_PATHS.contains(path)) {
      return;
    }
    HttpHeaders headers = request.headers();
    if (!keys.isEmpty()) {
      if (!StatusPage.isPart(path)) {
        checkRole(roleOf(headers.get(HttpHeaderNames.AUTHORIZATION)), request.method(), path);
      }
      return;
    }
    boolean changes =
        !request.method().equals(HttpMethod.GET) && !request.method().equals(HttpMethod.HEAD);
    if (changes && headers.contains(HttpHeaderNames.ORIGIN)) {
      throw forbidden("requests from web pages are refused");
    }
    if (checkHost && !isLocalName(headers.get(HttpHeaderNames.HOST))) {
      throw forbidden("the Host header names another machine");
    }
  }

  private static ApiException forbidden(String error) {
    return new ApiException(
        HttpResponseStatus.FORBIDDEN,
        error,
        "Use the tidemark command or curl with the address of this node, or set http.token.");
  }

  private static void checkRole(AccessRole role, HttpMethod method, String path)
      throws ApiException {
    if (role == null) {
      throw new ApiException(
          HttpResponseStatus.UNAUTHORIZED,
          "this API needs a token",
          "Send 'Authorization: Bearer TOKEN' with http.token of the node's configuration.");
    }
    AccessRole needed = needed(method, path);
    if (!role.covers(needed)) {
      throw new ApiException(
          HttpResponseStatus.FORBIDDEN,
          "this token has the role " + name(role) + ", which is not enough",
          "Use one with the role " + name(needed) + "; see http.tokens of the configuration.");
    }
  }

  /** The least role that a request needs. */
  static AccessRole needed(HttpMethod method, String path) {
    if (NODE_PATHS.contains(path)) {
      return AccessRole.REPLICATE;
    }
    boolean reads = method.equals(HttpMethod.GET) || method.equals(HttpMethod.HEAD);
    return reads ? AccessRole.READ : AccessRole.ADMIN;
  }

  private static String name(AccessRole role) {
    return role.name().toLowerCase(Locale.ROOT);
  }

  /** The role of a token, or null; takes as long for one as for none. */
  private AccessRole roleOf(String authorization) {
    if (authorization == null || !authorization.regionMatches(true, 0, "Bearer ", 0, 7)) {
      return null;
    }
    byte[] given = authorization.substring(7).trim().getBytes(StandardCharsets.UTF_8);
    AccessRole found = null;
    for (Key key : keys) {
      boolean same = MessageDigest.isEqual(given, key.token());
      found = same && (found == null || key.role().covers(found)) ? key.role() : found;
    }
    return found;
  }

  /** Addresses and localhost cannot be re-pointed by a name server; other names can. */
  static boolean isLocalName(String host) {
    if (host == null) {
      return true;
    }
    int colon = host.lastIndexOf(':');
    String name = colon > host.lastIndexOf(']') ? host.substring(0, colon) : host;
    return name.equalsIgnoreCase("localhost")
        || name.startsWith("[")
        || name.matches("\\d{1,3}(\\.\\d{1,3}){3}");
  }
}
