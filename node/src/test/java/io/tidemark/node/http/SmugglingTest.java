package io.tidemark.node.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.node.config.HostPort;
import io.tidemark.node.config.NodeConfig;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Requests whose end is ambiguous (RFC 9112, sections 6 and 11.2). A second request that hides in
 * the body of such a one must not be answered: something in front of the node may have taken it for
 * a body.
 */
@Timeout(60)
class SmugglingTest {
  /** Drops the database if it is taken for a request. */
  private static final String HIDDEN = "POST /drop?name=app.db HTTP/1.1\r\nHost: localhost\r\n\r\n";

  @TempDir Path dir;
  private FakeNode node;
  private ApiServer server;

  @BeforeEach
  void start() throws IOException {
    node = new FakeNode(dir);
    node.put("app.db", new byte[4096]);
    ApiLimits usual = ApiLimits.defaults();
    server =
        ApiServer.start(
            new NodeConfig.Http(new HostPort("127.0.0.1", 0), null, null, false),
            node,
            new ApiLimits(
                usual.maxLine(),
                usual.maxHeaders(),
                1 << 20,
                64,
                Duration.ofMillis(500),
                Duration.ofMillis(500)));
  }

  @AfterEach
  void stop() {
    server.close();
  }

  /** In a line ; stands for the end of a line, N for the length of what is hidden. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "GET /status HTTP/1.1;Host: x.localhost;Content-Length: N;Content-Length: 0;;",
        "GET /status HTTP/1.1;Host: localhost;Content-Length: 0;Content-Length: N;;",
        "GET /status HTTP/1.1;Host: localhost;Content-Length: 0, N;;",
        "GET /status HTTP/1.1;Host: localhost;Content-Length: +0;;",
        "GET /status HTTP/1.1;Host: localhost;Content-Length: -1;;",
        "GET /status HTTP/1.1;Host: localhost;Content-Length: 0x0;;",
        "GET /status HTTP/1.1;Host: localhost;Content-Length: 1e1;;",
        "GET /status HTTP/1.1;Host: localhost;Content-Length: 99999999999999999999;;",
        "GET /status HTTP/1.1;Host: localhost;Content-Length: ;;",
        "GET /status HTTP/1.1;Host: localhost;Content-Length : 0;;",
        "GET /status HTTP/1.1;Host: localhost;Transfer-Encoding: chunked;Content-Length: 4;;0;;",
        "GET /status HTTP/1.1;Host: localhost;Content-Length: 4;Transfer-Encoding: chunked;;0;;",
        "GET /status HTTP/1.1;Host: localhost;Transfer-Encoding: xchunked;Content-Length: 0;;",
        "GET /status HTTP/1.1;Host: localhost;Transfer-Encoding: chunked, identity;;0;;",
        "GET /status HTTP/1.1;Host: localhost;Transfer-Encoding : chunked;Content-Length: 0;;",
        "GET /status HTTP/1.1;Host: localhost;Transfer-Encoding: chunked;;zz;;",
        "GET /status HTTP/1.1;Host: localhost;Transfer-Encoding: chunked;;-1;;",
        "GET /status HTTP/1.1;Host: localhost;Transfer-Encoding: chunked;;0x0;;",
        "GET /status HTTP/1.1;Host: localhost;Transfer-Encoding: chunked;;fffffffffffffffff;;",
        "GET /status HTTP/1.1;Host: localhost;Content-Length: 0 N;;",
        "GET /status HTTP/1.0;Host: localhost;Connection: keep-alive;Transfer-Encoding: chunked;;0;;",
        "GET /status HTTP/2.0;Host: localhost;Content-Length: 0;;",
        "GET /sta tus HTTP/1.1;Host: localhost;Content-Length: 0;;",
        "GET /status;Host: localhost;;",
      })
  void whatHidesInAnAmbiguousRequestIsNotAnswered(String request) throws IOException {
    String text =
        request
            .replace(";", "\r\n")
            .replace(" N", " " + HIDDEN.length())
            .replace("Host: x.", "Host: ");
    String said;
    try (RawClient client = new RawClient(server.port())) {
      said = client.send(text + HIDDEN).end().rest();
    }
    assertThat(node.find("app.db")).as(said).isNotNull();
    assertThat(said).doesNotContain("HTTP/1.1 200");
  }
}
