package io.tidemark.node.http;

import io.netty.buffer.Unpooled;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpVersion;
import io.tidemark.node.json.Json;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/**
 * A short answer that is held in memory as a whole.
 *
 * @param headers more than those that every answer has
 */
record Reply(
    HttpResponseStatus status, String contentType, String body, Map<String, String> headers) {
  static Reply json(HttpResponseStatus status, Object value) {
    return new Reply(status, "application/json", Json.write(value) + "\n", Map.of());
  }

  static Reply ok(Object value) {
    return json(HttpResponseStatus.OK, value);
  }

  static Reply text(String contentType, String body) {
    return new Reply(HttpResponseStatus.OK, contentType, body, Map.of());
  }

  static Reply error(ApiException e) {
    return json(e.status(), Json.object("error", e.getMessage(), "hint", e.hint()));
  }

  /** A method that the path does not have. */
  static Reply notAllowed(String allow) {
    Reply reply =
        json(
            HttpResponseStatus.METHOD_NOT_ALLOWED,
            Json.object("error", "method not allowed here", "hint", "Use " + allow + "."));
    return new Reply(
        reply.status,
        reply.contentType,
        reply.body,
        Map.of(HttpHeaderNames.ALLOW.toString(), allow));
  }

  /** The answer as HTTP; for HEAD without its body but with its length. */
  FullHttpResponse response(boolean head, boolean keepAlive) {
    byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
    FullHttpResponse response =
        new DefaultFullHttpResponse(
            HttpVersion.HTTP_1_1,
            status,
            head ? Unpooled.EMPTY_BUFFER : Unpooled.wrappedBuffer(bytes));
    response.headers().setInt(HttpHeaderNames.CONTENT_LENGTH, bytes.length);
    commonHeaders(response, contentType);
    headers.forEach((name, value) -> response.headers().set(name, value));
    if (status.equals(HttpResponseStatus.UNAUTHORIZED)) {
      response.headers().set(HttpHeaderNames.WWW_AUTHENTICATE, "Bearer");
    }
    response
        .headers()
        .set(
            HttpHeaderNames.CONNECTION,
            keepAlive ? HttpHeaderValues.KEEP_ALIVE : HttpHeaderValues.CLOSE);
    return response;
  }

  static void commonHeaders(HttpResponse response, String contentType) {
    response
        .headers()
        .set(HttpHeaderNames.CONTENT_TYPE, contentType)
        .set(HttpHeaderNames.CACHE_CONTROL, HttpHeaderValues.NO_STORE)
        .set("X-Content-Type-Options", "nosniff");
  }
}
