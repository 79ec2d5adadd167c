package io.tidemark.lease.support;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.tidemark.lease.LeaseStoreException;
import io.tidemark.lease.LeaseStoreException.Kind;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A server that says as much as the test wants and then nothing. */
@Timeout(30)
class HttpCallerTest {
  private static final Duration SHORT = Duration.ofMillis(300);

  private ServerSocket server;
  private volatile String said = "";

  @BeforeEach
  void listen() throws IOException {
    server = new ServerSocket(0, 10, InetAddress.getLoopbackAddress());
    Thread thread = new Thread(this::serve, "silent-server");
    thread.setDaemon(true);
    thread.start();
  }

  @AfterEach
  void close() throws IOException {
    server.close();
  }

  private void serve() {
    try {
      while (true) {
        Socket socket = server.accept(); // stays open until the test's process ends
        socket.getOutputStream().write(said.getBytes(StandardCharsets.UTF_8));
      }
    } catch (IOException e) {
      // The test is over.
    }
  }

  private HttpCaller caller() {
    return new HttpCaller(
        "the store",
        URI.create("http://127.0.0.1:" + server.getLocalPort() + "/"),
        Optional.empty(),
        Map::of,
        "store.url");
  }

  private LeaseStoreException failure() {
    return catchThrowableOfType(
        LeaseStoreException.class, () -> caller().send("PUT", "/x", "body", SHORT));
  }

  @Test
  void aServerThatSaysNothingIsUnreachableAndMayHaveDoneIt() {
    LeaseStoreException failure = failure();
    assertThat(failure.kind()).isEqualTo(Kind.UNREACHABLE);
    assertThat(failure.isUnknown()).isTrue();
    assertThat(failure).hasMessageContaining("300 ms").hasMessageContaining("store.url");
  }

  @Test
  void anAnswerThatStopsInItsMiddleIsNoAnswer() {
    said = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf";
    LeaseStoreException failure = failure();
    assertThat(failure.kind()).isEqualTo(Kind.UNREACHABLE);
    assertThat(failure.isUnknown()).isTrue();
  }

  @Test
  void whatIsNoHttpIsNoAnswer() {
    said = "SSH-2.0-x\r\n\r\n";
    assertThat(failure().isUnknown()).isTrue();
  }

  @Test
  void aPortWhereNobodyListensHasCertainlyDoneNothing() throws IOException {
    server.close();
    LeaseStoreException failure = failure();
    assertThat(failure.kind()).isEqualTo(Kind.UNREACHABLE);
    assertThat(failure.isUnknown()).isFalse();
  }

  @Test
  void anInterruptEndsTheWaitAndStays() {
    Thread.currentThread().interrupt();
    LeaseStoreException failure = failure();
    assertThat(Thread.interrupted()).isTrue();
    assertThat(failure.kind()).isEqualTo(Kind.STOPPED);
    assertThat(failure.isUnknown()).isTrue();
  }

  @Test
  void linesComeBeforeTheAnswerEnds() throws Exception {
    said = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\none\ntwo\nthr";
    try (LineStream lines = caller().lines("/x", Duration.ofSeconds(10)).body()) {
      assertThat(lines.poll(Duration.ofSeconds(10))).contains("one");
      assertThat(lines.poll(Duration.ofSeconds(10))).contains("two");
      assertThat(lines.poll(Duration.ofMillis(50))).isEmpty();
      assertThat(lines.isEnded()).isFalse();
    }
  }
}
