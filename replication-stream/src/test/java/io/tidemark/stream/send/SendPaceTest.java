package io.tidemark.stream.send;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class SendPaceTest {
  private static final long MILLI = 1_000_000;

  private long now = 77;
  private final SendPace pace = new SendPace(now);

  /** Transactions at a rate for some time; how long the last of them waited at most. */
  private long load(long perSecond, long millis, int replicas) {
    long interval = 1_000 * MILLI / perSecond;
    long end = now + millis * MILLI;
    long longest = 0;
    long sent = 0;
    long waiting = 0;
    long oldest = 0;
    for (long next = now + interval; next < end; next += interval) {
      // The ends of gaps before the next transaction; a busy sender looks without being told.
      while (waiting > 0 || pace.isBusy()) {
        long due = now + Math.max(0, pace.waitNanos(now));
        if (due > next) {
          break;
        }
        now = due;
        pace.next(now, sent, replicas);
        sent = waiting;
        if (waiting > 0 && now > end - 50 * MILLI) {
          longest = Math.max(longest, now - oldest);
        }
        waiting = 0;
      }
      now = next;
      oldest = waiting == 0 ? now : oldest;
      waiting++;
    }
    return longest;
  }

  @Test
  void theFirstTransactionIsSentAtOnce() {
    assertThat(pace.waitNanos(now)).isNotPositive();
    assertThat(pace.isBusy()).isFalse();
  }

  @Test
  void atALowRateNoneWaits() {
    assertThat(load(500, 2000, 3)).isZero();
    assertThat(pace.isBusy()).isFalse();
  }

  @Test
  void underLoadSeveralAreSentTogether() {
    assertThat(load(3000, 1000, 1)).isBetween(3 * MILLI, 4 * MILLI);
    assertThat(pace.isBusy()).isTrue();
  }

  @Test
  void aPrimaryOfManyReplicasSendsNoMoreOftenThanThatOfFew() {
    assertThat(load(3000, 1000, 3)).isBetween(5 * MILLI, 6 * MILLI);
    assertThat(load(3000, 1000, 8)).isBetween(15 * MILLI, 16 * MILLI);
    assertThat(load(3000, 1000, 500)).as("but none is left behind").isLessThan(21 * MILLI);
  }

  @Test
  void afterTheLoadTheNextOneDoesNotWaitLong() {
    load(3000, 1000, 8);
    load(400, 500, 8);
    assertThat(pace.isBusy()).isFalse();
    load(3000, 1000, 8);
    for (int i = 0; i < 20; i++) {
      now += Math.max(0, pace.waitNanos(now));
      pace.next(now, 0, 8);
    }
    assertThat(pace.isBusy()).as("nothing came any more").isFalse();
  }

  @Test
  void aSecondOneSoonAfterTheFirstWaitsForAMillisecondAtMost() {
    pace.next(now, 0, 1);
    now += 300_000;
    assertThat(pace.waitNanos(now)).isEqualTo(700_000);
    assertThat(pace.isBusy()).isFalse();
  }
}
