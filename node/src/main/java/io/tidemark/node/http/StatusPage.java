package io.tidemark.node.http;

import io.netty.handler.codec.http.HttpResponseStatus;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/**
 * The page at {@code /} for people with a browser: three files of the jar that show what {@code
 * /status} and {@code /events} say. They have no data themselves, so they need no token, and they
 * load nothing from elsewhere.
 */
final class StatusPage {
  /**
   * The page runs its own script and style, talks with its own node, and is shown in no frame: even
   * a name that became markup could do nothing.
   */
  private static final String POLICY =
      "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:;"
          + " base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

  private static final Map<String, String> TYPES =
      Map.of(
          "index.html", "text/html; charset=utf-8",
          "style.css", "text/css; charset=utf-8",
          "page.js", "text/javascript; charset=utf-8");

  private static final String ROOT = "/";

  private StatusPage() {}

  /** The answers by path. */
  static Map<String, Reply> replies() {
    Map<String, Reply> replies = new LinkedHashMap<>();
    for (String file : Set.copyOf(TYPES.keySet())) {
      replies.put(file.equals("index.html") ? ROOT : "/page/" + file, reply(file));
    }
    return replies;
  }

  /** Whether a path is the page's. */
  static boolean isPart(String path) {
    return path.equals(ROOT) || path.startsWith("/page/") && TYPES.containsKey(path.substring(6));
  }

  private static Reply reply(String file) {
    try (InputStream in = StatusPage.class.getResourceAsStream("page/" + file)) {
      return new Reply(
          HttpResponseStatus.OK,
          TYPES.get(file),
          new String(in.readAllBytes(), StandardCharsets.UTF_8),
          Map.of("Content-Security-Policy", POLICY, "Referrer-Policy", "no-referrer"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
