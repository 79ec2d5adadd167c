package io.tidemark.proxy;

import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.TooLongHttpHeaderException;
import io.netty.handler.codec.http.TooLongHttpLineException;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * What a request must be besides decodable, so that this proxy, the application and whatever stands
 * before both agree on where it ends and for whom it is (RFC 9112, sections 3.2, 6.1, 6.3).
 */
final class RequestChecks {
  private static final int MAX_LENGTH_DIGITS = 18;
  private static final int MAX_HEADERS = 128;

  /** There is no memory for one more. */
  static final Refusal BUSY =
      new Refusal(
          HttpResponseStatus.SERVICE_UNAVAILABLE,
          "there are too many requests at once",
          "Nothing was done. Try again in a moment.");

  private RequestChecks() {}

  /** Why the request is refused, or null. An address in absolute form is made a path. */
  static Refusal check(HttpRequest request) {
    if (request.decoderResult().isFailure()) {
      return undecodable(request.decoderResult().cause());
    }
    HttpVersion version = request.protocolVersion();
    boolean old = version.equals(HttpVersion.HTTP_1_0);
    if (!old && !version.equals(HttpVersion.HTTP_1_1)) {
      return new Refusal(
          HttpResponseStatus.HTTP_VERSION_NOT_SUPPORTED,
          "this proxy speaks HTTP/1.1",
          "Use HTTP/1.1.");
    }
    HttpHeaders headers = request.headers();
    if (headers.size() > MAX_HEADERS) {
      return tooManyHeaders();
    }
    String method = request.method().name();
    if (method.equals("CONNECT")) {
      return new Refusal(
          HttpResponseStatus.METHOD_NOT_ALLOWED,
          "CONNECT is for proxies that lead anywhere",
          "Ask this one for paths of its application.");
    }
    Refusal refusal = namesOf(headers);
    if (refusal == null) {
      refusal = framing(headers, old);
    }
    return refusal == null ? target(request, method, old) : refusal;
  }

  private static Refusal undecodable(Throwable cause) {
    if (cause instanceof TooLongHttpLineException) {
      return new Refusal(
          HttpResponseStatus.REQUEST_URI_TOO_LONG, "the request line is too long", "Shorten it.");
    }
    if (cause instanceof TooLongHttpHeaderException) {
      return tooManyHeaders();
    }
    if (cause instanceof RequestDecoder.OutOfRoomException) {
      return BUSY;
    }
    return Refusal.malformed("this is not a valid HTTP/1.1 request");
  }

  private static Refusal tooManyHeaders() {
    return new Refusal(
        HttpResponseStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
        "the headers are too large or too many",
        "Send fewer headers or smaller cookies.");
  }

  /** Names that an application may take for another: CGI and WSGI make "_" of "-". */
  private static Refusal namesOf(HttpHeaders headers) {
    for (Map.Entry<String, String> header : headers) {
      String name = header.getKey();
      if (name.indexOf('_') >= 0) {
        String read = name.replace('_', '-').toLowerCase(Locale.ROOT);
        boolean framing = read.equals("content-length") || read.equals("transfer-encoding");
        if (framing || read.equals("host") || read.startsWith("x-forwarded-")) {
          return Refusal.malformed("a header is named " + name);
        }
      }
    }
    return null;
  }

  private static Refusal framing(HttpHeaders headers, boolean old) {
    List<String> encodings = headers.getAll(HttpHeaderNames.TRANSFER_ENCODING);
    List<String> lengths = headers.getAll(HttpHeaderNames.CONTENT_LENGTH);
    if (encodings.isEmpty()) {
      boolean valid = lengths.isEmpty() || lengths.size() == 1 && isLength(lengths.get(0));
      return valid ? null : Refusal.malformed("the Content-Length is not one number");
    }
    if (!lengths.isEmpty()) {
      return Refusal.malformed("there are both Content-Length and Transfer-Encoding");
    }
    if (old) {
      return Refusal.malformed("HTTP/1.0 has no Transfer-Encoding");
    }
    boolean chunked = encodings.size() == 1 && encodings.get(0).equalsIgnoreCase("chunked");
    return chunked ? null : Refusal.malformed("the Transfer-Encoding is not just chunked");
  }

  private static boolean isLength(String text) {
    if (text.isEmpty() || text.length() > MAX_LENGTH_DIGITS) {
      return false;
    }
    for (int i = 0; i < text.length(); i++) {
      if (text.charAt(i) < '0' || text.charAt(i) > '9') {
        return false;
      }
    }
    return true;
  }

  private static Refusal target(HttpRequest request, String method, boolean old) {
    List<String> hosts = request.headers().getAll(HttpHeaderNames.HOST);
    boolean missing = hosts.isEmpty() && old;
    if (!missing && (hosts.size() != 1 || !Authority.isValid(hosts.get(0)))) {
      return Refusal.malformed("there is not one valid Host");
    }
    String uri = request.uri();
    for (int i = 0; i < uri.length(); i++) {
      char c = uri.charAt(i);
      if (c <= ' ' || c > '~' || c == '#' || c == '\\') {
        return new Refusal(
            HttpResponseStatus.BAD_REQUEST,
            "the address has characters that no address has",
            "Encode special characters as %XX.");
      }
    }
    if (uri.startsWith("/") || uri.equals("*") && method.equals("OPTIONS")) {
      return null;
    }
    return absolute(request, uri, missing ? null : hosts.get(0));
  }

  /** A client that takes this for a proxy of its own names the host twice: it must be the same. */
  private static Refusal absolute(HttpRequest request, String uri, String host) {
    int begin = uri.regionMatches(true, 0, "http://", 0, 7) ? 7 : -1;
    begin = uri.regionMatches(true, 0, "https://", 0, 8) ? 8 : begin;
    if (begin < 0) {
      return Refusal.malformed("the address is no path");
    }
    int end = begin;
    while (end < uri.length() && uri.charAt(end) != '/' && uri.charAt(end) != '?') {
      end++;
    }
    String authority = uri.substring(begin, end);
    if (host == null || !authority.equalsIgnoreCase(host)) {
      return Refusal.malformed("the address and the Host header name different hosts");
    }
    request.setUri(uri.startsWith("/", end) ? uri.substring(end) : "/" + uri.substring(end));
    return null;
  }
}
