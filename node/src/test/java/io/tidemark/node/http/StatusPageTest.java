package io.tidemark.node.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.node.config.HostPort;
import io.tidemark.node.config.NodeConfig;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class StatusPageTest {
  @TempDir Path dir;
  private ApiServer server;
  private RawClient client;

  @BeforeEach
  void start() throws IOException {
    server =
        ApiServer.start(
            new NodeConfig.Http(new HostPort("127.0.0.1", 0), null, "s3cret", false),
            new FakeNode(dir),
            ApiLimits.defaults());
    client = new RawClient(server.port());
  }

  @AfterEach
  void stop() throws IOException {
    client.close();
    server.close();
  }

  private String get(String path, String accept) throws IOException {
    return client
        .send("GET " + path + " HTTP/1.1\r\nHost: localhost\r\nAccept: " + accept + "\r\n\r\n")
        .answer();
  }

  @Test
  void aBrowserGetsThePageAndEveryoneElseTheListOfPaths() throws IOException {
    assertThat(get("/", "text/html,application/xhtml+xml,*/*;q=0.8"))
        .startsWith("HTTP/1.1 200")
        .contains("content-type: text/html; charset=utf-8")
        .contains("<title>Tidemark</title>");
    assertThat(get("/", "*/*")).contains("content-type: text/plain").contains("/export");
  }

  @ParameterizedTest
  @CsvSource({"/, text/html", "/page/style.css, text/css", "/page/page.js, text/javascript"})
  void everyPartIsGuardedAndNeedsNoToken(String path, String type) throws IOException {
    assertThat(get(path, "text/html"))
        .startsWith("HTTP/1.1 200")
        .contains("content-type: " + type + "; charset=utf-8")
        .contains("Content-Security-Policy: default-src 'none'; script-src 'self'")
        .contains("frame-ancestors 'none'")
        .contains("Referrer-Policy: no-referrer")
        .contains("X-Content-Type-Options: nosniff");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"/page", "/page/", "/page/index.html2", "/page/../status", "/page/%2e%2e/status"})
  void nothingElseIsOpen(String path) throws IOException {
    assertThat(get(path, "text/html")).startsWith("HTTP/1.1 401");
  }

  @Test
  void thePageChangesNothing() throws IOException {
    String post = "POST / HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\n\r\n";
    assertThat(client.send(post).answer()).startsWith("HTTP/1.1 405");
    String script = part("page.js");
    assertThat(script).doesNotContain("POST").doesNotContain("DELETE").doesNotContain("method:");
  }

  /** Text of the node gets into the page as text, and nothing comes from elsewhere. */
  @ParameterizedTest
  @ValueSource(strings = {"index.html", "style.css", "page.js"})
  void thePageLoadsAndInterpretsNothing(String file) throws IOException {
    assertThat(part(file))
        .doesNotContain("innerHTML")
        .doesNotContain("outerHTML")
        .doesNotContain("insertAdjacent")
        .doesNotContain("document.write")
        .doesNotContain("eval(")
        .doesNotContain("style=")
        .doesNotContain("onclick")
        .doesNotContainPattern("(src|href)=\"(?!page/|data:,)")
        .doesNotContainPattern("https?://(?!www\\.w3\\.org/2000/svg)")
        .doesNotContain("url(");
  }

  private static String part(String file) throws IOException {
    try (InputStream in = StatusPage.class.getResourceAsStream("page/" + file)) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
  }
}
