package io.tidemark.proxy;

import static io.tidemark.proxy.ProxyBed.get;
import static io.tidemark.proxy.ProxyBed.ok;
import static io.tidemark.proxy.ProxyBed.post;
import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.ByteBufAllocatorMetricProvider;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** HTTP/1.1 through the proxy, byte by byte. */
class ProxyTest {
  @RegisterExtension final ProxyBed bed = new ProxyBed();

  private RawConnection echo() throws IOException {
    return bed.client(bed.proxy(bed.application(RawApplication.ECHO)));
  }

  @Test
  void aRequestArrivesWithWhatTheApplicationHasToKnow() throws Exception {
    String answer = echo().send(get("/a?b=c")).message();
    assertThat(answer)
        .startsWith("HTTP/1.1 200 OK\r\n")
        .contains("GET /a?b=c HTTP/1.1\r\n")
        .containsIgnoringCase("Host: app.example\r\n")
        .contains("x-forwarded-for: 127.0.0.1\r\n")
        .contains("x-forwarded-proto: http\r\n")
        .contains("x-forwarded-host: app.example\r\n")
        .contains("via: 1.1 tidemark-one\r\n");
  }

  @Test
  void whatProxiesBeforeThisOneHaveSaidStays() throws Exception {
    String answer =
        echo()
            .send(
                "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 10.0.0.1\r\nX-Forwarded-Proto:"
                    + " https\r\nX-Forwarded-Host: site\r\nVia: 1.0 edge\r\nForwarded:"
                    + " for=x\r\n\r\n")
            .message();
    assertThat(answer)
        .contains("10.0.0.1, 127.0.0.1")
        .containsIgnoringCase("X-Forwarded-Proto: https")
        .containsIgnoringCase("X-Forwarded-Host: site")
        .contains("1.0 edge, 1.1 tidemark-one")
        .contains("Forwarded: for=x");
  }

  @Test
  void whatConcernsOneConnectionGoesNoFurther() throws Exception {
    RawApplication application = bed.application(null);
    RawConnection client = bed.client(bed.proxy(application));
    client.send(
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, X-Mine, Host\r\nX-Mine: 1\r\n"
            + "Keep-Alive: 5\r\nProxy-Connection: x\r\nTE: trailers\r\nUpgrade: h2c\r\n"
            + "HTTP2-Settings: x\r\nTidemark-Hops: one\r\nX-Other: 2\r\n\r\n");
    RawConnection asked = application.next();
    String head = asked.head();
    assertThat(head).containsIgnoringCase("X-Other: 2").containsIgnoringCase("Host: a");
    for (String gone :
        new String[] {
          "connection:", "x-mine", "keep-alive", "te:", "upgrade", "http2", "tidemark-hops"
        }) {
      assertThat(head).doesNotContainIgnoringCase(gone);
    }
    asked.send(
        "HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Mine\r\nX-Mine: 1\r\nKeep-Alive: timeout=5\r\n"
            + "X-Other: 2\r\nContent-Length: 0\r\n\r\n");
    assertThat(client.head())
        .contains("X-Other: 2")
        .doesNotContainIgnoringCase("x-mine")
        .doesNotContainIgnoringCase("keep-alive");
  }

  @Test
  void pipelinedRequestsAreAnsweredInOrderOverOneConnectionOfEachSide() throws Exception {
    RawApplication application = bed.application(RawApplication.ECHO);
    RawConnection client = bed.client(bed.proxy(application));
    StringBuilder all = new StringBuilder();
    for (int i = 0; i < 200; i++) {
      all.append(i % 3 == 0 ? post("/" + i, "x".repeat(i)) : get("/" + i));
    }
    client.send(all.toString());
    for (int i = 0; i < 200; i++) {
      assertThat(client.message()).contains(" /" + i + " HTTP/1.1\r\n");
    }
    assertThat(application.connections()).isEqualTo(1);
  }

  @Test
  void theBodyOfAHeadRequestIsNeverAwaited() throws Exception {
    RawConnection client = echo();
    client.send("HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n" + get("/y"));
    assertThat(RawConnection.header(client.head(), "content-length")).isNotEqualTo("0");
    assertThat(client.message()).contains("GET /y");
  }

