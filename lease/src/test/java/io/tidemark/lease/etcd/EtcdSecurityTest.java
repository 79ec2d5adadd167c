package io.tidemark.lease.etcd;

import static io.tidemark.lease.etcd.EtcdClient.bytes;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.etcd.jetcd.Client;
import io.etcd.jetcd.auth.Permission;
import io.tidemark.lease.Acquisition;
import io.tidemark.lease.BootClock;
import io.tidemark.lease.Change;
import io.tidemark.lease.LeaseStoreException;
import io.tidemark.lease.LeaseStoreException.Kind;
import io.tidemark.lease.Owner;
import io.tidemark.lease.Renewal;
import io.tidemark.lease.etcd.EtcdOptions.Credentials;
import io.tidemark.lease.etcd.EtcdOptions.Tls;
import io.tidemark.lease.support.TestCertificates;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A real etcd that wants a client certificate, a user and a password. */
@Timeout(60)
class EtcdSecurityTest {
  private static final Duration CALL = Duration.ofSeconds(5);
  private static final Owner OWNER = new Owner("node", "nonce", "http://node");

  @TempDir static Path dir;
  private static TestCertificates certificates;
  private static EtcdServer server;

  @BeforeAll
  static void start() throws Exception {
    certificates = new TestCertificates(dir.resolve("certificates"));
    certificates.sign("server", "IP:127.0.0.1");
    certificates.sign("client", "DNS:client");
    server =
        EtcdServer.start(
            dir.resolve("etcd"),
            "https",
            List.of(
                "--cert-file=" + certificates.certificate("server"),
                "--key-file=" + certificates.key("server"),
                "--trusted-ca-file=" + certificates.ca(),
                "--client-cert-auth",
                "--auth-token-ttl=2"));
    try (Client root =
        Client.builder()
            .endpoints(server.url())
            .sslContext(
                context ->
                    context
                        .trustManager(certificates.ca().toFile())
                        .keyManager(
                            certificates.certificate("client").toFile(),
                            certificates.key("client").toFile()))
            .build()) {
      var auth = root.getAuthClient();
      auth.userAdd(bytes("root"), bytes("root")).get(20, TimeUnit.SECONDS);
      auth.userGrantRole(bytes("root"), bytes("root")).get(5, TimeUnit.SECONDS);
      auth.userAdd(bytes("tidemark"), bytes("right")).get(5, TimeUnit.SECONDS);
      auth.roleAdd(bytes("tidemark")).get(5, TimeUnit.SECONDS);
      auth.roleGrantPermission(
              bytes("tidemark"), bytes("/prod/"), bytes("/prod0"), Permission.Type.READWRITE)
          .get(5, TimeUnit.SECONDS);
      auth.userGrantRole(bytes("tidemark"), bytes("tidemark")).get(5, TimeUnit.SECONDS);
      auth.authEnable().get(5, TimeUnit.SECONDS);
    }
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  private static Optional<Tls> tls(String client) {
    return Optional.of(
        new Tls(
            Optional.of(certificates.ca()),
            Optional.of(certificates.certificate(client)),
            Optional.of(certificates.key(client))));
  }

  private static EtcdLeaser leaser(String prefix, String password, Optional<Tls> tls)
      throws LeaseStoreException {
    return new EtcdLeaser(
        new EtcdOptions(
            List.of(server.url()),
            prefix,
            Duration.ofSeconds(60),
            Optional.of(new Credentials("tidemark", password)),
            tls,
            CALL),
        BootClock.monotonic());
  }

  private static void assertFails(EtcdLeaser leaser, Kind kind) {
    try (leaser) {
      assertThatThrownBy(leaser::read)
          .isInstanceOfSatisfying(
              LeaseStoreException.class,
              e -> {
                assertThat(e.kind()).as("%s", e).isEqualTo(kind);
                assertThat(e.isUnknown()).isFalse();
              });
    }
  }

  @Test
  void withCertificateUserAndPasswordEverythingWorksBeyondTheLifeOfAToken() throws Exception {
    try (EtcdLeaser leaser = leaser("/prod", "right", tls("client"))) {
      Acquisition.Acquired acquired =
          (Acquisition.Acquired) leaser.acquire(leaser.read(), "record", OWNER);
      Thread.sleep(3500); // Tokens live for two seconds after their last use, here.
      assertThat(acquired.lease().renew(CALL)).isInstanceOf(Renewal.Renewed.class);
      Change changed = acquired.lease().change(acquired.revision(), "record 2");
      assertThat(changed).isInstanceOf(Change.Done.class);
      assertThat(leaser.read().owner()).contains(OWNER);
      acquired.lease().release(((Change.Done) changed).revision(), "last");
    }
  }

  @Test
  void aWrongPasswordIsSaidToBeRefused() throws Exception {
    assertFails(leaser("/prod", "wrong", tls("client")), Kind.REFUSED);
  }

  @Test
  void aServerThatIsAwayIsNotSaidToRefuseThePassword() throws Exception {
    assertFails(
        new EtcdLeaser(
            new EtcdOptions(
                List.of(URI.create("https://127.0.0.1:1")),
                "/prod",
                Duration.ofSeconds(60),
                Optional.of(new Credentials("tidemark", "right")),
                tls("client"),
                CALL),
            BootClock.monotonic()),
        Kind.UNREACHABLE);
  }

  @Test
  void aPrefixThatTheUserMayNotReadIsSaidToBeRefused() throws Exception {
    assertFails(leaser("/other", "right", tls("client")), Kind.REFUSED);
  }

  @Test
  void anotherAuthorityIsSaidToBeATroubleOfTls() throws Exception {
    TestCertificates others = new TestCertificates(dir.resolve("others"));
    others.sign("client", "DNS:client");
    assertFails(
        leaser(
            "/prod",
            "right",
            Optional.of(
                new Tls(
                    Optional.of(others.ca()),
                    Optional.of(certificates.certificate("client")),
                    Optional.of(certificates.key("client"))))),
        Kind.TLS);
  }

  @Test
  void filesThatAreNoCertificatesAreSaidAtOnce() throws Exception {
    Path junk = Files.writeString(dir.resolve("junk.pem"), "junk");
    assertThatThrownBy(
            () ->
                leaser(
                    "/prod",
                    "right",
                    Optional.of(new Tls(Optional.of(junk), Optional.empty(), Optional.empty()))))
        .isInstanceOfSatisfying(
            LeaseStoreException.class, e -> assertThat(e.kind()).isEqualTo(Kind.TLS));
  }

  @Test
  void optionsThatCannotWorkAreRefused() {
    URI http = URI.create("http://127.0.0.1:2379");
    URI https = URI.create("https://127.0.0.1:2379");
    for (List<URI> endpoints : List.of(List.<URI>of(), List.of(http, https))) {
      assertThatThrownBy(() -> EtcdLeaserTest.options(endpoints, "/p", Duration.ofSeconds(10)))
          .isInstanceOf(IllegalArgumentException.class);
    }
    assertThatThrownBy(() -> new Tls(Optional.empty(), Optional.of(dir), Optional.empty()))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
