package io.tidemark.node.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.tidemark.node.config.HostPort;
import io.tidemark.node.config.NodeConfig;
import io.tidemark.node.json.Json;
import io.tidemark.stream.LagMeter;
import io.tidemark.stream.Protocol;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What the port says and does of replication. */
@Timeout(60)
class ReplicationApiTest {
  private static final String HOST = " HTTP/1.1\r\nHost: localhost\r\n";
  private static final String UPGRADE =
      "GET /stream" + HOST + "Connection: Upgrade\r\nUpgrade: " + Protocol.NAME + "\r\n";

  @TempDir Path dataDir;
  private FakeNode node;
  private ApiServer server;
  private RawClient client;

  @BeforeEach
  void start() throws IOException {
    node = new FakeNode(dataDir);
    node.put("app.db", "content".getBytes(StandardCharsets.US_ASCII));
    serve(null);
  }

  private void serve(String token) throws IOException {
    stop();
    HostPort addr = new HostPort("127.0.0.1", 0);
    NodeConfig.Http http = new NodeConfig.Http(addr, null, token, false);
    server = ApiServer.start(http, node, ApiLimits.defaults());
    client = new RawClient(server.port());
  }

  @AfterEach
  void stop() throws IOException {
    if (server != null) {
      client.close();
      server.close();
    }
  }

  private String get(String path) throws IOException {
    return client.send("GET " + path + HOST + "\r\n").answer();
  }

  private static Map<?, ?> json(String answer) {
    return (Map<?, ?>) Json.parse(answer.substring(answer.indexOf("\r\n\r\n")).trim());
  }

  private static Map<?, ?> only(Object list) {
    assertThat((List<?>) list).hasSize(1);
    return (Map<?, ?>) ((List<?>) list).get(0);
  }

  private void replica(boolean connected, long lagNanos) {
    node.primary = false;
    node.primaryUrl = "http://one:20202";
    node.replication = ReplicationSamples.following(connected, lagNanos);
  }

  // ------------------------------------------------------------------ stream

