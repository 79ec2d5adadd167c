package io.tidemark.stream.send;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class SendPaceTest {
  private static final long MILLI = 1_000_000;

  private long now = 77;
  private final SendPace pace = new SendPace(now);

  /** Transactions at a rate for some time; how long the last of them waited at most. */
  private long load(long perSecond, long millis) {
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
        pace.next(now, sent);
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
    assertThat(load(500, 2000)).isZero();
    assertThat(pace.isBusy()).isFalse();
  }

  @Test
  void underLoadSeveralAreSentTogether() {
    assertThat(load(3000, 1000)).isBetween(3 * MILLI, 4 * MILLI);
    assertThat(pace.isBusy()).isTrue();
  }

  @Test
  void afterTheLoadTheNextOneDoesNotWaitLong() {
    load(3000, 1000);
    load(400, 500);
    assertThat(pace.isBusy()).isFalse();
    load(3000, 1000);
    for (int i = 0; i < 20; i++) {
      now += Math.max(0, pace.waitNanos(now));
      pace.next(now, 0);
    }
    assertThat(pace.isBusy()).as("nothing came any more").isFalse();
  }

  @Test
  void aSecondOneSoonAfterTheFirstWaitsForAMillisecondAtMost() {
    pace.next(now, 0);
    now += 300_000;
    assertThat(pace.waitNanos(now)).isEqualTo(700_000);
    assertThat(pace.isBusy()).isFalse();
  }
}
