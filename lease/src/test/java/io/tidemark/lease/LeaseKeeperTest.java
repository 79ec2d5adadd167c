package io.tidemark.lease;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The threads around {@link Tenure}, with a lease that does what the test says. */
@Timeout(30)
class LeaseKeeperTest {
  private static final Duration TTL = Duration.ofSeconds(10);

  private final ManualClock clock = new ManualClock();
  private final AtomicInteger renewals = new AtomicInteger();
  private final List<String> losses = new CopyOnWriteArrayList<>();
  private final CountDownLatch lost = new CountDownLatch(1);
  private LeaseKeeper keeper;

  @FunctionalInterface
  private interface Answer {
    Renewal get() throws LeaseStoreException;
  }

  private final class FakeLease implements Lease {
    private final BootClock measured;
    private final Duration ttl;
    private final Answer answer;

    FakeLease(BootClock measured, Duration ttl, Answer answer) {
      this.measured = measured;
      this.ttl = ttl;
      this.answer = answer;
    }

    @Override
    public Owner owner() {
      return new Owner("node", "nonce", "http://node");
    }

    @Override
    public Renewal.Renewed granted() {
      return new Renewal.Renewed(measured.nanos(), ttl);
    }

    @Override
    public Renewal renew(Duration timeout) throws LeaseStoreException {
      assertThat(timeout).isEqualTo(ttl.dividedBy(5));
      renewals.incrementAndGet();
      return answer.get();
    }

    @Override
    public Change change(Revision expected, String nextRecord) {
      throw new UnsupportedOperationException();
    }

    @Override
    public Change release(Revision expected, String lastRecord) {
      throw new UnsupportedOperationException();
    }
  }

  private void keep(Answer answer) {
    keeper =
        new LeaseKeeper(
            new FakeLease(clock, TTL, answer),
            clock,
            reason -> {
              assertThat(keeper.isHeld()).isFalse();
              losses.add(reason);
              lost.countDown();
            });
    keeper.start();
  }

  @AfterEach
  void close() {
    keeper.close();
  }

  /** Moves the clock and lets the keeper look at it. */
  private void advance(Duration by) {
    clock.advance(by);
    keeper.wake();
  }

  private void await(BooleanSupplier condition) throws InterruptedException {
    while (!condition.getAsBoolean()) {
      Thread.sleep(1);
    }
  }

  @Test
  void renewsEachFifthOfTheTtlAndMovesTheDeadline() throws Exception {
    keep(() -> new Renewal.Renewed(clock.nanos(), TTL));
    for (int i = 1; i <= 10; i++) {
      long before = keeper.deadline();
      advance(Duration.ofSeconds(2));
      await(() -> keeper.deadline() != before);
      assertThat(renewals).hasValue(i);
      assertThat(keeper.deadline() - clock.nanos()).isEqualTo(Duration.ofSeconds(8).toNanos());
    }
    assertThat(keeper.isHeld()).isTrue();
    assertThat(losses).isEmpty();
  }

  @Test
  void aRenewalThatNeverReturnsDoesNotHideTheLoss() throws Exception {
    CountDownLatch never = new CountDownLatch(1);
    keep(
        () -> {
          try {
            never.await();
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          }
          return new Renewal.Renewed(clock.nanos(), TTL);
        });
    advance(Duration.ofSeconds(2));
    await(() -> renewals.get() == 1);
    assertThat(keeper.isHeld()).isTrue();

    clock.advance(Duration.ofSeconds(6));
    assertThat(keeper.isHeld()).as("at once, before any thread has looked").isFalse();
    keeper.wake();
    assertThat(lost.await(10, TimeUnit.SECONDS)).isTrue();
    assertThat(losses).hasSize(1);
    assertThat(keeper.state()).isEqualTo(LeaseState.LOST);
  }

  @Test
  void failuresAreTriedAgainUntilTheDeadline() throws Exception {
    keep(
        () -> {
          throw new LeaseStoreException(
              LeaseStoreException.Kind.UNREACHABLE,
              "the store, try " + renewals.get(),
              "look at it",
              null);
        });
    int tries = 0;
    for (int second = 2; second < 8; second++) {
      advance(Duration.ofSeconds(second == 2 ? 2 : 1));
      String wanted = "try " + ++tries;
      // The reason, not the number of renewals: the clock may move only when the keeper has noted
      // when the next one is due.
      await(() -> keeper.reason().contains(wanted));
      assertThat(keeper.state()).isEqualTo(LeaseState.DOUBTFUL);
    }
    assertThat(keeper.isHeld()).isTrue();
    assertThat(renewals).hasValue(tries);

    advance(Duration.ofSeconds(1));
    assertThat(lost.await(10, TimeUnit.SECONDS)).isTrue();
    assertThat(losses.get(0)).contains("the store, try 6; look at it");
  }

  @Test
  void aLossThatTheStoreReportsIsALossAtOnce() throws Exception {
    keep(() -> new Renewal.Lost("node-2 has it"));
    advance(Duration.ofSeconds(2));

    assertThat(lost.await(10, TimeUnit.SECONDS)).isTrue();
    assertThat(losses).containsExactly("node-2 has it");
    assertThat(keeper.isHeld()).isFalse();
  }

  @Test
  void anErrorOfTheLibraryIsAFailureLikeAnyOther() throws Exception {
    keep(
        () -> {
          if (renewals.get() == 1) {
            throw new IllegalStateException("a bug");
          }
          return new Renewal.Renewed(clock.nanos(), TTL);
        });
    advance(Duration.ofSeconds(2));
    await(() -> keeper.state() == LeaseState.DOUBTFUL);
    advance(Duration.ofSeconds(1));
    await(() -> keeper.state() == LeaseState.HELD);
  }

  @Test
  void whatIsGivenUpIsNotReportedAsLost() throws Exception {
    keep(() -> new Renewal.Renewed(clock.nanos(), TTL));
    keeper.close();

    assertThat(keeper.isHeld()).isFalse();
    assertThat(keeper.state()).isEqualTo(LeaseState.CLOSED);
    advance(Duration.ofSeconds(100));
    assertThat(lost.await(50, TimeUnit.MILLISECONDS)).isFalse();
  }

  @Test
  void withoutAnyHelpOfTheTestItRenewsInRealTime() throws Exception {
    BootClock real = BootClock.monotonic();
    Duration ttl = Duration.ofMillis(500);
    Lease lease = new FakeLease(real, ttl, () -> new Renewal.Renewed(real.nanos(), ttl));
    keeper = new LeaseKeeper(lease, real, losses::add);
    keeper.start();

    await(() -> renewals.get() >= 3 || !losses.isEmpty());
    assertThat(losses).isEmpty();
    assertThat(keeper.isHeld()).isTrue();
  }
}