  @Test
  void theStreamNeedsItsUpgrade() throws IOException {
    assertThat(get("/stream")).startsWith("HTTP/1.1 426").contains("Upgrade: " + Protocol.NAME);
    client.send("GET /stream" + HOST + "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    assertThat(client.answer()).startsWith("HTTP/1.1 426").contains("not for websocket");
  }

  @Test
  void aReplicaServesNoStream() throws IOException {
    node.primary = false;
    assertThat(client.send(UPGRADE + "\r\n").answer()).startsWith("HTTP/1.1 503");
  }

  @Test
  void theStreamNeedsTheToken() throws IOException {
    serve("secret");
    assertThat(client.send(UPGRADE + "\r\n").answer()).startsWith("HTTP/1.1 401");
    assertThat(client.send(UPGRADE + "Authorization: Bearer secret\r\n\r\n").head())
        .startsWith("HTTP/1.1 101");
  }

  @Test
  void pagesOfOtherHostsGetNoStream() throws IOException {
    String foreign = UPGRADE.replace("localhost", "evil.example");
    assertThat(client.send(foreign + "\r\n").answer()).startsWith("HTTP/1.1 403");
  }

  @Test
  void theDoorGetsTheConnectionAndWhatWasSentWithTheRequest() throws IOException {
    node.door =
        channel ->
            channel
                .pipeline()
                .addLast(
                    new ChannelInboundHandlerAdapter() {
                      @Override
                      public void channelRead(ChannelHandlerContext context, Object message) {
                        context.writeAndFlush(((ByteBuf) message));
                      }
                    });
    String head = client.send(UPGRADE + "\r\nhello").head();
    assertThat(head).startsWith("HTTP/1.1 101").containsIgnoringCase("upgrade: " + Protocol.NAME);
    assertThat(client.in().readNBytes(5)).asString().isEqualTo("hello");
    client.send("GET / HTTP/1.1\r\n");
    assertThat(client.in().readNBytes(16)).asString().isEqualTo("GET / HTTP/1.1\r\n");
  }

  // ------------------------------------------------------------------- ready

  @Test
  void aReplicaIsReadyWhenItsLagIsSmall() throws IOException {
    replica(true, 0);
    assertThat(get("/ready")).startsWith("HTTP/1.1 200");
    replica(false, 9_999_000_000L);
    assertThat(get("/ready")).startsWith("HTTP/1.1 200");
    replica(true, 10_001_000_000L);
    assertThat(get("/ready")).startsWith("HTTP/1.1 503").contains("10001 ms", "max-lag");
    replica(true, LagMeter.UNKNOWN);
    assertThat(get("/ready")).startsWith("HTTP/1.1 503").contains("not up to date");
    replica(false, LagMeter.UNKNOWN);
    assertThat(get("/ready")).startsWith("HTTP/1.1 503").contains("not connected");
    node.mounted = false;
    assertThat(get("/ready")).startsWith("HTTP/1.1 503").contains("not mounted");
  }

  @Test
  void aReplicaThatFollowsNobodyIsNotReadyButHealthy() throws IOException {
    node.primary = false;
    assertThat(get("/ready")).startsWith("HTTP/1.1 503").contains("lease.advertise-url");
    assertThat(get("/health")).startsWith("HTTP/1.1 200");
  }

  // ------------------------------------------------------------------ status

  @Test
  void aPrimaryShowsItsReplicas() throws IOException {
    node.replication = ReplicationSamples.serving(1_500_000_000);
    Map<?, ?> status = json(get("/status"));
    assertThat(status.get("lagMillis")).isEqualTo(0L);
    Map<?, ?> replica = only(status.get("replicas"));
    assertThat(replica.get("remote")).isEqualTo("/192.0.2.7:4711");
    Map<?, ?> database = only(replica.get("databases"));
    assertThat(database.get("applied")).isEqualTo("0000000000000002");
    assertThat(database.get("behind")).isEqualTo(1L);
    assertThat(database.get("lagMillis")).isEqualTo(1500L);
    assertThat(get("/metrics"))
        .contains("tidemark_subscriber_count 1\n")
        .contains("tidemark_replica_behind{node=\"00000000000000dd\",db=\"app.db\"} 1\n")
        .contains("tidemark_replica_lag_seconds{node=\"00000000000000dd\",db=\"app.db\"} 1.5\n")
        .contains("tidemark_lag_seconds 0.0\n")
        .contains("tidemark_db_lag_seconds{db=\"app.db\"} 0.0\n");
  }

  @Test
  void aReplicaShowsItsPrimaryAndItsLag() throws IOException {
    replica(true, 2_500_000_000L);
    Map<?, ?> status = json(get("/status"));
    assertThat(status.get("role")).isEqualTo("replica");
    assertThat(status.get("lagMillis")).isEqualTo(2500L);
    Map<?, ?> primary = (Map<?, ?>) status.get("primary");
    assertThat(primary.get("hostname")).isEqualTo("one");
    assertThat(primary.get("advertiseURL")).isEqualTo("http://one:20202");
    assertThat(primary.get("connected")).isEqualTo(true);
    Map<?, ?> database = only(status.get("databases"));
    assertThat(database.get("lagMillis")).isEqualTo(2500L);
    assertThat(database.get("replicationProblem")).isEqualTo("the disk is full");
    assertThat(get("/metrics"))
        .contains("tidemark_primary_connected 1\n")
        .contains("tidemark_lag_seconds 2.5\n")
        .contains("tidemark_db_lag_seconds{db=\"app.db\"} 2.5\n");
    assertThat(json(get("/info")).get("primary")).isEqualTo(Map.of("hostname", "one"));
  }

  @Test
  void aLagThatIsNotKnownIsNoNumber() throws IOException {
    replica(false, LagMeter.UNKNOWN);
    assertThat(json(get("/status")).get("lagMillis")).isNull();
    assertThat(get("/metrics"))
        .contains("tidemark_lag_seconds +Inf\n")
        .contains("tidemark_db_lag_seconds{db=\"app.db\"} +Inf\n");
  }

  @Test
  void refusedChangesNameThePrimary() throws IOException {
    replica(true, 0);
    String drop = "POST /drop?name=app.db" + HOST + "\r\n";
    assertThat(client.send(drop).answer())
        .startsWith("HTTP/1.1 503")
        .contains("--url http://one:20202");
    assertThat(client.send("GET /export?name=app.db" + HOST + "\r\n").head())
        .startsWith("HTTP/1.1 200");
  }

  // ------------------------------------------------------------------ events

  private String line() throws IOException {
    int length = Integer.parseInt(text("\r\n").trim(), 16);
    String line = new String(client.in().readNBytes(length), StandardCharsets.UTF_8);
    client.in().readNBytes(2);
    return line;
  }

  private String text(String end) throws IOException {
    StringBuilder text = new StringBuilder();
    while (!text.toString().endsWith(end)) {
      text.append((char) client.in().read());
    }
    return text.toString();
  }

  private void listeners(int count) throws InterruptedException {
    while (node.events.listeners() != count) {
      Thread.sleep(1);
    }
  }

  @Test
  void eventsBeginWithTheRoleAndGoOn() throws Exception {
    String head = client.send("GET /events" + HOST + "\r\n").head();
    assertThat(head).startsWith("HTTP/1.1 200").contains("application/x-ndjson");
    assertThat(line())
        .isEqualTo("{\"type\":\"init\",\"data\":{\"isPrimary\":true,\"hostname\":\"box\"}}\n");
    node.events.primaryChanged(false, "one");
    assertThat(line())
        .isEqualTo(
            "{\"type\":\"primaryChange\",\"data\":{\"isPrimary\":false,\"hostname\":\"one\"}}\n");
    client.close();
    listeners(0);
  }

  @Test
  void aSlowClientIsCutOffWithALastWordAndHoldsUpNobody() throws Exception {
    client.send("GET /events" + HOST + "\r\n").head();
    String name = "x".repeat(1000);
    for (int i = 0; node.events.listeners() > 0; i++) {
      node.events.primaryChanged(true, name);
      if (i % 100 == 0) {
        Thread.sleep(1); // on most machines the thread that delivers keeps up, unlike the client
      }
    }
    String rest = client.rest();
    assertThat(rest).contains("\"type\":\"error\"").endsWith("\r\n0\r\n\r\n");
    assertThat(rest.length()).isLessThan(64 << 20);
  }

  @Test
  void listenersHaveALimit() throws Exception {
    for (int i = 0; i < 3; i++) {
      RawClient listener = new RawClient(server.port());
      listener.send("GET /events" + HOST + "\r\n").head();
    }
    assertThat(get("/events")).startsWith("HTTP/1.1 503").contains("too many");
    assertThat(get("/health")).startsWith("HTTP/1.1 200");
  }
}
