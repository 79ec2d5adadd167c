package io.tidemark.node.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.handler.codec.http.HttpMethod;
import io.tidemark.node.config.AccessRole;
import io.tidemark.node.config.AccessToken;
import io.tidemark.node.config.HostPort;
import io.tidemark.node.config.NodeConfig;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What each role of a token opens. */
@Timeout(60)
class AccessRolesTest {
  @TempDir Path dir;
  private FakeNode node;
  private ApiServer server;
  private RawClient client;

  @BeforeEach
  void start() throws IOException {
    node = new FakeNode(dir);
    node.put("app.db", new byte[4096]);
    NodeConfig.Http http =
        new NodeConfig.Http(
            new HostPort("127.0.0.1", 0),
            null,
            "replicates",
            List.of(
                new AccessToken("reads", AccessRole.READ),
                new AccessToken("replicates", AccessRole.REPLICATE),
                new AccessToken("rules", AccessRole.ADMIN)),
            false);
    server = ApiServer.start(http, node, ApiLimits.defaults());
    client = new RawClient(server.port());
  }

  @AfterEach
  void stop() throws IOException {
    client.close();
    server.close();
  }

  private int status(String request, String token) throws IOException {
    client.close();
    client = new RawClient(server.port());
    client.send(request + " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + token + "\r\n\r\n");
    String answer = request.startsWith("HEAD") ? client.head() : client.answer();
    if (answer.contains("\r\n\r\n{") && answer.matches("(?s)HTTP/1.1 40[13].*")) {
      assertThat(answer).contains("\"error\"").contains("\"hint\"").doesNotContain(token + "\"");
    }
    return Integer.parseInt(answer.substring(9, 12));
  }

  /** Requests that are wrong on purpose where they would do something: 4xx of the path itself. */
  @ParameterizedTest
  @CsvSource({
    "GET /status, 200, 200, 200",
    "GET /metrics, 200, 200, 200",
    "HEAD /info, 200, 200, 200",
    "GET /nope, 404, 404, 404",
    "GET /stream, 403, 426, 426",
    "GET /proxy, 403, 426, 426",
    "POST /halt, 403, 400, 400",
    "DELETE /halt, 403, 400, 400",
    "POST /tx, 403, 400, 400",
    "POST /handoff, 403, 409, 409",
    "POST /promote, 403, 403, 409",
    "POST /import, 403, 403, 400",
    "POST /drop, 403, 403, 400",
    "POST /status, 403, 403, 405",
    "PUT /nope, 403, 403, 404",
  })
  void aRoleOpensWhatItIsFor(String request, int read, int replicate, int admin)
      throws IOException {
    assertThat(status(request, "reads")).isEqualTo(read);
    assertThat(status(request, "replicates")).isEqualTo(replicate);
    assertThat(status(request, "rules")).isEqualTo(admin);
    assertThat(status(request, "read")).isEqualTo(401);
    assertThat(status(request, "ruless")).isEqualTo(401);
    assertThat(node.find("app.db")).isNotNull();
  }

  @Test
  void whatIsNotReadingNeedsTheMostByDefault() {
    assertThat(ApiSecurity.needed(HttpMethod.POST, "/some-new-path")).isEqualTo(AccessRole.ADMIN);
    assertThat(ApiSecurity.needed(HttpMethod.valueOf("PROPFIND"), "/status"))
        .isEqualTo(AccessRole.ADMIN);
  }

  @Test
  void aTokenIsNotShown() {
    assertThat(new AccessToken("s3cret", AccessRole.READ).toString()).doesNotContain("s3cret");
  }
}
