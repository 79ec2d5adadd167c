package io.tidemark.node.tls;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.handler.ssl.JdkSslContext;
import io.netty.handler.ssl.SslContext;
import io.tidemark.node.config.NodeConfig;
import io.tidemark.node.http.TestCertificates;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.cert.X509Certificate;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Handshakes between two sides whose files change while they run. */
@Timeout(60)
class ReloadedTlsTest {
  @TempDir static Path certificates;
  @TempDir Path dir;
  private static TestCertificates first;
  private static TestCertificates second;
  private NodeConfig.Tls files;

  @BeforeAll
  static void makeCertificates() throws Exception {
    first = new TestCertificates(certificates.resolve("first")).sign("node", "ip:127.0.0.1");
    second = new TestCertificates(certificates.resolve("second")).sign("node", "ip:127.0.0.1");
  }

  @BeforeEach
  void install() throws Exception {
    files =
        new NodeConfig.Tls(dir.resolve("cert.pem"), dir.resolve("key.pem"), dir.resolve("ca.pem"));
    copy(first.cert("node"), files.cert());
    copy(first.key("node"), files.key());
    copy(first.cert("ca"), files.ca());
  }

  private static void copy(Path from, Path to) throws IOException {
    Files.copy(from, to, StandardCopyOption.REPLACE_EXISTING);
  }

  /** Until the files are looked at again. */
  private static void pause() throws InterruptedException {
    Thread.sleep(ReloadedTls.LOOK.toMillis() + 50);
  }

  /** One connection; returns who signed the certificate that the client has seen. */
  private static X509Certificate connect(SslContext server, SslContext client) throws Exception {
    try (SSLServerSocket listener =
        (SSLServerSocket)
            ((JdkSslContext) server).context().getServerSocketFactory().createServerSocket(0)) {
      listener.setNeedClientAuth(true);
      Thread answering =
          new Thread(
              () -> {
                try (SSLSocket accepted = (SSLSocket) listener.accept()) {
                  accepted.getOutputStream().write(accepted.getInputStream().read());
                } catch (IOException e) {
                  // The other side sees it as well, and the test with it.
                }
              });
      answering.start();
      try (SSLSocket socket =
          (SSLSocket)
              ((JdkSslContext) client)
                  .context()
                  .getSocketFactory()
                  .createSocket("127.0.0.1", listener.getLocalPort())) {
        socket.getOutputStream().write(7);
        if (socket.getInputStream().read() != 7) {
          throw new SSLException("refused by the server");
        }
        return (X509Certificate) socket.getSession().getPeerCertificates()[0];
      } finally {
        answering.join();
      }
    }
  }

  @Test
  void newConnectionsUseNewCertificatesAndAuthorities() throws Exception {
    SslContext server = ReloadedTls.server(files);
    SslContext client = ReloadedTls.client(files);
    X509Certificate before = connect(server, client);
    copy(second.cert("node"), files.cert());
    copy(second.key("node"), files.key());
    copy(second.cert("ca"), files.ca());
    pause();
    X509Certificate after = connect(server, client);
    assertThat(after).isNotEqualTo(before);
    NodeConfig.Tls old =
        new NodeConfig.Tls(first.cert("node"), first.key("node"), second.cert("ca"));
    assertThatThrownBy(() -> connect(server, ReloadedTls.client(old)))
        .as("a client of the authority that is gone")
        .isInstanceOf(IOException.class);
  }

  @Test
  void filesThatDoNotFitLeaveTheOldOnesInUseUntilTheyDo() throws Exception {
    SslContext server = ReloadedTls.server(files);
    SslContext client =
        ReloadedTls.client(
            new NodeConfig.Tls(first.cert("node"), first.key("node"), first.cert("ca")));
    X509Certificate before = connect(server, client);
    copy(second.cert("node"), files.cert()); // its key comes later
    pause();
    assertThat(connect(server, client)).isEqualTo(before);
    Files.delete(files.key());
    pause();
    assertThat(connect(server, client)).isEqualTo(before);
    copy(first.cert("node"), files.cert());
    copy(first.key("node"), files.key());
    pause();
    assertThat(connect(server, client)).isEqualTo(before);
  }

  @Test
  void whatCannotBeUsedIsNamed() throws Exception {
    copy(second.key("node"), files.key());
    assertThatThrownBy(() -> ReloadedTls.server(files))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("key.pem")
        .hasMessageContaining("does not belong to the certificate");
    Files.writeString(files.key(), "junk");
    assertThatThrownBy(() -> ReloadedTls.server(files)).hasMessageContaining("PKCS#8");
    copy(first.key("node"), files.key());
    Files.writeString(files.ca(), "");
    assertThatThrownBy(() -> ReloadedTls.server(files)).hasMessageContaining("ca.pem");
  }
}