  @ParameterizedTest
  @ValueSource(strings = {"204 No Content", "304 Not Modified"})
  void answersWithoutABodyEndWithTheirHead(String status) throws Exception {
    RawApplication application =
        bed.application(
            (connection, head) -> {
              connection.send("HTTP/1.1 " + status + "\r\nETag: x\r\n\r\n");
              return true;
            });
    RawConnection client = bed.client(bed.proxy(application));
    client.send(get("/") + get("/"));
    for (int i = 0; i < 2; i++) {
      assertThat(client.head())
          .startsWith("HTTP/1.1 " + status)
          .doesNotContainIgnoringCase("transfer-encoding");
    }
    assertThat(application.connections()).isEqualTo(1);
  }

  @Test
  void aChunkedBodyAndItsTrailersPassInBothDirections() throws Exception {
    RawApplication application = bed.application(null);
    RawConnection client = bed.client(bed.proxy(application));
    client.send(
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
            + "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nX-Sum: 5\r\n\r\n");
    RawConnection asked = application.next();
    assertThat(asked.message()).endsWith("abcde\r\nX-Sum: 5");
    asked.send(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nz\r\n0\r\nX-T: 1\r\n\r\n");
    assertThat(client.message()).endsWith("z\r\nX-T: 1");
  }

  @Test
  void anAnswerThatEndsWithItsConnectionIsChunkedForTheClient() throws Exception {
    RawApplication application =
        bed.application(
            (connection, head) -> {
              connection.send("HTTP/1.0 200 OK\r\nX: 1\r\n\r\nhello");
              return false;
            });
    RawConnection client = bed.client(bed.proxy(application));
    for (int i = 0; i < 2; i++) {
      assertThat(client.send(get("/")).message())
          .startsWith("HTTP/1.1 200")
          .containsIgnoringCase("transfer-encoding: chunked")
          .endsWith("hello");
    }
  }

  @Test
  void aClientOfHttp10GetsNoChunksAndKeepsItsConnectionIfItAsks() throws Exception {
    RawApplication application =
        bed.application(
            (connection, head) -> {
              connection.send(
                  head.startsWith("GET /chunked")
                      ? "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
                      : ok("x"));
              return true;
            });
    ProxyServer proxy = bed.proxy(application);
    RawConnection client = bed.client(proxy);
    client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assertThat(client.message()).containsIgnoringCase("connection: keep-alive");
    client.send("GET /chunked HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n");
    assertThat(client.rest())
        .doesNotContainIgnoringCase("transfer-encoding")
        .endsWith("\r\n\r\nhello");
    assertThat(bed.client(proxy).send("GET / HTTP/1.0\r\n\r\n").rest()).endsWith("x");
  }

  @Test
  void interimAnswersAndTheBodyThatWaitsForThemPass() throws Exception {
    RawApplication application = bed.application(null);
    RawConnection client = bed.client(bed.proxy(application));
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
    RawConnection asked = application.next();
    String head = asked.head();
    assertThat(head).containsIgnoringCase("expect: 100-continue");
    assertThat(client.isSilent(50)).isTrue();
    asked.send("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n");
    assertThat(client.head()).startsWith("HTTP/1.1 103 ").contains("Link: x");
    assertThat(client.head()).startsWith("HTTP/1.1 100 ");
    client.send("body" + get("/next"));
    assertThat(asked.body(head)).isEqualTo("body");
    asked.send(ok("done"));
    assertThat(client.message()).endsWith("done");
    assertThat(asked.head()).startsWith("GET /next ");
  }

  @Test
  void anAnswerBeforeTheBodyIsDeliveredAndTheConnectionClosed() throws Exception {
    RawApplication application = bed.application(null);
    RawConnection client = bed.client(bed.proxy(application));
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nabc");
    RawConnection asked = application.next();
    asked.head();
    asked.send("HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno");
    assertThat(client.message())
        .startsWith("HTTP/1.1 413")
        .containsIgnoringCase("connection: close")
        .endsWith("no");
    client.sendZeros(300_000);
    assertThat(client.read()).isEqualTo(-1);
  }

  @Test
  void aWebSocketIsTunnelledWithWhatCameBeforeTheAnswer() throws Exception {
    RawApplication application = bed.application(null);
    ProxyServer proxy = bed.proxy(application);
    RawConnection client = bed.client(proxy);
    client.send(
        "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
            + "Sec-WebSocket-Key: k\r\n\r\nearly");
    RawConnection asked = application.next();
    assertThat(asked.head())
        .containsIgnoringCase("connection: upgrade")
        .containsIgnoringCase("upgrade: websocket");
    asked.send(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            + "Sec-WebSocket-Accept: a\r\n\r\nhello");
    assertThat(client.head())
        .startsWith("HTTP/1.1 101 ")
        .containsIgnoringCase("connection: upgrade")
        .contains("Sec-WebSocket-Accept: a");
    assertThat(client.bytes(5)).isEqualTo("hello");
    assertThat(asked.bytes(5)).isEqualTo("early");
    client.send("\u0000\u00ff GET / HTTP/1.1\r\n\r\n");
    assertThat(asked.bytes(19)).isEqualTo("\u0000\u00ff GET / HTTP/1.1\r\n");
    assertThat(proxy.counters().tunnels()).isEqualTo(1);
    client.close();
    asked.rest();
    until(() -> proxy.counters().tunnels() == 0);
  }

  @Test
  void anUpgradeThatTheApplicationDeclinesLeavesAnOrdinaryConnection() throws Exception {
    RawApplication application = bed.application(null);
    RawConnection client = bed.client(bed.proxy(application));
    client.send(
        "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
            + get("/next"));
    RawConnection asked = application.next();
    asked.head();
    asked.send(ok("plain"));
    assertThat(client.message()).endsWith("plain");
    assertThat(asked.head()).startsWith("GET /next ");
  }

  @Test
  void aChangeOfProtocolThatNobodyAskedForIsAnError() throws Exception {
    RawApplication application = bed.application(null);
    RawConnection client = bed.client(bed.proxy(application));
    client.send(post("/", "x"));
    RawConnection asked = application.next();
    asked.message();
    asked.send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n");
    assertThat(client.message()).startsWith("HTTP/1.1 502 ");
  }

  @Test
  void eventsArePassedOnAtOnce() throws Exception {
    RawApplication application = bed.application(null);
    RawConnection client = bed.client(bed.proxy(application));
    client.send(get("/events"));
    RawConnection asked = application.next();
    asked.head();
    asked.send(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
    assertThat(client.head()).contains("text/event-stream");
    for (int i = 0; i < 3; i++) {
      asked.send("8\r\ndata: " + i + "\n\r\n");
      assertThat(client.line()).isEqualTo("8");
      assertThat(client.line()).isEqualTo("data: " + i);
      client.line();
    }
  }

  @Test
  void aClientThatGoesAwayEndsItsRequestAtTheApplication() throws Exception {
    RawApplication application = bed.application(null);
    ProxyServer proxy = bed.proxy(application);
    RawConnection client = bed.client(proxy);
    client.send(get("/slow"));
    RawConnection asked = application.next();
    asked.head();
    client.close();
    assertThat(asked.read()).isEqualTo(-1);
    until(() -> proxy.counters().requests(ProxyCounters.Outcome.ABORTED) == 1);
  }

  @ParameterizedTest
  @ValueSource(strings = {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", "half"})
  void anAnswerThatIsCutOffIsNotMadeWhole(String half) throws Exception {
    RawApplication application =
        bed.application(
            (connection, head) -> {
              connection.send(
                  half.equals("half")
                      ? "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"
                      : half);
              return false;
            });
    RawConnection client = bed.client(bed.proxy(application));
    client.send(get("/"));
    assertThat(client.rest()).contains("half").doesNotContain("\r\n0\r\n");
  }

  @Test
  void anAnswerThatIsNoHttpIsABadGateway() throws Exception {
    RawApplication application =
        bed.application(
            (connection, head) -> {
              connection.send("SSH-2.0-x\r\n\r\n");
              return true;
            });
    String answer = bed.client(bed.proxy(application)).send(post("/", "x")).message();
    assertThat(answer).startsWith("HTTP/1.1 502 ").contains("no valid HTTP answer");
  }

  @Test
  void withoutAnApplicationTheClientIsToldSoAfterAWhile() throws Exception {
    int port;
    try (ServerSocket closed = new ServerSocket(0)) {
      port = closed.getLocalPort();
    }
    RawConnection client = bed.client(bed.proxy(port, bed.primaries));
    String answer = client.send(get("/")).message();
    assertThat(answer).startsWith("HTTP/1.1 502 ").contains("cannot be reached").contains("hint");
    assertThat(client.send(get("/")).message()).as("same connection").startsWith("HTTP/1.1 502 ");
  }

  @Test
  void anApplicationThatStartsLaterIsWaitedFor() throws Exception {
    bed.startTimeout = Duration.ofSeconds(10);
    int port;
    try (ServerSocket closed = new ServerSocket(0)) {
      port = closed.getLocalPort();
    }
    RawConnection client = bed.client(bed.proxy(port, bed.primaries));
    client.send(post("/", "body"));
    Thread.sleep(150);
    try (ServerSocket late = new ServerSocket(port);
        RawConnection asked = new RawConnection(late.accept())) {
      assertThat(asked.message()).endsWith("body");
      asked.send(ok("there"));
      assertThat(client.message()).endsWith("there");
    }
  }

  @ParameterizedTest
  @CsvSource({"GET, true", "PUT, true", "DELETE, true", "POST, false", "PATCH, false"})
  void aRequestWhoseConnectionBreaksIsRepeatedOnceIfThatDoesNoHarm(String method, boolean again)
      throws Exception {
    RawApplication application = bed.application(null);
    ProxyServer proxy = bed.proxy(application);
    RawConnection client = bed.client(proxy);
    client.send(post("/", "body").replace("POST", method));
    RawConnection asked = application.next();
    asked.message();
    asked.close();
    if (!again) {
      assertThat(client.message()).startsWith("HTTP/1.1 502 ").contains("not known");
      assertThat(application.hasNext(100)).isFalse();
      return;
    }
    RawConnection askedAgain = application.next();
    assertThat(askedAgain.message()).startsWith(method).endsWith("body");
    assertThat(proxy.counters().retried()).isEqualTo(1);
    askedAgain.reset();
    assertThat(client.message()).startsWith("HTTP/1.1 502 ");
    assertThat(application.hasNext(100)).as("a third try").isFalse();
  }

  @Test
  void anAnswerOfWhichOnlyTheHeadHasComeCanStillBeReplaced() throws Exception {
    RawApplication application = bed.application(null);
    RawConnection client = bed.client(bed.proxy(application));
    client.send(get("/"));
    RawConnection asked = application.next();
    asked.head();
    asked.send("HTTP/1.1 200 OK\r\nX: old\r\nContent-Length: 5\r\n\r\n");
    assertThat(client.isSilent(50)).isTrue();
    asked.close();
    RawConnection second = application.next();
    second.head();
    second.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe");
    assertThat(client.head()).doesNotContain("old");
    assertThat(client.bytes(2)).isEqualTo("he");
    second.close();
    assertThat(client.rest()).isEmpty();
  }

  @Test
  void aRequestWhoseBodyWasTooLargeToKeepIsNotRepeated() throws Exception {
    RawApplication application = bed.application(null);
    RawConnection client = bed.client(bed.proxy(application));
    client.send(post("/", "x".repeat(100_000)).replace("POST", "PUT"));
    RawConnection asked = application.next();
    asked.message();
    asked.close();
    assertThat(client.message()).startsWith("HTTP/1.1 502 ");
    assertThat(application.hasNext(100)).isFalse();
  }

  @Test
  void aKeptConnectionThatTheApplicationHasClosedIsNoticed() throws Exception {
    RawApplication application = bed.application(null);
    RawConnection client = bed.client(bed.proxy(application));
    client.send(get("/"));
    RawConnection first = application.next();
    first.head();
    first.send(ok("1"));
    client.message();
    first.close();
    Thread.sleep(50);
    client.send(post("/", "x"));
    RawConnection second = application.next();
    second.message();
    second.send(ok("2"));
    assertThat(client.message()).endsWith("2");
  }

  @Test
  void aRequestThatComesBackToItsProxyIsRefused() throws Exception {
    RawConnection client = echo();
    client.send("GET / HTTP/1.1\r\nHost: a\r\nVia: 1.1 edge, 1.1 tidemark-one\r\n\r\n");
    assertThat(client.message()).startsWith("HTTP/1.1 508 ").contains("proxy.target");
  }

  @Test
  void theHealthCheckFollowsTheLag() throws Exception {
    ProxyServer proxy = bed.proxy(bed.application(RawApplication.ECHO));
    RawConnection client = bed.client(proxy);
    for (String path : new String[] {"/tidemark/health", "/litefs/health?x"}) {
      bed.lag = 0;
      assertThat(client.send(get(path)).message()).startsWith("HTTP/1.1 200 ");
      bed.lag = Duration.ofSeconds(2).toNanos();
      assertThat(client.send(get(path)).message())
          .startsWith("HTTP/1.1 503 ")
          .contains("2000 ms behind");
      bed.lag = Lag.UNKNOWN;
      assertThat(client.send(get(path)).message()).startsWith("HTTP/1.1 503 ").contains("never");
    }
  }

  @Test
  void largeBodiesPassInLittleMemoryWhateverTheOtherSideReads() throws Exception {
    long size = 80L << 20;
    RawApplication application = bed.application(null);
    RawConnection client = bed.client(bed.proxy(application));
    CompletableFuture<Void> upload =
        CompletableFuture.runAsync(
            () -> {
              try {
                client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: " + size + "\r\n\r\n");
                client.sendZeros(size);
              } catch (IOException e) {
                throw new AssertionError(e);
              }
            });
    RawConnection asked = application.next();
    asked.head();
    Thread.sleep(300); // nothing is read: the proxy must not take it all
    assertThat(upload).isNotDone();
    long used = directMemory();
    assertThat(used).as("bytes of buffers").isLessThan(20L << 20);
    skip(asked, size);
    upload.join();
    CompletableFuture<Void> download =
        CompletableFuture.runAsync(
            () -> {
              try {
                asked.send("HTTP/1.1 200 OK\r\nContent-Length: " + size + "\r\n\r\n");
                asked.sendZeros(size);
              } catch (IOException e) {
                throw new AssertionError(e);
              }
            });
    client.head();
    Thread.sleep(300);
    assertThat(download).isNotDone();
    assertThat(directMemory()).as("bytes of buffers").isLessThan(20L << 20);
    skip(client, size);
    download.join();
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void whenMemoryIsTightAnswersStillComeWhole(boolean slow) throws Exception {
    bed.easyBuffers = 0;
    RawApplication application = bed.application(null);
    RawConnection client = bed.client(bed.proxy(application));
    int size = 3 << 20;
    client.send(get("/1"));
    RawConnection asked = application.next();
    asked.head();
    CompletableFuture<Void> download =
        CompletableFuture.runAsync(
            () -> {
              try {
                asked.send(ok("x".repeat(size)));
              } catch (IOException e) {
                throw new AssertionError(e);
              }
            });
    client.head();
    Thread.sleep(slow ? 300 : 0);
    assertThat(client.bytes(size)).isEqualTo("x".repeat(size));
    download.join();
    client.send(get("/2"));
    asked.head();
    asked.send(ok("again"));
    assertThat(client.message()).endsWith("again");
  }

  private static long directMemory() {
    ByteBufAllocator all = ByteBufAllocator.DEFAULT;
    return ((ByteBufAllocatorMetricProvider) all).metric().usedDirectMemory();
  }

  private static void skip(RawConnection connection, long count) throws IOException {
    for (long left = count; left > 0; left -= 1 << 20) {
      connection.bytes((int) Math.min(left, 1 << 20));
    }
  }

  // ------------------------------------------------------------------ time and number

  @Test
  void headersThatComeTooSlowlyAreAnsweredWith408() throws Exception {
    bed.headTimeout = Duration.ofMillis(300);
    ProxyServer proxy = bed.proxy(bed.application(RawApplication.ECHO));
    RawConnection client = bed.client(proxy);
    client.send("GET / HTTP/1.1\r\n");
    for (int i = 0; i < 4; i++) {
      Thread.sleep(50);
      client.send("X-" + i + ": 1\r\n");
    }
    assertThat(client.message()).startsWith("HTTP/1.1 408 ");
    assertThat(client.read()).isEqualTo(-1);
    RawConnection second = bed.client(proxy);
    second.send(get("/"));
    second.message();
    second.send("G");
    assertThat(second.message()).as("the second request, too").startsWith("HTTP/1.1 408 ");
    assertThat(bed.client(proxy).rest()).as("nothing was asked").isEmpty();
  }

  @Test
  void aConnectionOnWhichNothingIsAskedIsClosed() throws Exception {
    bed.idleTimeout = Duration.ofMillis(200);
    RawConnection client = echo();
    client.send(get("/"));
    client.message();
    assertThat(client.rest()).isEmpty();
  }

  @Test
  void aBodyThatTakesTooLongIsAnsweredWith408() throws Exception {
    bed.readTimeout = Duration.ofMillis(200);
    RawApplication application = bed.application(null);
    RawConnection client = bed.client(bed.proxy(application));
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab");
    assertThat(client.message()).startsWith("HTTP/1.1 408 ");
    RawConnection asked = application.next();
    assertThat(asked.rest()).endsWith("\r\n\r\nab");
  }

  @Test
  void anAnswerThatTakesTooLongIsATimeOut() throws Exception {
    bed.writeTimeout = Duration.ofMillis(200);
    RawApplication application = bed.application(null);
    RawConnection client = bed.client(bed.proxy(application));
    client.send(get("/"));
    RawConnection asked = application.next();
    asked.head();
    assertThat(client.message()).startsWith("HTTP/1.1 504 ");
    assertThat(asked.read()).isEqualTo(-1);
  }

  @Test
  void connectionsAboveTheLimitAreClosedAtOnce() throws Exception {
    bed.maxConnections = 2;
    ProxyServer proxy = bed.proxy(bed.application(RawApplication.ECHO));
    RawConnection one = bed.client(proxy);
    one.send(get("/")).message();
    RawConnection two = bed.client(proxy);
    two.send(get("/")).message();
    assertThat(bed.client(proxy).rest()).isEmpty();
    assertThat(proxy.counters().refusedConnections()).isEqualTo(1);
    one.close();
    until(() -> proxy.counters().connections() == 1);
    assertThat(bed.client(proxy).send(get("/")).message()).startsWith("HTTP/1.1 200 ");
  }

  @Test
  void manyHalfHeadsAreRefusedBeforeTheyFillTheMemory() throws Exception {
    bed.maxHeads = 20_000;
    ProxyServer proxy = bed.proxy(bed.application(RawApplication.ECHO));
    RawConnection last = null;
    for (int i = 0; i < 6; i++) {
      last = bed.client(proxy);
      last.send("GET / HTTP/1.1\r\nX: " + "x".repeat(3500) + "\r\nY: ");
    }
    assertThat(last.message()).startsWith("HTTP/1.1 503 ").contains("too many requests");
    bed.closeClients();
    until(() -> proxy.counters().connections() == 0);
    RawConnection next = bed.client(proxy);
    for (int i = 0; i < 10; i++) {
      next.send("GET / HTTP/1.1\r\nHost: a\r\nX: " + "x".repeat(3500) + "\r\n\r\n");
      assertThat(next.message()).startsWith("HTTP/1.1 200 ");
    }
  }

  @Test
  void idleConnectionsCostLittleMemory() throws Exception {
    bed.maxConnections = 3000;
    ProxyServer proxy = bed.proxy(bed.application(RawApplication.ECHO));
    bed.client(proxy).send(get("/")).message();
    long before = usedHeap();
    List<Socket> idle = new ArrayList<>();
    for (int i = 0; i < 1000; i++) {
      Socket socket = bed.closing(new Socket(InetAddress.getLoopbackAddress(), proxy.port()));
      socket.getOutputStream().write(get("/").getBytes(StandardCharsets.US_ASCII));
      assertThat(socket.getInputStream().read(new byte[1024])).isPositive();
      idle.add(socket);
    }
    assertThat(proxy.counters().connections()).isEqualTo(1001);
    // The clients of this test are in the same heap. 200 MiB for 10,000 would be 20 KiB for each.
    assertThat((usedHeap() - before) / idle.size()).as("bytes each").isLessThan(10 << 10);
    assertThat(directMemory()).isLessThan(20 << 20);
  }

  private static long usedHeap() {
    System.gc();
    return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
  }

  @Test
  void atTheEndIdleClientsGoAtOnceAndOthersWithTheirAnswer() throws Exception {
    RawApplication application = bed.application(null);
    ProxyServer proxy = bed.proxy(application);
    RawConnection idle = bed.client(proxy);
    RawConnection busy = bed.client(proxy);
    busy.send(get("/"));
    RawConnection asked = application.next();
    asked.head();
    CompletableFuture<Void> drained =
        CompletableFuture.runAsync(() -> proxy.drain(Duration.ofSeconds(5)));
    assertThat(idle.rest()).isEmpty();
    asked.send(ok("last"));
    assertThat(busy.rest()).containsIgnoringCase("connection: close").endsWith("last");
    drained.join();
  }

  private interface Condition {
    boolean holds();
  }

  private static void until(Condition condition) throws InterruptedException {
    long end = System.nanoTime() + Duration.ofSeconds(10).toNanos();
    while (!condition.holds()) {
      assertThat(System.nanoTime()).isLessThan(end);
      Thread.sleep(5);
    }
  }
}
