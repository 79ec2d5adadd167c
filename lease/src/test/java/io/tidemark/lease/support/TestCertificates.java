package io.tidemark.lease.support;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.util.ArrayList;
import java.util.List;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;

/** An authority and what it signs, made by openssl for one test. */
public final class TestCertificates {
  private final Path dir;

  /** An authority in a directory of its own. */
  public TestCertificates(Path dir) throws Exception {
    this.dir = Files.createDirectories(dir);
    openssl(
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
            + " -subj /CN=authority -keyout ca.key -out ca.crt");
  }

  public Path ca() {
    return dir.resolve("ca.crt");
  }

  public Path certificate(String name) {
    return dir.resolve(name + ".crt");
  }

  public Path key(String name) {
    return dir.resolve(name + ".key");
  }

  /** Makes NAME.crt and NAME.key, signed by the authority, for a server or a client. */
  public void sign(String name, String alternativeName) throws Exception {
    openssl(
        "req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN="
            + name
            + " -keyout "
            + name
            + ".key -out "
            + name
            + ".csr");
    Files.writeString(
        dir.resolve(name + ".ext"),
        "subjectAltName=" + alternativeName + "\nextendedKeyUsage=serverAuth,clientAuth\n");
    openssl(
        "x509 -req -days 2 -in "
            + name
            + ".csr -CA ca.crt -CAkey ca.key -CAcreateserial"
            + " -extfile "
            + name
            + ".ext -out "
            + name
            + ".crt");
  }

  /** For a server in this process. */
  public SSLContext serverContext(String name) throws Exception {
    openssl(
        "pkcs12 -export -passout pass:test -inkey "
            + name
            + ".key -in "
            + name
            + ".crt -out "
            + name
            + ".p12");
    KeyStore store = KeyStore.getInstance("PKCS12");
    try (InputStream in = Files.newInputStream(dir.resolve(name + ".p12"))) {
      store.load(in, "test".toCharArray());
    }
    KeyManagerFactory keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    keys.init(store, "test".toCharArray());
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(keys.getKeyManagers(), null, null);
    return context;
  }

  private void openssl(String arguments) throws Exception {
    List<String> command = new ArrayList<>(List.of("openssl"));
    command.addAll(List.of(arguments.split(" ")));
    Process process =
        new ProcessBuilder(command).directory(dir.toFile()).redirectErrorStream(true).start();
    String said = new String(process.getInputStream().readAllBytes());
    assertThat(process.waitFor()).as("openssl %s: %s", arguments, said).isZero();
  }
}
