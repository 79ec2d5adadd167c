package io.tidemark.node.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.database.Store;
import io.tidemark.database.StoreOptions;
import io.tidemark.node.config.HostPort;
import io.tidemark.node.config.NodeConfig;
import io.tidemark.stream.CommitMode;
import io.tidemark.stream.Id;
import io.tidemark.stream.Protocol;
import io.tidemark.stream.send.PrimaryIdentity;
import io.tidemark.stream.send.PrimaryStreams;
import io.tidemark.stream.send.SendOptions;
import io.tidemark.stream.send.StreamGate;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Clients that end their side of the connection and go on reading. */
@Timeout(60)
class HalfClosureTest {
  private static final String END = " HTTP/1.1\r\nHost: localhost\r\n\r\n";

  /** Less than any limit after which the port would close by itself. */
  private static final int PATIENCE_MILLIS = 4_000;

  private enum Way {
    /** TCP's FIN. */
    PLAIN,
    /** TLS's close_notify. */
    NOTIFIED,
    /** TCP's FIN below TLS. */
    BELOW_TLS
  }

  @TempDir static Path certificates;
  private static TestCertificates ours;
  private static SSLContext trust;

  @TempDir Path root;
  private FakeNode node;
  private ApiServer server;
  private Socket tcp;
  private Socket client;

  @BeforeAll
  static void makeCertificates() throws Exception {
    ours = new TestCertificates(certificates).sign("server", "ip:127.0.0.1");
    KeyStore store = KeyStore.getInstance("PKCS12");
    store.load(null);
    try (var in = Files.newInputStream(ours.cert("ca"))) {
      store.setCertificateEntry(
          "ca", CertificateFactory.getInstance("X.509").generateCertificate(in));
    }
    TrustManagerFactory managers = TrustManagerFactory.getInstance("PKIX");
    managers.init(store);
    trust = SSLContext.getInstance("TLSv1.3");
    trust.init(null, managers.getTrustManagers(), null);
  }

  @BeforeEach
  void makeNode() throws IOException {
    node = new FakeNode(Files.createDirectory(root.resolve("data")));
    node.put("app.db", "content of app".getBytes(StandardCharsets.US_ASCII));
  }

  @AfterEach
  void stop() throws IOException {
    client.close();
    server.close();
  }

  private void connect(Way way) throws Exception {
    boolean tls = way != Way.PLAIN;
    NodeConfig.Tls files =
        tls ? new NodeConfig.Tls(ours.cert("server"), ours.key("server"), null) : null;
    server =
        ApiServer.start(
            new NodeConfig.Http(new HostPort("127.0.0.1", 0), files, null, false),
            node,
            ApiLimits.defaults());
    tcp = new Socket(InetAddress.getLoopbackAddress(), server.port());
    tcp.setSoTimeout(PATIENCE_MILLIS);
    client =
        tls ? trust.getSocketFactory().createSocket(tcp, "127.0.0.1", server.port(), true) : tcp;
  }

  private void say(String request) throws IOException {
    client.getOutputStream().write(request.getBytes(StandardCharsets.ISO_8859_1));
    client.getOutputStream().flush();
  }

  private void endInput(Way way) throws IOException {
    if (way == Way.NOTIFIED) {
      client.shutdownOutput();
    } else {
      tcp.shutdownOutput();
    }
  }

  private byte[] rest() throws IOException {
    return client.getInputStream().readAllBytes();
  }

  private String text() throws IOException {
    return new String(rest(), StandardCharsets.ISO_8859_1);
  }

  @ParameterizedTest
  @EnumSource
  void getTheirAnswerAndThenTheEnd(Way way) throws Exception {
    connect(way);
    say("GET /health" + END);
    endInput(way);
    assertThat(text()).startsWith("HTTP/1.1 200");
  }

  @ParameterizedTest
  @EnumSource
  void getAllAnswersThatTheyHaveAskedFor(Way way) throws Exception {
    connect(way);
    say("GET /health" + END + "GET /status" + END + "GET /export?name=app.db" + END);
    endInput(way);
    assertThat(text().split("HTTP/1.1 200", -1)).hasSize(4);
  }

  @ParameterizedTest
  @EnumSource
  void getAllOfAnAnswerThatTakesLong(Way way) throws Exception {
    byte[] content = new byte[8 << 20];
    new Random(3).nextBytes(content);
    node.put("large.db", content);
    connect(way);
    say("GET /export?name=large.db HTTP/1.0\r\n\r\n");
    endInput(way);
    byte[] answer = rest();
    assertThat(answer.length).isGreaterThan(content.length);
    assertThat(Arrays.copyOfRange(answer, answer.length - content.length, answer.length))
        .isEqualTo(content);
  }

  @ParameterizedTest
  @EnumSource
  void getAllOfALongAnswerOnAConnectionThatWouldGoOn(Way way) throws Exception {
    node.put("large.db", new byte[8 << 20]);
    connect(way);
    say("GET /export?name=large.db" + END + "GET /health" + END);
    endInput(way);
    Thread.sleep(200); // all that the connection takes is written before the client reads
    String answer = text();
    assertThat(answer.length()).isGreaterThan(8 << 20);
    assertThat(answer.split("HTTP/1.1 200", -1)).hasSize(3);
  }

  @ParameterizedTest
  @EnumSource
  void whoHasAskedForNothingIsLetGoAtOnce(Way way) throws Exception {
    connect(way);
    say("GET /health" + END);
    byte[] first = new byte[12];
    assertThat(client.getInputStream().readNBytes(first, 0, 12)).isEqualTo(12);
    endInput(way);
    text(); // ends within the client's patience
  }

  @ParameterizedTest
  @EnumSource
  void halfARequestIsNotAnswered(Way way) throws Exception {
    connect(way);
    say("POST /import?name=x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nabc");
    endInput(way);
    assertThat(text()).doesNotContain("HTTP/1.1 2");
    Path spool = root.resolve("data").resolve("import");
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(5);
    while (Files.exists(spool) && spool.toFile().list().length > 0) {
      assertThat(System.nanoTime()).as("the spooled body is deleted").isLessThan(deadline);
      Thread.onSpinWait();
    }
    assertThat(node.find("x")).isNull();
  }

  @ParameterizedTest
  @EnumSource
  void aListenerToEventsThatGoesAwayIsForgotten(Way way) throws Exception {
    connect(way);
    say("GET /events" + END);
    endInput(way);
    text(); // ends within the client's patience
  }

  @ParameterizedTest
  @EnumSource
  void aReplicaThatCannotAcknowledgeIsCutAtOnce(Way way) throws Exception {
    try (Store store = Store.open(StoreOptions.defaults(root.resolve("store")));
        PrimaryStreams streams =
            new PrimaryStreams(
                store,
                new PrimaryIdentity(new Id(1), new Id(2), new Id(3), 1, 0, CommitMode.ASYNC),
                SendOptions.defaults(),
                StreamGate.OPEN)) {
      node.door = streams::accept;
      connect(way);
      say(
          "GET /stream HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: "
              + Protocol.NAME
              + "\r\n\r\n");
      byte[] first = new byte[12];
      assertThat(client.getInputStream().readNBytes(first, 0, 12)).isEqualTo(12);
      assertThat(new String(first, StandardCharsets.ISO_8859_1)).isEqualTo("HTTP/1.1 101");
      long begin = System.nanoTime();
      endInput(way);
      text();
      assertThat(Duration.ofNanos(System.nanoTime() - begin))
          .as("before the time for a greeting is over")
          .isLessThan(Duration.ofMillis(PATIENCE_MILLIS));
    }
  }
}
