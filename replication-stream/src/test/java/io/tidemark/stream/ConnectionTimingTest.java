package io.tidemark.stream;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidemark.stream.HeartbeatDeadline.State;
import java.util.Random;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** {@link Backoff} and {@link HeartbeatDeadline}, on times that the test makes up. */
class ConnectionTimingTest {

  @Test
  void waitsDoubleUpToTheLimitWithinHalfOfEach() {
    for (long seed = 0; seed < 200; seed++) {
      Backoff backoff = new Backoff(100, 1500, new Random(seed));
      for (long limit : new long[] {100, 200, 400, 800, 1500, 1500, 1500}) {
        assertThat(backoff.next()).as("seed %d", seed).isBetween(limit / 2, limit);
      }
      backoff.reset();
      assertThat(backoff.next()).isBetween(50L, 100L);
    }
  }

  @Test
  void waitsOfDifferentNodesDiffer() {
    Random random = new Random(1);
    Backoff backoff = new Backoff(1_000_000, 1_000_000, random);

    assertThat(LongStream.generate(backoff::next).limit(100).distinct().count()).isGreaterThan(90);
  }

  @Test
  void waitsAsLongAsCanBeDoNotOverflow() {
    Backoff backoff = new Backoff(Long.MAX_VALUE / 3, Long.MAX_VALUE, new Random(1));
    for (int i = 0; i < 10; i++) {
      assertThat(backoff.next()).isPositive();
    }
    assertThat(new Backoff(1, 1, new Random(1)).next()).isBetween(0L, 1L);
  }

  @ParameterizedTest
  @CsvSource({"0, 1", "-1, 1", "2, 1"})
  void waitsThatMakeNoSenseAreRefused(long first, long max) {
    assertThatThrownBy(() -> new Backoff(first, max, new Random(1)))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @ParameterizedTest
  @CsvSource({
    "-5, OK",
    "0, OK",
    "100, OK",
    "200, OK",
    "201, LATE",
    "499, LATE",
    "500, DEAD",
    "9999, DEAD"
  })
  void silenceIsJudgedByItsLength(long silence, State state) {
    HeartbeatDeadline deadline = new HeartbeatDeadline(100, 500);
    for (long lastHeard : new long[] {0, -1000, Long.MAX_VALUE, Long.MIN_VALUE}) {
      long now = lastHeard + silence;
      assertThat(deadline.state(lastHeard, now)).isEqualTo(state);
      assertThat(deadline.nanosLeft(lastHeard, now)).isEqualTo(Math.max(0, 500 - silence));
      assertThat(deadline.nanosLeft(lastHeard, now) == 0).isEqualTo(state == State.DEAD);
    }
  }

  @Test
  void theDeadlineIsWhatThePrimaryAskedFor() {
    Welcome welcome =
        new Welcome(
            new Id(1),
            new Id(1),
            new Id(1),
            1,
            0,
            CommitMode.ASYNC,
            MemberStanding.MEMBER,
            500,
            5000);

    assertThat(HeartbeatDeadline.of(welcome))
        .isEqualTo(new HeartbeatDeadline(500_000_000L, 5_000_000_000L));
  }

  @ParameterizedTest
  @ValueSource(longs = {0, -1, 250, Long.MAX_VALUE})
  void aDeadlineOfTwoHeartbeatsOrLessIsRefused(long interval) {
    assertThatThrownBy(() -> new HeartbeatDeadline(interval, 500))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
