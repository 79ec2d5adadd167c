package io.tidemark.node.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidemark.lease.protocol.Role;
import io.tidemark.node.cluster.ClusterControl;
import io.tidemark.node.cluster.ClusterStatus;
import io.tidemark.node.cluster.RoleChangeException;
import io.tidemark.node.config.HostPort;
import io.tidemark.node.config.NodeConfig;
import io.tidemark.node.http.FakeNode.EndlessDatabase;
import io.tidemark.node.json.Json;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class ApiServerTest {
  private static final String END = " HTTP/1.1\r\nHost: localhost\r\n\r\n";

  @TempDir Path root;
  private Path dataDir;
  private FakeNode node;
  private ApiServer server;
  private RawClient client;

  private static ApiLimits limits(long maxImport, Duration request, Duration idle) {
    return new ApiLimits(8 << 10, 16 << 10, maxImport, 4, request, idle);
  }

  @BeforeEach
  void start() throws IOException {
    dataDir = Files.createDirectory(root.resolve("data"));
    node = new FakeNode(dataDir);
    node.put("app.db", "content of app".getBytes(StandardCharsets.US_ASCII));
    serve(null, ApiLimits.defaults());
  }

  private void serve(String token, ApiLimits limits) throws IOException {
    stop();
    server =
        ApiServer.start(
            new NodeConfig.Http(new HostPort("127.0.0.1", 0), null, token, false), node, limits);
    client = new RawClient(server.port());
  }

  @AfterEach
  void stop() throws IOException {
    if (client != null) {
      client.close();
      server.close();
    }
  }

  private String get(String target) throws IOException {
    return client.send("GET " + target + END).answer();
  }

  private static Map<?, ?> body(String answer) {
    return (Map<?, ?>) Json.parse(answer.substring(answer.indexOf("\r\n\r\n")).trim());
  }

  private Path[] spooled() throws IOException {
    Path dir = dataDir.resolve("import");
    if (!Files.exists(dir)) {
      return new Path[0];
    }
    try (var files = Files.list(dir)) {
      return files.toArray(Path[]::new);
    }
  }

  @Test
  void infoKeepsTheFieldsOfLitefs() throws IOException {
    assertThat(body(get("/info")))
        .isEqualTo(
            Map.of(
                "clusterID",
                "00000000000000cc",
                "isPrimary",
                true,
                "candidate",
                true,
                "path",
                dataDir.toString(),
                "primary",
                Map.of("hostname", "box")));
  }

  @Test
  void statusShowsEveryDatabase() throws IOException {
    Map<?, ?> status = body(get("/status"));
    assertThat(status.get("role")).isEqualTo("primary");
    assertThat(status.get("epoch")).isEqualTo(2L);
    assertThat((List<?>) status.get("databases"))
        .singleElement()
        .satisfies(
            item -> {
              Map<?, ?> database = (Map<?, ?>) item;
              assertThat(database.get("name")).isEqualTo("app.db");
              assertThat(database.get("txid")).isEqualTo("0000000000000003");
              assertThat(database.get("checksum")).isEqualTo("8000000000000000");
              assertThat(database.get("health")).isEqualTo("ok");
            });
  }

  @Test
  void readyFollowsTheMountAndHealthDoesNot() throws IOException {
    assertThat(get("/ready")).startsWith("HTTP/1.1 200");
    node.mounted = false;
    assertThat(get("/ready")).startsWith("HTTP/1.1 503").contains("\"hint\"");
    assertThat(get("/health")).startsWith("HTTP/1.1 200");
  }

  @Test
  void metricsAreInThePrometheusFormat() throws IOException {
    String metrics = get("/metrics");
    assertThat(metrics)
        .contains("content-type: text/plain; version=0.0.4")
        .contains("# TYPE tidemark_db_txid gauge\ntidemark_db_txid{db=\"app.db\"} 3\n")
        .contains("tidemark_db_commit_count{db=\"app.db\"} 3\n")
        .contains("tidemark_fuse_request_count{op=\"write\"} 5\n")
        .contains("tidemark_db_commit_latency_seconds_bucket{db=\"app.db\",le=\"2.0E-5\"} 1\n")
        .contains("tidemark_db_commit_latency_seconds_bucket{db=\"app.db\",le=\"+Inf\"} 2\n")
        .contains("tidemark_db_commit_latency_seconds_count{db=\"app.db\"} 2\n");
    String body = metrics.substring(metrics.indexOf("\r\n\r\n") + 4);
    assertThat(body.lines())
        .allMatch(
            line ->
                line.startsWith("# ")
                    || line.matches(
                        "[a-z_]+(\\{[a-z]+=\"[^\"]*\"(,[a-z]+=\"[^\"]*\")*\\})? [0-9.E+-]+"));
  }

  @Test
  void theRootListsThePaths() throws IOException {
    assertThat(get("/")).contains("/status").contains("/export").contains("text/plain");
  }

  @Test
  void exportSendsTheDatabase() throws IOException {
    String answer = client.send("GET /export?name=app.db" + END).head();
    assertThat(answer).startsWith("HTTP/1.1 200").contains("transfer-encoding: chunked");
    assertThat(new String(client.in().readNBytes(19), StandardCharsets.US_ASCII))
        .isEqualTo("e\r\ncontent of app\r\n");
    assertThat(new String(client.in().readNBytes(5), StandardCharsets.US_ASCII))
        .isEqualTo("0\r\n\r\n");
    assertThat(get("/health")).startsWith("HTTP/1.1 200");
  }

  @Test
  void anOldClientGetsTheDatabaseUntilTheConnectionCloses() throws IOException {
    String all = client.send("GET /export?name=app.db HTTP/1.0\r\n\r\n").rest();
    assertThat(all).contains("200 OK").doesNotContain("chunked").endsWith("\r\n\r\ncontent of app");
  }

  @Test
  void anExportThatFailsIsNoCompleteAnswer() throws IOException {
    node.putFailing("early", 0);
    assertThat(get("/export?name=early")).startsWith("HTTP/1.1 500").contains("page 7 is damaged");
    node.putFailing("late", 100_000);
    String all = client.send("GET /export?name=late" + END).rest();
    assertThat(all).startsWith("HTTP/1.1 200").doesNotEndWith("0\r\n\r\n");
  }

  @Test
  void aSlowClientHoldsTheExportBack() throws Exception {
    EndlessDatabase endless = node.putEndless("endless");
    client.send("GET /export?name=endless" + END).head();
    long seen = -1;
    while (seen != endless.written.get()) {
      seen = endless.written.get();
      // Lets the writer fill what the sockets and the queue hold.
      assertThat(endless.stopped.await(500, TimeUnit.MILLISECONDS)).isFalse();
    }
    assertThat(seen).isBetween(1L, 32L << 20);
    client.in().readNBytes(8 << 20);
    while (endless.written.get() == seen) {
      assertThat(endless.stopped.await(10, TimeUnit.MILLISECONDS)).isFalse();
    }
  }

  @Test
  void aClientThatGoesAwayEndsTheExport() throws Exception {
    EndlessDatabase endless = node.putEndless("endless");
    client.send("GET /export?name=endless" + END).head();
    client.close();
    assertThat(endless.stopped.await(30, TimeUnit.SECONDS)).isTrue();
  }

  @Test
  void aClientThatTakesNothingEndsTheExport() throws Exception {
    serve(null, limits(1 << 20, Duration.ofSeconds(30), Duration.ofMillis(200)));
    EndlessDatabase endless = node.putEndless("endless");
    client.send("GET /export?name=endless" + END).head();
    assertThat(endless.stopped.await(30, TimeUnit.SECONDS)).isTrue();
  }

  private String post(String target, byte[] content) throws IOException {
    String head = "POST " + target + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: ";
    return client.send(head + content.length + "\r\n\r\n").send(content).answer();
  }

  @Test
  void importTakesADatabaseOfAnySize() throws IOException {
    byte[] content = new byte[3 << 20];
    Arrays.fill(content, (byte) 7);
    assertThat(post("/import?name=dir/new%20one.db", content))
        .startsWith("HTTP/1.1 200")
        .contains("\"txid\":\"0000000000000003\"");
    assertThat(node.find("dir/new one.db").size()).isEqualTo(content.length);
    assertThat(spooled()).isEmpty();
    assertThat(get("/health")).startsWith("HTTP/1.1 200");
  }

  @Test
  void importTakesChunksAndExpectations() throws IOException {
    client.send(
        "POST /import?name=x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
            + "Expect: 100-continue\r\n\r\n");
    assertThat(client.head()).startsWith("HTTP/1.1 100");
    client.send("200\r\n" + "a".repeat(512) + "\r\n1\r\nb\r\n0\r\n\r\n");
    assertThat(client.answer()).startsWith("HTTP/1.1 200");
    assertThat(node.find("x").size()).isEqualTo(513);
  }

  @Test
  void anInvalidDatabaseIsRefused() throws IOException {
    assertThat(post("/import?name=x", new byte[10]))
        .startsWith("HTTP/1.1 400")
        .contains("the file has only 10 bytes");
    assertThat(node.find("x")).isNull();
    assertThat(spooled()).isEmpty();
  }

  @Test
  void onlyThePrimaryTakesChanges() throws IOException {
    node.primary = false;
    assertThat(post("/import?name=x", new byte[600])).startsWith("HTTP/1.1 503");
    client = new RawClient(server.port());
    assertThat(client.send("POST /drop?name=app.db" + END).answer()).startsWith("HTTP/1.1 503");
    assertThat(node.find("app.db")).isNotNull();
  }

  @Test
  void aBodyThatIsTooLargeIsRefusedBeforeAndWhileItArrives() throws IOException {
    serve(null, limits(1000, Duration.ofSeconds(30), Duration.ofSeconds(30)));
    assertThat(post("/import?name=x", new byte[1001])).startsWith("HTTP/1.1 413");
    client = new RawClient(server.port());
    client.send(
        "POST /import?name=x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
    client.send("3e9\r\n" + "a".repeat(1001) + "\r\n0\r\n\r\n");
    assertThat(client.answer()).startsWith("HTTP/1.1 413");
    assertThat(spooled()).isEmpty();
    client = new RawClient(server.port());
    assertThat(post("/drop?name=app.db", new byte[100_000])).startsWith("HTTP/1.1 413");
    assertThat(node.find("app.db")).isNotNull();
  }

  @Test
  void anUploadThatStopsIsGivenUp() throws IOException {
    serve(null, limits(1 << 20, Duration.ofSeconds(30), Duration.ofMillis(200)));
    client.send(
        "POST /import?name=x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nabc");
    assertThat(client.answer()).startsWith("HTTP/1.1 408");
    assertThat(spooled()).isEmpty();
  }

  @Test
  void aClientThatGoesAwayLeavesNoBodyBehind() throws Exception {
    client.send(
        "POST /import?name=x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nabc");
    while (spooled().length == 0) {
      Thread.onSpinWait();
    }
    client.close();
    while (spooled().length > 0) {
      Thread.onSpinWait();
    }
    assertThat(node.find("x")).isNull();
  }

  @Test
  void leftBodiesAreRemovedAtTheNextStart() throws IOException {
    Files.createDirectories(dataDir.resolve("import"));
    Files.writeString(dataDir.resolve("import/left.db"), "x");
    serve(null, ApiLimits.defaults());
    assertThat(spooled()).isEmpty();
  }

  @Test
  void dropDeletesOnce() throws IOException {
    assertThat(client.send("POST /drop?name=app.db" + END).answer()).startsWith("HTTP/1.1 200");
    assertThat(node.find("app.db")).isNull();
    assertThat(client.send("DELETE /drop?name=app.db" + END).answer()).startsWith("HTTP/1.1 404");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "", "name=", "name=..", "name=../x", "name=%2e%2e%2fx", "name=a/../../b",
            "name=/etc/passwd",
        "name=a//b", "name=a/", "name=.", "name=a%00b", "name=a&name=b", "name=%ff%fe", "name=%zz",
        "name=app.db-wal", "name=app.db-journal", "name=app.db-shm", "name=.primary",
            "name=app.db-pos",
      })
  void badNamesAreRefusedEverywhere(String query) throws IOException {
    for (String path : List.of("GET /export", "POST /drop", "DELETE /drop")) {
      assertThat(client.send(path + "?" + query + END).answer())
          .startsWith("HTTP/1.1 400")
          .contains("\"error\"")
          .contains("\"hint\"");
    }
    assertThat(post("/import?" + query, new byte[600])).startsWith("HTTP/1.1 400");
    try (var files = Files.walk(root)) {
      assertThat(files.filter(Files::isRegularFile)).isEmpty();
    }
  }

  @Test
  void unknownNamesAndPathsAreNotFound() throws IOException {
    assertThat(get("/export?name=other.db")).startsWith("HTTP/1.1 404").contains("other.db");
    assertThat(get("/nope")).startsWith("HTTP/1.1 404");
    assertThat(get("/../../etc/passwd")).startsWith("HTTP/1.1 404");
    assertThat(get("/status/")).startsWith("HTTP/1.1 404");
  }

  private String post(String target) throws IOException {
    return client.send("POST " + target + END).answer();
  }

  @ParameterizedTest
  @ValueSource(strings = {"/promote", "/promote?force=true", "/handoff"})
  void aStaticLeaseCannotChangeItsPrimary(String target) throws IOException {
    assertThat(post(target)).startsWith("HTTP/1.1 409").contains("static").contains("etcd");
  }

  @Test
  void thePrimaryIsChangedAsTheClusterSays() throws IOException {
    node.cluster = new FakeCluster();
    assertThat(post("/handoff")).startsWith("HTTP/1.1 200").contains("http://best:20202");
    assertThat(post("/handoff?nodeID=00000000000000aa")).contains("http://aa:20202");
    assertThat(post("/handoff?nodeID=00000000000000bb"))
        .startsWith("HTTP/1.1 409")
        .contains("not connected")
        .contains("Start it.");
    assertThat(post("/promote")).contains("http://me:20202");
    assertThat(post("/promote?force=false")).contains("http://me:20202");
    assertThat(post("/promote?force=true")).contains("http://forced:20202");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "/handoff?nodeID=",
        "/handoff?nodeID=AA",
        "/handoff?nodeID=../../etc",
        "/handoff?nodeID=00000000000000aa&nodeID=00000000000000ab",
        "/promote?force=yes",
        "/promote?force=true&force=true"
      })
  void whatAsksForAnotherPrimaryWronglyIsRefused(String target) throws IOException {
    node.cluster = new FakeCluster();
    assertThat(post(target)).startsWith("HTTP/1.1 400").contains("hint");
  }

  private static final class FakeCluster implements ClusterControl {
    @Override
    public ClusterStatus status() {
      return new ClusterStatus(Role.PRIMARY, "epoch 1", null, null, null, Map.of(), Map.of());
    }

    @Override
    public String handOff(String nodeId) throws RoleChangeException {
      if ("00000000000000bb".equals(nodeId)) {
        throw new RoleChangeException("that node is not connected", "Start it.");
      }
      return nodeId == null ? "http://best:20202" : "http://aa:20202";
    }

    @Override
    public String promote() {
      return "http://me:20202";
    }

    @Override
    public String force() {
      return "http://forced:20202";
    }
  }

  @ParameterizedTest
  @CsvSource({
    "PUT, /info, 'GET, HEAD'", "POST, /status, 'GET, HEAD'", "DELETE, /export?name=a, 'GET, HEAD'",
    "GET, /import?name=a, POST", "GET, /drop?name=a, 'POST, DELETE'", "OPTIONS, /, 'GET, HEAD'",
    "TRACE, /info, 'GET, HEAD'"
  })
  void otherMethodsAreRefusedWithWhatIsAllowed(String method, String target, String allow)
      throws IOException {
    assertThat(client.send(method + " " + target + END).answer())
        .startsWith("HTTP/1.1 405")
        .contains("allow: " + allow + "\r\n");
  }

  @Test
  void headHasTheHeadersWithoutTheBody() throws IOException {
    String get = get("/info");
    String length = get.replaceAll("(?s).*(content-length: \\d+).*", "$1");
    assertThat(client.send("HEAD /info" + END).head()).contains(length);
    assertThat(client.send("HEAD /export?name=app.db" + END).head()).contains("200 OK");
    assertThat(get("/health")).startsWith("HTTP/1.1 200");
  }

  @Test
  void requestsSentTogetherAreAnsweredInOrder() throws IOException {
    client.send("GET /health" + END + "GET /nope" + END + "GET /info" + END);
    assertThat(client.answer()).contains("\"ok\"");
    assertThat(client.answer()).startsWith("HTTP/1.1 404");
    assertThat(client.answer()).contains("clusterID");
  }

  @Test
  void aConnectionCloseIsHonoured() throws IOException {
    String all =
        client.send("GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").rest();
    assertThat(all).startsWith("HTTP/1.1 200").contains("connection: close");
  }

  @Test
  void longAddressesAndHeadersAreRefused() throws IOException {
    assertThat(client.send("GET /" + "a".repeat(9000) + END).answer()).startsWith("HTTP/1.1 414");
    client = new RawClient(server.port());
    client.send("GET /info HTTP/1.1\r\nX: " + "a".repeat(20_000) + "\r\n\r\n");
    assertThat(client.answer()).startsWith("HTTP/1.1 431");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "nonsense\r\n\r\n",
        "GET /info HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        "GET /info HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "\u0016\u0003\u0001\u0002\0\u0001\r\n\r\n",
      })
  void whatIsNotHttpIsRefused(String text) throws IOException {
    assertThat(client.send(text).answer()).startsWith("HTTP/1.1 400");
  }

  @Test
  void aRequestThatNeverEndsIsCutOff() throws IOException {
    serve(null, limits(1000, Duration.ofMillis(200), Duration.ofSeconds(30)));
    assertThat(client.send("GET /info HTTP/1.1\r\nHost: loc").rest()).isEmpty();
    client = new RawClient(server.port());
    assertThat(client.rest()).isEmpty();
  }

  @Test
  void connectionsAreLimited() throws IOException {
    serve(null, limits(1000, Duration.ofSeconds(30), Duration.ofSeconds(30)));
    RawClient[] more = new RawClient[4];
    assertThat(get("/health")).startsWith("HTTP/1.1 200");
    for (int i = 0; i < more.length; i++) {
      more[i] = new RawClient(server.port());
    }
    assertThat(more[3].rest()).isEmpty();
    assertThat(more[0].send("GET /health" + END).answer()).startsWith("HTTP/1.1 200");
    for (RawClient one : more) {
      one.close();
    }
  }

  @Test
  void aTokenGuardsEverythingButTheHealthChecks() throws IOException {
    serve("s3cret", ApiLimits.defaults());
    assertThat(get("/health")).startsWith("HTTP/1.1 200");
    assertThat(get("/ready")).startsWith("HTTP/1.1 200");
    assertThat(get("/")).startsWith("HTTP/1.1 200");
    assertThat(get("/page/page.js")).startsWith("HTTP/1.1 200");
    for (String path :
        List.of(
            "/info",
            "/status",
            "/page/",
            "/page/../status",
            "/metrics",
            "/export?name=app.db",
            "/nope")) {
      assertThat(get(path)).startsWith("HTTP/1.1 401").contains("www-authenticate: Bearer");
    }
    String with = "GET /info HTTP/1.1\r\nHost: x\r\nAuthorization: ";
    assertThat(client.send(with + "Bearer s3cret\r\n\r\n").answer()).startsWith("HTTP/1.1 200");
    assertThat(client.send(with + "Bearer s3cre\r\n\r\n").answer()).startsWith("HTTP/1.1 401");
    assertThat(client.send(with + "Basic s3cret\r\n\r\n").answer()).startsWith("HTTP/1.1 401");
  }

  @ParameterizedTest
  @CsvSource({
    "localhost:20202, true",
    "127.0.0.1, true",
    "'[::1]:20202', true",
    "192.0.2.7:1, true",
    "evil.example, false",
    "localhost.evil.example:20202, false",
    "127.0.0.1.evil.example, false"
  })
  void namesThatAPageCouldPointHereAreRefused(String host, boolean allowed) throws IOException {
    assertThat(client.send("GET /info HTTP/1.1\r\nHost: " + host + "\r\n\r\n").answer())
        .startsWith(allowed ? "HTTP/1.1 200" : "HTTP/1.1 403");
  }

  @Test
  void changesFromWebPagesAreRefused() throws IOException {
    client.send(
        "POST /drop?name=app.db HTTP/1.1\r\nHost: localhost\r\nOrigin: https://evil.example\r\n\r\n");
    assertThat(client.answer()).startsWith("HTTP/1.1 403");
    assertThat(node.find("app.db")).isNotNull();
  }

  @Test
  void connectionsEndWithTheServer() throws IOException {
    assertThat(get("/health")).startsWith("HTTP/1.1 200");
    long begin = System.nanoTime();
    server.close();
    assertThat(client.rest()).isEmpty();
    assertThat(System.nanoTime() - begin).isLessThan(3_000_000_000L);
  }

  @Test
  void aTakenPortIsNamed() {
    NodeConfig.Http same =
        new NodeConfig.Http(new HostPort("127.0.0.1", server.port()), null, null, false);
    assertThatThrownBy(() -> ApiServer.start(same, node, ApiLimits.defaults()))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("127.0.0.1:" + server.port())
        .hasMessageContaining("--http-addr");
  }
}
