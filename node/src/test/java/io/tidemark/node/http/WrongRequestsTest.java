package io.tidemark.node.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.node.config.HostPort;
import io.tidemark.node.config.NodeConfig;
import io.tidemark.node.json.Json;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Every path with wrong, missing and hostile arguments: status, error and hint. */
@Timeout(60)
class WrongRequestsTest {
  private static final String LONG = "a".repeat(600);

  @TempDir Path dir;
  private FakeNode node;
  private ApiServer server;
  private RawClient client;

  @BeforeEach
  void start() throws IOException {
    node = new FakeNode(dir);
    node.put("app.db", new byte[4096]);
    serve(ApiLimits.defaults());
  }

  private void serve(ApiLimits limits) throws IOException {
    stop();
    server =
        ApiServer.start(
            new NodeConfig.Http(new HostPort("127.0.0.1", 0), null, null, false), node, limits);
    client = new RawClient(server.port());
  }

  @AfterEach
  void stop() throws IOException {
    if (server != null) {
      client.close();
      server.close();
    }
  }

  /** In a request LONG is a name of 600 characters. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      value = {
        "GET /nope | 404 | there is no /nope | GET /",
        "GET //status | 404 | there is no | GET /",
        "GET /%2e%2e/status | 404 | there is no | GET /",
        "GET /status%00 | 404 | there is no | GET /",
        "POST /info | 405 | method not allowed | GET, HEAD",
        "DELETE /status | 405 | method not allowed | GET, HEAD",
        "POST /health | 405 | method not allowed | GET, HEAD",
        "POST /ready | 405 | method not allowed | GET, HEAD",
        "POST /metrics | 405 | method not allowed | GET, HEAD",
        "POST /events | 405 | method not allowed | GET",
        "HEAD /events | 405 | |",
        "PATCH /import?name=x | 405 | method not allowed | POST",
        "GET /promote | 405 | method not allowed | POST",
        "GET /handoff | 405 | method not allowed | POST",
        "PUT /halt?name=app.db&id=1 | 405 | method not allowed | POST, DELETE",
        "GET /tx | 405 | method not allowed | POST",
        "GET /export | 400 | the parameter name is missing | ?name=DATABASE",
        "GET /export?name= | 400 | no database can have that name | app.db",
        "GET /export?name=a&name=b | 400 | given twice | ?name=DATABASE",
        "GET /export?name=none.db | 404 | there is no database none.db | GET /status",
        "GET /export?name=../app.db | 400 | no database can have that name | app.db",
        "GET /export?name=/etc/passwd | 400 | no database can have that name | app.db",
        "GET /export?name=x/../../app.db | 400 | no database can have that name | app.db",
        "GET /export?name=app.db%00.txt | 400 | no database can have that name | app.db",
        "GET /export?name=a%0d%0aX-Y:%20z | 404 | there is no database | GET /status",
        "GET /export?name=%ff%fe | 400 | not valid UTF-8 | app.db",
        "GET /export?name=%zz | 400 | address is not valid | %XX",
        "GET /export?name=LONG | 400 | no database can have that name | app.db",
        "GET /export?name=app.db-wal | 400 | no database can have that name | app.db",
        "POST /import | 400 | the parameter name is missing | ?name=DATABASE",
        "POST /import?name=..%2fx | 400 | no database can have that name | app.db",
        "POST /drop | 400 | the parameter name is missing | ?name=DATABASE",
        "POST /drop?name=none.db | 404 | there is no database none.db | GET /status",
        "DELETE /drop?name=.. | 400 | no database can have that name | app.db",
        "POST /promote | 409 | the lease is static | etcd, consul or kubernetes",
        "POST /handoff?nodeID=x | 409 | the lease is static | etcd, consul or kubernetes",
        "POST /halt | 400 | |",
        "POST /halt?name=app.db | 400 | id |",
        "POST /halt?name=app.db&id=0 | 400 | id |",
        "POST /halt?name=app.db&id=-1 | 400 | id |",
        "POST /halt?name=../x&id=0000000000000001 | 400 | no database can have that name | app.db",
        "DELETE /halt?name=app.db | 400 | id |",
        "POST /tx?name=app.db | 400 | |",
        "POST /tx?name=../x&lockID=0000000000000001 | 400 | |",
        "GET /stream | 426 | for replicas | Upgrade: tidemark/",
      })
  void aWrongRequestIsExplained(String request, int status, String says, String next)
      throws IOException {
    String answer =
        client.send(request.replace("LONG", LONG) + " HTTP/1.1\r\nHost: localhost\r\n\r\n").head();
    assertThat(answer).startsWith("HTTP/1.1 " + status).contains("application/json");
    if (request.startsWith("HEAD")) {
      return;
    }
    client.close();
    client = new RawClient(server.port());
    String whole =
        client
            .send(request.replace("LONG", LONG) + " HTTP/1.1\r\nHost: localhost\r\n\r\n")
            .answer();
    Map<?, ?> body = (Map<?, ?>) Json.parse(whole.substring(whole.indexOf("\r\n\r\n")).trim());
    assertThat(String.valueOf(body.get("error"))).isNotBlank().contains(says == null ? "" : says);
    assertThat(String.valueOf(body.get("hint"))).isNotBlank().contains(next == null ? "" : next);
    assertThat(whole.substring(0, whole.indexOf("\r\n\r\n"))).doesNotContain("X-Y");
    assertThat(node.find("app.db")).isNotNull();
  }

  private static ApiLimits limits(int connections, Duration request) {
    return new ApiLimits(8 << 10, 16 << 10, 1 << 20, connections, request, Duration.ofSeconds(30));
  }

  @Test
  void aHeadThatTricklesIsCutOffInTime() throws Exception {
    serve(limits(4, Duration.ofMillis(300)));
    client.send("GET /status HTTP/1.1\r\nHost: localhost\r\n");
    long begin = System.nanoTime();
    String rest = "";
    try {
      while (System.nanoTime() - begin < 10_000_000_000L) {
        client.send("X-" + System.nanoTime() % 1000 + ": y\r\n"); // each arrives, none is the last
        Thread.sleep(50);
      }
      rest = "never cut off";
    } catch (IOException e) {
      assertThat(System.nanoTime() - begin).isLessThan(5_000_000_000L);
    }
    assertThat(rest).isEmpty();
  }

  @Test
  void aFloodOfConnectionsEndsAndOthersGetThrough() throws Exception {
    serve(limits(8, Duration.ofMillis(500)));
    List<RawClient> flood = new ArrayList<>();
    for (int i = 0; i < 200; i++) {
      flood.add(new RawClient(server.port()));
    }
    // Those that say nothing lose their places.
    String answer = "";
    long begin = System.nanoTime();
    while (!answer.startsWith("HTTP/1.1 200") && System.nanoTime() - begin < 20_000_000_000L) {
      try (RawClient one = new RawClient(server.port())) {
        answer = one.send("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").answer();
      } catch (IOException e) {
        Thread.sleep(20);
      }
    }
    assertThat(answer).startsWith("HTTP/1.1 200");
    for (RawClient one : flood) {
      one.close();
    }
  }
}
