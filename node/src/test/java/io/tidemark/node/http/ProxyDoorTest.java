package io.tidemark.node.http;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpServer;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.util.concurrent.DefaultThreadFactory;
import io.tidemark.node.config.HostPort;
import io.tidemark.node.config.NodeConfig;
import io.tidemark.node.proxy.ProxyConfig;
import io.tidemark.proxy.FakePositions;
import io.tidemark.proxy.FakePrimaries;
import io.tidemark.proxy.Primaries.Standing;
import io.tidemark.proxy.PrimaryNode;
import io.tidemark.proxy.ProxyCounters.Outcome;
import io.tidemark.proxy.ProxyServer;
import io.tidemark.proxy.RawConnection;
import io.tidemark.stream.EventLoops;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What other nodes forward comes through the API's port, with its encryption and its token. */
@Timeout(60)
class ProxyDoorTest {
  private static final int CONNECTIONS = 4;
  @TempDir static Path certificates;
  private static TestCertificates ours;
  private static TestCertificates strangers;

  @TempDir Path dir;
  private final FakePositions positions = new FakePositions();
  private final FakePrimaries onReplica = new FakePrimaries();
  private HttpServer application;
  private FakeNode node;
  private ApiServer api;
  private ProxyServer primary;
  private ProxyServer replica;

  @BeforeAll
  static void makeCertificates() throws Exception {
    ours =
        new TestCertificates(certificates.resolve("ours"))
            .sign("server", "ip:127.0.0.1")
            .sign("client", "dns:client");
    strangers = new TestCertificates(certificates.resolve("strangers")).sign("client", "dns:x");
  }

