package io.tidemark.lease.kubernetes;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidemark.lease.Acquisition;
import io.tidemark.lease.Change;
import io.tidemark.lease.LeaseStoreException;
import io.tidemark.lease.LeaseStoreException.Kind;
import io.tidemark.lease.LeaseWatch;
import io.tidemark.lease.ManualClock;
import io.tidemark.lease.Owner;
import io.tidemark.lease.Renewal;
import io.tidemark.lease.support.TestCertificates;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is special about Kubernetes: tokens, statuses, versions that others change, TLS. */
@Timeout(60)
class KubernetesApiTest {
  private static final Duration CALL = Duration.ofSeconds(5);
  private static final InstantSource WALL =
      InstantSource.fixed(Instant.parse("2026-01-02T03:04:05.678901Z"));

  @TempDir Path dir;
  private final ManualClock clock = new ManualClock();
  private final Owner one = new Owner("node-1", "nonce1", "http://one");
  private final Owner two = new Owner("node-2", "nonce2", "http://two");
  private FakeApiServer server;

  @BeforeEach
  void start() throws IOException {
    server = new FakeApiServer(0);
  }

  @AfterEach
  void stop() {
    server.close();
  }

  private KubernetesLeaser leaser() {
    return new KubernetesLeaser(KubernetesLeaserTest.options(server.url()), clock, WALL);
  }

  private KubernetesLeaser leaser(URI url, Optional<Path> token, Optional<Path> ca) {
    return new KubernetesLeaser(
        new KubernetesOptions(url, "test", "tidemark", Duration.ofSeconds(10), token, ca, CALL),
        clock,
        WALL);
  }

  private static Acquisition.Acquired acquire(KubernetesLeaser leaser, Owner owner)
      throws LeaseStoreException {
    Acquisition result = leaser.acquire(leaser.read(), "record", owner);
    assertThat(result).isInstanceOf(Acquisition.Acquired.class);
    return (Acquisition.Acquired) result;
  }

  private static void assertRefused(KubernetesLeaser leaser, Kind kind) {
    assertThatThrownBy(leaser::read)
        .isInstanceOfSatisfying(
            LeaseStoreException.class,
            e -> {
              assertThat(e.kind()).isEqualTo(kind);
              assertThat(e.isUnknown()).isFalse();
            });
  }

  @Test
  void theObjectIsWhatKubectlExpectsToShow() throws Exception {
    acquire(leaser(), one);

    assertThat(server.shown("tidemark"))
        .contains("\"holderIdentity\":\"node-1_nonce1\"")
        .contains("\"leaseDurationSeconds\":10")
        .contains("\"renewTime\":\"2026-01-02T03:04:05.678901Z\"")
        .contains("\"leaseTransitions\":1")
        .contains("\"tidemark.io/record\":\"record\"");
  }

  @Test
  void aTokenThatWasReplacedIsReadAgain() throws Exception {
    Path token = Files.writeString(dir.resolve("token"), "first\n");
    server.requireToken("first");
    KubernetesLeaser leaser = leaser(server.url(), Optional.of(token), Optional.empty());
    Acquisition.Acquired acquired = acquire(leaser, one);

    server.requireToken("second");
    assertRefused(leaser, Kind.REFUSED);
    Files.writeString(token, "second\n");
    assertThat(acquired.lease().renew(CALL)).isInstanceOf(Renewal.Renewed.class);

    Files.delete(token);
    assertRefused(leaser, Kind.REFUSED);
  }

  @ParameterizedTest
  @CsvSource({
    "401, REFUSED, false", "403, REFUSED, false", "422, UNEXPECTED, false",
    "429, UNREACHABLE, false", "500, UNREACHABLE, true", "503, UNREACHABLE, true",
    "504, UNREACHABLE, true"
  })
  void aStatusSaysWhatIsWrongAndWhetherItMayHaveBeenDone(int status, Kind kind, boolean unknown)
      throws Exception {
    KubernetesLeaser leaser = leaser();
    Acquisition.Acquired acquired = acquire(leaser, one);
    server.failNext(status);
    assertRefused(leaser, kind);

    server.failNext(status);
    if (unknown) {
      assertThat(acquired.lease().change(acquired.revision(), "next"))
          .isInstanceOfSatisfying(
              Change.Unknown.class, u -> assertThat(u.cause().kind()).isEqualTo(kind));
    } else {
      assertThatThrownBy(() -> acquired.lease().change(acquired.revision(), "next"))
          .isInstanceOfSatisfying(
              LeaseStoreException.class,
              e -> {
                assertThat(e.kind()).isEqualTo(kind);
                assertThat(e.isUnknown()).isFalse();
              });
    }
  }

