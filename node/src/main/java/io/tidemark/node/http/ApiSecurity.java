package io.tidemark.node.http;

import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponseStatus;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Set;

/**
 * Who may ask. With a token, every request but the two health checks must carry it. Without one,
 * the API trusts its network, but not web pages that a browser on that network happens to show:
 * requests that carry a foreign origin, or a host name that a page could have pointed here, are
 * refused.
 */
final class ApiSecurity {
  private static final Set<String> OPEN_PATHS = Set.of("/health", "/ready");

  private final byte[] token;
  private final boolean checkHost;
  private final boolean tls;

  /**
   * Security of one port.
   *
   * @param token the bearer token, or null for none
   * @param loopbackOnly whether the port is bound to loopback, where no proxy renames hosts
   * @param tls whether requests must come encrypted
   */
  ApiSecurity(String token, boolean loopbackOnly, boolean tls) {
    this.token = token == null ? null : token.getBytes(StandardCharsets.UTF_8);
    this.checkHost = loopbackOnly && token == null;
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
    if (token != null) {
      if (!isToken(headers.get(HttpHeaderNames.AUTHORIZATION))) {
        throw new ApiException(
            HttpResponseStatus.UNAUTHORIZED,
            "this API needs a token",
            "Send 'Authorization: Bearer TOKEN' with http.token of the node's configuration.");
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

  private boolean isToken(String authorization) {
    if (authorization == null || !authorization.regionMatches(true, 0, "Bearer ", 0, 7)) {
      return false;
    }
    byte[] given = authorization.substring(7).trim().getBytes(StandardCharsets.UTF_8);
    return MessageDigest.isEqual(given, token);
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