  @BeforeEach
  void start() throws IOException {
    application = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    application.setExecutor(Executors.newCachedThreadPool());
    application.createContext(
        "/",
        exchange -> {
          byte[] body = exchange.getRequestBody().readAllBytes();
          exchange.sendResponseHeaders(200, body.length);
          exchange.getResponseBody().write(body);
          exchange.close();
        });
    application.start();
    positions.set("app.db", 1, 7);
    primary = proxy(new FakePrimaries(), "aa");
    replica = proxy(onReplica, "bb");
    replica.listen(
        new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), EventLoops.serverSocket());
    node = new FakeNode(dir);
  }

  @AfterEach
  void stop() {
    replica.close();
    primary.close();
    api.close();
    application.stop(0);
  }

  private ProxyServer proxy(FakePrimaries primaries, String id) {
    NodeConfig.Proxy config =
        new NodeConfig.Proxy(
            new HostPort("127.0.0.1", 0),
            new HostPort("localhost", application.getAddress().getPort()),
            List.of(),
            List.of(),
            List.of(),
            "direct",
            Duration.ofSeconds(10),
            Duration.ofMillis(500),
            Duration.ZERO,
            Duration.ofSeconds(10),
            Duration.ZERO,
            Duration.ofSeconds(30));
    return ProxyServer.create(
        ProxyConfig.settings(config, id),
        positions,
        primaries,
        () -> 0,
        EventLoops.group(1, new DefaultThreadFactory("proxy", true)));
  }

  private void serve(boolean tls, boolean mutual, String token) throws Exception {
    NodeConfig.Tls files =
        tls
            ? new NodeConfig.Tls(
                ours.cert("server"), ours.key("server"), mutual ? ours.cert("ca") : null)
            : null;
    ApiLimits usual = ApiLimits.defaults();
    api =
        ApiServer.start(
            new NodeConfig.Http(new HostPort("127.0.0.1", 0), files, token, false),
            node,
            new ApiLimits(
                usual.maxLine(),
                usual.maxHeaders(),
                usual.maxImport(),
                CONNECTIONS,
                usual.requestTimeout(),
                usual.idleTimeout()));
  }

  private void forward(String token, SslContext tls) {
    onReplica.set(new Standing(false, new PrimaryNode("one", "127.0.0.1", api.port(), token, tls)));
  }

  private static SslContext client(TestCertificates identity) throws Exception {
    SslContextBuilder builder =
        SslContextBuilder.forClient()
            .endpointIdentificationAlgorithm("HTTPS")
            .trustManager(ours.cert("ca").toFile());
    return identity == null
        ? builder.build()
        : builder
            .keyManager(identity.cert("client").toFile(), identity.key("client").toFile())
            .build();
  }

  private String post(String body) throws IOException {
    try (RawConnection connection = RawConnection.to(replica.port())) {
      return post(connection, body);
    }
  }

  private static String post(RawConnection connection, String body) throws IOException {
    return connection
        .send(
            "POST / HTTP/1.1\r\nHost: app\r\nContent-Length: " + body.length() + "\r\n\r\n" + body)
        .message();
  }

  @ParameterizedTest
  @CsvSource({"false, false", "true, false", "true, true"})
  void aWriteArrivesWholeThroughTheApiOfThePrimary(boolean tls, boolean mutual) throws Exception {
    node.proxyDoor = primary::accept;
    serve(tls, mutual, "secret");
    forward("secret", tls ? client(mutual ? ours : null) : null);
    String large = "0123456789".repeat(200_000);
    try (RawConnection connection = RawConnection.to(replica.port())) {
      for (String body : List.of("small", large, "", large, "last")) {
        assertThat(post(connection, body))
            .startsWith("HTTP/1.1 200 ")
            .contains("__txid=app.db:1-7;")
            .endsWith(body);
      }
    }
    assertThat(primary.counters().requests(Outcome.WRITE)).isEqualTo(5);
    assertThat(replica.counters().requests(Outcome.FORWARDED)).isEqualTo(5);
  }

  @Test
  void withoutTheTokenNothingIsForwarded() throws Exception {
    node.proxyDoor = primary::accept;
    serve(false, false, "secret");
    forward("wrong", null);
    assertThat(post("x")).startsWith("HTTP/1.1 503 ").contains("401").contains("token");
    assertThat(primary.counters().requests(Outcome.WRITE)).isZero();
  }

  @Test
  void aStrangersCertificateOpensNothing() throws Exception {
    node.proxyDoor = primary::accept;
    serve(true, true, null);
    forward(null, client(strangers));
    assertThat(post("x")).startsWith("HTTP/1.1 503 ");
    assertThat(primary.counters().requests(Outcome.WRITE)).isZero();
  }

  @Test
  void aNodeWithoutAProxySaysSo() throws Exception {
    serve(false, false, null);
    forward(null, null);
    assertThat(post("x")).startsWith("HTTP/1.1 503 ").contains("this node has no proxy");
    try (RawConnection direct = RawConnection.to(api.port())) {
      String answer = direct.send("GET /proxy HTTP/1.1\r\nHost: localhost\r\n\r\n").message();
      assertThat(answer).startsWith("HTTP/1.1 426 ").contains("tidemark-proxy/1");
    }
  }

  @Test
  void connectionsThatForwardDoNotCountAsThoseOfTheApi() throws Exception {
    node.proxyDoor = primary::accept;
    serve(false, false, null);
    forward(null, null);
    RawConnection[] clients = new RawConnection[CONNECTIONS + 2];
    application.createContext("/slow", exchange -> exchange.getRequestBody().readAllBytes());
    for (int i = 0; i < clients.length; i++) {
      clients[i] = RawConnection.to(replica.port());
      clients[i].send("POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
      int expected = i + 1;
      long end = System.nanoTime() + Duration.ofSeconds(10).toNanos();
      while (primary.counters().connections() < expected && System.nanoTime() - end < 0) {
        Thread.sleep(5);
      }
    }
    assertThat(primary.counters().connections()).isEqualTo(clients.length);
    try (RawConnection direct = RawConnection.to(api.port())) {
      assertThat(direct.send("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").message())
          .startsWith("HTTP/1.1 200 ");
    }
    for (RawConnection each : clients) {
      each.close();
    }
  }
}
