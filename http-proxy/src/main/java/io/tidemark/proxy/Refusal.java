package io.tidemark.proxy;

import io.netty.handler.codec.http.HttpResponseStatus;

/**
 * An answer of the proxy itself that says why there is no other.
 *
 * @param error what is wrong, one sentence without its full stop
 * @param hint what to do next
 */
record Refusal(HttpResponseStatus status, String error, String hint) {
  static Refusal malformed(String error) {
    return new Refusal(
        HttpResponseStatus.BAD_REQUEST, error, "Send a request that conforms to RFC 9112.");
  }

  String json() {
    return "{\"error\":\"" + escaped(error) + "\",\"hint\":\"" + escaped(hint) + "\"}\n";
  }

  private static String escaped(String text) {
    StringBuilder out = new StringBuilder(text.length() + 8);
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == '"' || c == '\\') {
        out.append('\\').append(c);
      } else if (c < ' ' || c > '~') {
        out.append(String.format("\\u%04x", (int) c));
      } else {
        out.append(c);
      }
    }
    return out.toString();
  }
}
