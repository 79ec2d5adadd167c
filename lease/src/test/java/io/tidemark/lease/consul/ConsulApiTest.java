package io.tidemark.lease.consul;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.tidemark.lease.Acquisition;
import io.tidemark.lease.LeaseStoreException;
import io.tidemark.lease.LeaseStoreException.Kind;
import io.tidemark.lease.ManualClock;
import io.tidemark.lease.Owner;
import io.tidemark.lease.Renewal;
import io.tidemark.lease.Revision;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * What is special about Consul: the doubled TTL, the lock delay, tokens, and whether the fake is
 * one.
 */
@Timeout(60)
class ConsulApiTest {
  private static final Duration CALL = Duration.ofSeconds(5);

  @TempDir Path dir;
  private final ManualClock clock = new ManualClock();
  private final Owner one = new Owner("node-1", "nonce1", "http://one");
  private final Owner two = new Owner("node-2", "nonce2", "http://two");
  private FakeConsul consul;

  @BeforeEach
  void start() throws IOException {
    consul = new FakeConsul(clock, 0);
  }

  @AfterEach
  void stop() {
    consul.close();
  }

  private ConsulLeaser leaser(Optional<String> token) {
    return new ConsulLeaser(ConsulLeaserTest.options(consul.url(), token), clock);
  }

  private static Acquisition.Acquired acquire(ConsulLeaser leaser, Owner owner)
      throws LeaseStoreException {
    Acquisition result = leaser.acquire(leaser.read(), "record", owner);
    assertThat(result).isInstanceOf(Acquisition.Acquired.class);
    return (Acquisition.Acquired) result;
  }

  @Test
  void theServerEndsASessionAfterTwiceItsTtlAndThenTheLockDelayFollows() throws Exception {
    ConsulLeaser first = leaser(Optional.empty());
    ConsulLeaser second = leaser(Optional.empty());
    acquire(first, one);
    clock.advance(Duration.ofMillis(19_999));
    assertThat(second.read().owner()).contains(one);

    clock.advance(Duration.ofMillis(1));
    assertThat(second.read().owner()).isEmpty();
    assertThat(second.acquire(second.read(), "next", two))
        .isInstanceOfSatisfying(
            Acquisition.NotYet.class, no -> assertThat(no.reason()).contains("lock delay"));

    clock.advance(Duration.ofSeconds(1));
    acquire(second, two);
  }

  @Test
  void aReleaseIsFollowedByNoLockDelay() throws Exception {
    ConsulLeaser first = leaser(Optional.empty());
    Acquisition.Acquired acquired = acquire(first, one);
    acquired.lease().release(acquired.revision(), "last");

    acquire(leaser(Optional.empty()), two);
  }

  @Test
  void whoIsRefusedLeavesNoSessionBehind() throws Exception {
    ConsulLeaser first = leaser(Optional.empty());
    Acquisition.Acquired acquired = acquire(first, one);
    for (int i = 0; i < 3; i++) {
      first.acquire(first.read(), "next", two);
    }
    assertThat(consul.sessionNames()).containsExactly("tidemark node-1");

    acquired.lease().release(acquired.revision(), "last");
    assertThat(consul.sessionNames()).isEmpty();
  }

  @Test
  void aRenewalHoldsASessionBeyondItsFirstTtl() throws Exception {
    Acquisition.Acquired acquired = acquire(leaser(Optional.empty()), one);
    for (int i = 0; i < 5; i++) {
      clock.advance(Duration.ofSeconds(15));
      assertThat(acquired.lease().renew(CALL)).isInstanceOf(Renewal.Renewed.class);
    }
    clock.advance(Duration.ofSeconds(20));
    assertThat(acquired.lease().renew(CALL)).isInstanceOf(Renewal.Lost.class);
  }

  @Test
  void aTokenIsSentAndARefusalSaysSo() throws Exception {
    consul.requireToken("secret");
    acquire(leaser(Optional.of("secret")), one);

    for (Optional<String> wrong : List.of(Optional.<String>empty(), Optional.of("x"))) {
      assertThatThrownBy(() -> leaser(wrong).read())
          .isInstanceOfSatisfying(
              LeaseStoreException.class,
              e -> {
                assertThat(e.kind()).isEqualTo(Kind.REFUSED);
                assertThat(e.isUnknown()).isFalse();
                assertThat(e.getMessage()).doesNotContain("secret");
              });
    }
  }

  @Test
  void aKeyThatSomethingElseHasLockedIsNotTakenForOurs() throws Exception {
    Acquisition.Acquired acquired = acquire(leaser(Optional.empty()), one);
    consul.setValue("tidemark/test cluster/primary", "not ours");

    assertThatThrownBy(() -> leaser(Optional.empty()).read())
        .isInstanceOfSatisfying(
            LeaseStoreException.class, e -> assertThat(e.kind()).isEqualTo(Kind.UNEXPECTED));
    assertThat(acquired.lease().renew(CALL)).isInstanceOf(Renewal.Renewed.class);
  }

  @Test
  void timesThatConsulDoesNotTakeAreRefusedBeforeTheyAreSent() {
    for (Duration ttl : List.of(Duration.ofSeconds(9), Duration.ofHours(25))) {
      assertThatThrownBy(
              () ->
                  new ConsulOptions(
                      URI.create("http://x"),
                      "k",
                      ttl,
                      Duration.ZERO,
                      Optional.empty(),
                      Optional.empty(),
                      CALL))
          .isInstanceOf(IllegalArgumentException.class);
    }
  }

  /** A client by other people: what it believes of Consul must be true of the fake. */
  @Test
  void aForeignClientFindsTheFakeToBeAConsul() throws Exception {
    Path script = dir.resolve("foreign_client.py");
    try (InputStream in = getClass().getResourceAsStream("/foreign_client.py")) {
      Files.copy(in, script, StandardCopyOption.REPLACE_EXISTING);
    }
    Path python = Path.of("/usr/bin/python3");
    boolean there =
        Files.isExecutable(python)
            && new ProcessBuilder(python.toString(), "-c", "import consul").start().waitFor() == 0;
    if (!there) {
      System.err.println(
          "SKIPPED: the fake of Consul was not tried with a foreign client; install the package"
              + " python3-consul2 (./tidemark-test does)");
    }
    assumeTrue(there, "python3-consul2 is not installed");

    Process client =
        new ProcessBuilder(python.toString(), script.toString(), Integer.toString(consul.port()))
            .redirectErrorStream(true)
            .start();
    String said = new String(client.getInputStream().readAllBytes());
    assertThat(client.waitFor()).as(said).isZero();

    // What the foreign client has left is what ours reads.
    ConsulLeaser ours =
        new ConsulLeaser(
            new ConsulOptions(
                consul.url(),
                "foreign",
                Duration.ofSeconds(10),
                Duration.ofSeconds(1),
                Optional.empty(),
                Optional.empty(),
                CALL),
            clock);
    assertThat(ours.read().owner()).contains(new Owner("py", "n", "http://py"));
    assertThat(ours.read().record().orElseThrow().text()).isEqualTo("by the foreign client");
    assertThat(ours.read().revision().map(Revision::number)).isPresent();
  }
}
