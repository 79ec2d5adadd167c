package io.tidemark.node.http;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;

/** An authority of our own and what it signed, made by keytool of the running JDK. */
public final class TestCertificates {
  private static final String PASSWORD = "changeit";

  private final Path dir;
  private final Path store;

  /** An authority with files in a new directory. */
  public TestCertificates(Path dir) throws IOException, InterruptedException {
    this.dir = Files.createDirectories(dir);
    this.store = dir.resolve("keys.p12");
    keytool("ca", "-ext", "bc:critical=ca:true");
  }

  /** Makes a certificate that the authority signs, and its key. */
  public TestCertificates sign(String name, String subjectAlternative)
      throws IOException, InterruptedException {
    keytool(name, "-signer", "ca", "-ext", "san=" + subjectAlternative);
    return this;
  }

  private void keytool(String alias, String... more) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "keytool").toString());
    command.addAll(List.of("-J-XX:TieredStopAtLevel=1", "-J-XX:+UseSerialGC"));
    command.addAll(
        List.of("-genkeypair", "-alias", alias, "-dname", "CN=" + alias, "-keyalg", "EC"));
    command.addAll(List.of("-groupname", "secp256r1", "-validity", "2"));
    command.addAll(List.of("-keystore", store.toString(), "-storetype", "PKCS12"));
    command.addAll(List.of("-storepass", PASSWORD));
    command.addAll(List.of(more));
    Process process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(dir.resolve("keytool.log").toFile())
            .start();
    if (process.waitFor() != 0) {
      throw new IOException(Files.readString(dir.resolve("keytool.log")));
    }
  }

  /** The certificate in PEM. */
  public Path cert(String name) throws IOException, GeneralSecurityException {
    return pem(name + ".crt", "CERTIFICATE", load().getCertificate(name).getEncoded());
  }

  /** The key in PEM, PKCS#8. */
  public Path key(String name) throws IOException, GeneralSecurityException {
    return pem(
        name + ".key", "PRIVATE KEY", load().getKey(name, PASSWORD.toCharArray()).getEncoded());
  }

  private KeyStore load() throws IOException, GeneralSecurityException {
    KeyStore keys = KeyStore.getInstance("PKCS12");
    try (InputStream in = Files.newInputStream(store)) {
      keys.load(in, PASSWORD.toCharArray());
    }
    return keys;
  }

  private Path pem(String file, String kind, byte[] content) throws IOException {
    String text =
        "-----BEGIN %s-----%n%s%n-----END %s-----%n"
            .formatted(kind, Base64.getMimeEncoder().encodeToString(content), kind);
    return Files.writeString(dir.resolve(file), text);
  }
}
