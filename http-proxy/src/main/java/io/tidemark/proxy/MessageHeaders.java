package io.tidemark.proxy;

import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.util.AsciiString;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/** What a proxy takes out of a message and puts into it (RFC 9110, section 7.6). */
final class MessageHeaders {
  /** Nodes that a forwarded request has passed; only between proxies of one cluster. */
  static final AsciiString HOPS = AsciiString.cached("tidemark-hops");

  /** In an answer between proxies: nothing has been done with the request, and why. */
  static final AsciiString NOT_DONE = AsciiString.cached("tidemark-not-done");

  private static final AsciiString FORWARDED_FOR = AsciiString.cached("x-forwarded-for");
  private static final AsciiString FORWARDED_PROTO = AsciiString.cached("x-forwarded-proto");
  private static final AsciiString FORWARDED_HOST = AsciiString.cached("x-forwarded-host");
  private static final AsciiString KEEP_ALIVE = AsciiString.cached("keep-alive");
  private static final AsciiString PROXY_CONNECTION = AsciiString.cached("proxy-connection");
  private static final AsciiString HTTP2_SETTINGS = AsciiString.cached("http2-settings");

  /** Headers that a Connection header cannot take away from the next hop. */
  private static final Set<String> KEPT =
      Set.of("host", "content-length", "transfer-encoding", "connection", "upgrade", "via");

  private MessageHeaders() {}

  /**
   * The protocol that a request wants to go over to through the proxy, or null. A body would stand
   * between the protocols, HTTP/2 would hide requests from this proxy.
   */
  static String upgrade(HttpRequest request, boolean hasBody) {
    HttpHeaders headers = request.headers();
    List<String> wanted = headers.getAll(HttpHeaderNames.UPGRADE);
    if (wanted.size() != 1
        || hasBody
        || !request.method().equals(HttpMethod.GET)
        || !headers.containsValue(HttpHeaderNames.CONNECTION, HttpHeaderValues.UPGRADE, true)) {
      return null;
    }
    String protocol = wanted.get(0).toLowerCase(Locale.ROOT);
    boolean ours = protocol.startsWith("tidemark");
    return ours || protocol.startsWith("h2") || protocol.contains(",") ? null : wanted.get(0);
  }

  /** Takes out what concerns one connection only, but for the framing. */
  static void removeHopByHop(HttpHeaders headers) {
    if (headers.contains(HttpHeaderNames.CONNECTION)) {
      for (String name : connectionOptions(headers)) {
        if (!KEPT.contains(name)) {
          headers.remove(name);
        }
      }
      headers.remove(HttpHeaderNames.CONNECTION);
    }
    headers.remove(KEEP_ALIVE);
    headers.remove(PROXY_CONNECTION);
    headers.remove(HTTP2_SETTINGS);
    headers.remove(HttpHeaderNames.TE);
    headers.remove(HttpHeaderNames.UPGRADE);
  }

  private static List<String> connectionOptions(HttpHeaders headers) {
    List<String> names = new ArrayList<>(2);
    for (String value : headers.getAll(HttpHeaderNames.CONNECTION)) {
      for (String name : value.split(",")) {
        names.add(name.strip().toLowerCase(Locale.ROOT));
      }
    }
    names.removeIf(String::isEmpty);
    return names;
  }

  /**
   * Says who asks. What a proxy before this one has said stays.
   *
   * @param client address without port
   */
  static void addForwarded(HttpHeaders headers, String client) {
    String before = all(headers, FORWARDED_FOR);
    headers.set(FORWARDED_FOR, before == null ? client : before + ", " + client);
    if (!headers.contains(FORWARDED_PROTO)) {
      headers.set(FORWARDED_PROTO, "http");
    }
    String host = headers.get(HttpHeaderNames.HOST);
    if (host != null && !headers.contains(FORWARDED_HOST)) {
      headers.set(FORWARDED_HOST, host);
    }
  }

  /** Whether a message has passed the proxy of that name. */
  static boolean hasPassed(HttpHeaders headers, String pseudonym) {
    String via = all(headers, HttpHeaderNames.VIA);
    if (via == null) {
      return false;
    }
    for (String hop : via.split(",")) {
      if (hop.strip().endsWith(" " + pseudonym)) {
        return true;
      }
    }
    return false;
  }

  static void addVia(HttpHeaders headers, HttpRequest request, String pseudonym) {
    String before = all(headers, HttpHeaderNames.VIA);
    String own =
        request.protocolVersion().majorVersion()
            + "."
            + request.protocolVersion().minorVersion()
            + " "
            + pseudonym;
    headers.set(HttpHeaderNames.VIA, before == null ? own : before + ", " + own);
  }

  private static String all(HttpHeaders headers, AsciiString name) {
    List<String> values = headers.getAll(name);
    return values.isEmpty() ? null : String.join(", ", values);
  }

  /** Whether a body follows. */
  static boolean hasBody(HttpRequest request) {
    String length = request.headers().get(HttpHeaderNames.CONTENT_LENGTH);
    return length != null
        ? HttpUtil.getContentLength(request, 0L) > 0
        : request.headers().contains(HttpHeaderNames.TRANSFER_ENCODING);
  }
}
