package io.tidemark.proxy;

import java.util.List;
import java.util.Set;

/** Decides from method and path what is to become of a request. */
final class Routing {
  /** Methods that change nothing (RFC 9110, section 9.2.1). */
  private static final Set<String> SAFE = Set.of("GET", "HEAD", "OPTIONS", "TRACE");

  /** Methods that may be carried out twice (RFC 9110, section 9.2.2). */
  private static final Set<String> IDEMPOTENT =
      Set.of("GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE");

  private static final Set<String> HEALTH = Set.of("/tidemark/health", "/litefs/health");

  private final PathPatterns passthrough;
  private final PathPatterns alwaysForward;

  Routing(List<String> passthrough, List<String> alwaysForward) {
    this.passthrough = new PathPatterns(passthrough);
    this.alwaysForward = new PathPatterns(alwaysForward);
  }

  /**
   * @param path without the query
   */
  Route route(String method, String path) {
    if (passthrough.matches(path)) {
      return Route.PASSTHROUGH;
    }
    if (HEALTH.contains(path)) {
      return Route.HEALTH;
    }
    return SAFE.contains(method) && !alwaysForward.matches(path) ? Route.READ : Route.WRITE;
  }

  static boolean isIdempotent(String method) {
    return IDEMPOTENT.contains(method);
  }
}