  @Test
  void aRenewalAfterSomebodyAnnotatedTheObjectGoesOnFromThere() throws Exception {
    KubernetesLeaser leaser = leaser();
    Acquisition.Acquired acquired = acquire(leaser, one);
    server.annotate("tidemark", "example.com/note", "by hand");

    assertThat(acquired.lease().renew(CALL)).isInstanceOf(Renewal.Renewed.class);
    server.annotate("tidemark", "example.com/note", "again");
    assertThat(acquired.lease().change(acquired.revision(), "next"))
        .isInstanceOf(Change.Done.class);
    assertThat(server.shown("tidemark")).contains("\"example.com/note\":\"again\"");
  }

  @Test
  void aHolderIsAliveAsLongAsItsObjectChangesWhateverItsClockSays() throws Exception {
    KubernetesLeaser first = leaser();
    KubernetesLeaser second = leaser();
    Acquisition.Acquired acquired = acquire(first, one); // with a clock that stands still
    for (int i = 0; i < 5; i++) {
      assertThat(second.read().owner()).contains(one);
      clock.advance(Duration.ofSeconds(9));
      assertThat(acquired.lease().renew(CALL)).isInstanceOf(Renewal.Renewed.class);
    }
    assertThat(second.read().owner()).contains(one);
    clock.advance(Duration.ofSeconds(10));
    assertThat(second.read().owner()).isEmpty();
  }

  @Test
  void aCandidateThatHasJustStartedWaitsAWholeDuration() throws Exception {
    acquire(leaser(), one);
    clock.advance(Duration.ofDays(1));

    KubernetesLeaser late = leaser();
    assertThat(late.acquire(late.read(), "next", two)).isEqualTo(new Acquisition.HeldBy(one));
    clock.advance(Duration.ofSeconds(10));
    assertThat(late.acquire(late.read(), "next", two)).isInstanceOf(Acquisition.Acquired.class);
  }

  @Test
  void aHolderThatSleptWritesNothingEvenIfNobodyHasTakenOver() throws Exception {
    Acquisition.Acquired acquired = acquire(leaser(), one);
    clock.advance(Duration.ofSeconds(10));

    assertThat(acquired.lease().change(acquired.revision(), "late"))
        .isInstanceOf(Change.Lost.class);
    assertThat(acquired.lease().renew(CALL)).isInstanceOf(Renewal.Lost.class);
  }

  @Test
  void theHolderOfAnotherProgramIsAnOwner() throws Exception {
    KubernetesLeaser leaser = leaser();
    Acquisition.Acquired acquired = acquire(leaser, one);
    server.changeSpec("tidemark", "holderIdentity", "somebody-else");

    assertThat(leaser.read().owner()).contains(new Owner("somebody-else", "", ""));
    assertThat(acquired.lease().renew(CALL))
        .isInstanceOfSatisfying(
            Renewal.Lost.class, lost -> assertThat(lost.reason()).contains("somebody-else"));
  }

  @Test
  void aHolderWithoutADurationIsAliveForTheUsualOne() throws Exception {
    KubernetesLeaser leaser = leaser();
    acquire(leaser, one);
    server.changeSpec("tidemark", "leaseDurationSeconds", null);

    assertThat(leaser.read().owner()).contains(one);
    clock.advance(Duration.ofMillis(9_999));
    assertThat(leaser.read().owner()).contains(one);
    clock.advance(Duration.ofMillis(1));
    assertThat(leaser.read().owner()).isEmpty();
  }

