package io.tidemark.node.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidemark.node.config.HostPort;
import io.tidemark.node.config.NodeConfig;
import io.tidemark.node.http.ApiLimits;
import io.tidemark.node.http.ApiServer;
import io.tidemark.node.http.FakeNode;
import io.tidemark.node.http.TestCertificates;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The commands and other clients against a port with certificates. */
@Timeout(60)
class TlsTest {
  @TempDir static Path certificates;
  private static TestCertificates ours;
  private static TestCertificates strangers;

  @TempDir Path dir;
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();
  private FakeNode node;
  private ApiServer server;

  @BeforeAll
  static void makeCertificates() throws Exception {
    ours =
        new TestCertificates(certificates.resolve("ours"))
            .sign("server", "ip:127.0.0.1")
            .sign("elsewhere", "dns:node.example")
            .sign("client", "dns:client");
    strangers = new TestCertificates(certificates.resolve("strangers")).sign("client", "dns:x");
  }

  @BeforeEach
  void makeNode() throws IOException {
    node = new FakeNode(Files.createDirectory(dir.resolve("data")));
  }

  @AfterEach
  void stop() {
    if (server != null) {
      server.close();
    }
  }

  private void serve(String certificate, boolean mutual, String token) throws Exception {
    NodeConfig.Tls tls =
        new NodeConfig.Tls(
            ours.cert(certificate), ours.key(certificate), mutual ? ours.cert("ca") : null);
    NodeConfig.Http http = new NodeConfig.Http(new HostPort("127.0.0.1", 0), tls, token, false);
    server = ApiServer.start(http, node, ApiLimits.defaults());
  }

  private int run(String command, Object... options) {
    out.reset();
    err.reset();
    String[] words = new String[options.length + 3];
    words[0] = command;
    words[1] = "--url";
    words[2] = "https://127.0.0.1:" + server.port();
    for (int i = 0; i < options.length; i++) {
      words[i + 3] = options[i].toString();
    }
    return CommandLineTool.run(words, new PrintStream(out, true), new PrintStream(err, true));
  }

  private String err() {
    assertThat(err.toString(StandardCharsets.UTF_8).lines().count()).isLessThanOrEqualTo(2);
    return err.toString(StandardCharsets.UTF_8);
  }

  @Test
  void theCommandsSpeakHttps() throws Exception {
    serve("server", false, null);
    assertThat(run("status", "--ca", ours.cert("ca"))).as(err()).isZero();
    assertThat(out.toString(StandardCharsets.UTF_8)).contains("role      primary");
  }

  @Test
  void databasesTravelEncrypted() throws Exception {
    serve("server", false, "tok");
    byte[] content = new byte[3 << 20];
    new Random(1).nextBytes(content);
    System.arraycopy("SQLite format 3\0".getBytes(StandardCharsets.US_ASCII), 0, content, 0, 16);
    System.arraycopy(new byte[] {16, 0, 1, 1, 0, 64, 32, 32}, 0, content, 16, 8);
    System.arraycopy(new byte[] {0, 0, 3, 0}, 0, content, 28, 4);
    System.arraycopy(content, 24, content, 92, 4);
    Path source = Files.write(dir.resolve("source.db"), content);
    Path copy = dir.resolve("copy.db");
    Path ca = ours.cert("ca");
    assertThat(run("import", "--ca", ca, "--token", "tok", "--name", "a.db", source))
        .as(err())
        .isZero();
    assertThat(run("export", "--ca", ca, "--token", "tok", "--name", "a.db", copy))
        .as(err())
        .isZero();
    assertThat(copy).hasBinaryContent(content);
    assertThat(run("status", "--ca", ca)).isEqualTo(1);
    assertThat(err()).contains("token");
  }

  @Test
  void anAuthorityThatIsNotNamedIsNotTrusted() throws Exception {
    serve("server", false, null);
    assertThat(run("status")).isEqualTo(1);
    assertThat(err()).contains("not signed by a known authority").contains("--ca FILE");
    assertThat(run("status", "--ca", strangers.cert("ca"))).isEqualTo(1);
    assertThat(err()).contains("not signed by a known authority");
  }

