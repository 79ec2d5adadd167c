package io.tidemark.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RoutingTest {
  private final Routing routing =
      new Routing(List.of("/static/*", "*.png"), List.of("/admin/*", "*/report"));

  @ParameterizedTest
  @CsvSource({
    "GET, /, READ",
    "HEAD, /x, READ",
    "OPTIONS, /x, READ",
    "OPTIONS, *, READ",
    "TRACE, /x, READ",
    "POST, /x, WRITE",
    "PUT, /x, WRITE",
    "PATCH, /x, WRITE",
    "DELETE, /x, WRITE",
    "PROPFIND, /x, WRITE",
    "get, /x, WRITE", // methods are case-sensitive
    "GET, /admin/, WRITE",
    "GET, /admin/users/1, WRITE",
    "GET, /admin, READ",
    "GET, /sales/report, WRITE",
    "HEAD, /sales/report, WRITE",
    "GET, /static/app.js, PASSTHROUGH",
    "POST, /static/upload, PASSTHROUGH",
    "POST, /admin/logo.png, PASSTHROUGH", // passthrough comes first
    "GET, /tidemark/health, HEALTH",
    "POST, /litefs/health, HEALTH",
    "GET, /litefs/health/x, READ",
    "GET, /static/../admin/, PASSTHROUGH", // what the client says, not what it may mean
  })
  void aRequestIsRoutedByMethodAndPath(String method, String path, Route expected) {
    assertThat(routing.route(method, path)).isEqualTo(expected);
  }

  @ParameterizedTest
  @CsvSource({
    "/build/*, /build/, true",
    "/build/*, /build/foo, true",
    "/build/*, /build/foo/bar, true",
    "/build/*, /build, false",
    "*.png, /images/pic.png, true",
    "*.png, /images/pic.png2, false",
    "*foo*, /foo, true",
    "*foo*, foo/bar, true",
    "*foo*, /foo/bar, true",
    "*foo*, /bar/baz, false",
    "/a, /a, true",
    "/a, /ab, false",
    "/a.b, /axb, false",
    "*, /anything, true",
    "/a*a, /a, false",
    "/a*a, /aa, true",
    "/*/x/*/y, /1/x/2/y, true",
    "/*/x/*/y, /1/x/y, false",
    "**, /x, true",
  })
  void aStarStandsForAnyCharacters(String pattern, String path, boolean expected) {
    assertThat(new PathPatterns(List.of(pattern)).matches(path)).isEqualTo(expected);
  }

  @Test
  void aPatternWithManyStarsIsNotSlow() {
    PathPatterns patterns = new PathPatterns(List.of("*a".repeat(30) + "b"));
    assertThat(patterns.matches("/" + "a".repeat(8000))).isFalse();
  }

  @ParameterizedTest
  @CsvSource({"GET, true", "PUT, true", "DELETE, true", "POST, false", "PATCH, false", "X, false"})
  void onlySomeMethodsMayBeRepeated(String method, boolean expected) {
    assertThat(Routing.isIdempotent(method)).isEqualTo(expected);
  }
}