  @Test
  void aWatchBeginsAnewWhenTheServerHasForgottenItsVersionAndIsSilentAboutRenewals()
      throws Exception {
    KubernetesLeaser leaser = leaser();
    Acquisition.Acquired acquired = acquire(leaser, one);
    Semaphore hints = new Semaphore(0);
    LeaseWatch watch = leaser().watch(hints::release);
    try {
      assertThat(hints.tryAcquire(10, TimeUnit.SECONDS)).as("the present state").isTrue();
      acquired.lease().renew(CALL);
      acquired.lease().renew(CALL);
      assertThat(hints.tryAcquire(300, TimeUnit.MILLISECONDS)).as("of renewals").isFalse();

      server.annotate("tidemark", "example.com/note", "x");
      server.forgetHistory();
      Change.Done changed = (Change.Done) acquired.lease().change(acquired.revision(), "next");
      assertThat(hints.tryAcquire(10, TimeUnit.SECONDS)).as("after 410").isTrue();
      hints.drainPermits();
      Thread.sleep(100);
      hints.drainPermits();
      acquired.lease().release(changed.revision(), "last");
      assertThat(hints.tryAcquire(10, TimeUnit.SECONDS)).as("of the release").isTrue();
    } finally {
      watch.close();
    }
  }

  @Test
  void onlyAServerOfTheGivenAuthorityIsTrusted() throws Exception {
    TestCertificates certificates = new TestCertificates(dir.resolve("good"));
    certificates.sign("server", "IP:127.0.0.1");
    TestCertificates others = new TestCertificates(dir.resolve("bad"));
    try (FakeApiServer secure = new FakeApiServer(certificates.serverContext("server"))) {
      acquire(leaser(secure.url(), Optional.empty(), Optional.of(certificates.ca())), one);

      assertRefused(leaser(secure.url(), Optional.empty(), Optional.of(others.ca())), Kind.TLS);
      assertRefused(leaser(secure.url(), Optional.empty(), Optional.empty()), Kind.TLS);

      Path replaced = Files.copy(others.ca(), dir.resolve("ca.crt"));
      KubernetesLeaser leaser = leaser(secure.url(), Optional.empty(), Optional.of(replaced));
      assertRefused(leaser, Kind.TLS);
      Files.write(replaced, Files.readAllBytes(certificates.ca()));
      assertThat(leaser.read().owner()).isPresent();
    }
  }

  @Test
  void aServerOfAnotherNameIsNotTrusted() throws Exception {
    TestCertificates certificates = new TestCertificates(dir.resolve("certificates"));
    certificates.sign("server", "DNS:elsewhere.example");
    try (FakeApiServer secure = new FakeApiServer(certificates.serverContext("server"))) {
      assertRefused(
          leaser(secure.url(), Optional.empty(), Optional.of(certificates.ca())), Kind.TLS);
    }
  }

  @Test
  void inAPodEverythingIsFoundWhereThePlatformPutsIt() throws Exception {
    Files.writeString(dir.resolve("token"), "t");
    Files.writeString(dir.resolve("namespace"), "prod\n");
    Map<String, String> environment =
        Map.of("KUBERNETES_SERVICE_HOST", "fd00::1", "KUBERNETES_SERVICE_PORT", "6443");

    KubernetesOptions options =
        KubernetesOptions.inCluster(
            environment, dir, Optional.empty(), "tidemark", Duration.ofSeconds(10), CALL);

    assertThat(options.url()).isEqualTo(URI.create("https://[fd00::1]:6443"));
    assertThat(options.namespace()).isEqualTo("prod");
    assertThat(options.caFile()).contains(dir.resolve("ca.crt"));
    assertThatThrownBy(
            () ->
                KubernetesOptions.inCluster(
                    Map.of(), dir, Optional.empty(), "tidemark", Duration.ofSeconds(10), CALL))
        .hasMessageContaining("KUBERNETES_SERVICE_HOST");
  }

  @Test
  void whatIsNoNameInKubernetesIsRefusedBeforeItIsSent() {
    assertThatThrownBy(
            () ->
                new KubernetesOptions(
                    server.url(),
                    "a/../b",
                    "tidemark",
                    Duration.ofSeconds(10),
                    Optional.empty(),
                    Optional.empty(),
                    CALL))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