  @Test
  void aCertificateForAnotherNameIsRefused() throws Exception {
    serve("elsewhere", false, null);
    assertThat(run("status", "--ca", ours.cert("ca"))).isEqualTo(1);
    assertThat(err()).contains("name in --url");
  }

  @Test
  void clientsNeedACertificateOfTheAuthority() throws Exception {
    serve("server", true, null);
    Path ca = ours.cert("ca");
    assertThat(
            run("status", "--ca", ca, "--cert", ours.cert("client"), "--key", ours.key("client")))
        .as(err())
        .isZero();
    assertThat(run("status", "--ca", ca)).isEqualTo(1);
    assertThat(err()).contains("--cert FILE --key FILE");
    assertThat(
            run(
                "status",
                "--ca",
                ca,
                "--cert",
                strangers.cert("client"),
                "--key",
                strangers.key("client")))
        .isEqualTo(1);
    assertThat(err()).contains("--cert FILE --key FILE");
    // One that was refused harms nobody else.
    assertThat(
            run("status", "--ca", ca, "--cert", ours.cert("client"), "--key", ours.key("client")))
        .isZero();
  }

  private String plain(String request) throws IOException {
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), server.port())) {
      socket.setSoTimeout(10_000);
      socket.getOutputStream().write(request.getBytes(StandardCharsets.ISO_8859_1));
      socket.shutdownOutput();
      return new String(socket.getInputStream().readAllBytes(), StandardCharsets.ISO_8859_1);
    }
  }

  @Test
  void plainHttpIsToldToUseHttps() throws Exception {
    node.put("app.db", new byte[4096]);
    serve("server", true, null);
    for (String path : new String[] {"GET /health", "GET /status", "POST /drop?name=app.db"}) {
      assertThat(plain(path + " HTTP/1.1\r\nHost: localhost\r\n\r\n"))
          .startsWith("HTTP/1.1 400")
          .contains("HTTPS");
    }
    assertThat(node.find("app.db")).isNotNull();
    assertThat(
            CommandLineTool.run(
                new String[] {"status", "--url", "http://127.0.0.1:" + server.port()},
                new PrintStream(out, true),
                new PrintStream(err, true)))
        .isEqualTo(1);
    assertThat(err()).contains("HTTPS").contains("https://");
  }

  @Test
  void bytesThatAreNothingEndTheConnection() throws Exception {
    serve("server", true, null);
    assertThat(plain("")).isEmpty();
    assertThat(plain("abc")).isEmpty();
    assertThat(plain("\u0016\u0003\u0001\u0000\u0005hello, this is no TLS")).doesNotContain("200");
    assertThat(plain("nonsense\r\n\r\n")).startsWith("HTTP/1.1 400");
  }

  @Test
  void httpsToAPlainPortIsExplained() throws Exception {
    server =
        ApiServer.start(
            new NodeConfig.Http(new HostPort("127.0.0.1", 0), null, null, false),
            node,
            ApiLimits.defaults());
    assertThat(run("status")).isEqualTo(1);
    assertThat(err()).contains("Check http:// or https://");
  }

  @Test
  void filesThatAreNoCertificatesAreNamed() throws Exception {
    Path junk = Files.writeString(dir.resolve("junk.pem"), "junk");
    NodeConfig.Http http =
        new NodeConfig.Http(
            new HostPort("127.0.0.1", 0), new NodeConfig.Tls(junk, junk, null), null, false);
    assertThatThrownBy(() -> ApiServer.start(http, node, ApiLimits.defaults()))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("http.tls")
        .hasMessageContaining("PKCS#8");
    serve("server", false, null);
    assertThat(run("status", "--ca", junk)).isEqualTo(2);
    assertThat(err()).contains("--ca");
    assertThat(run("status", "--cert", junk)).isEqualTo(2);
    assertThat(err()).contains("--key");
  }
}
