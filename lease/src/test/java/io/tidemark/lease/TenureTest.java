package io.tidemark.lease;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.junit.jupiter.api.Test;

class TenureTest {
  private static final long SECOND = Duration.ofSeconds(1).toNanos();
  private static final Duration TTL = Duration.ofSeconds(10);

  /** A clock that is about to overflow: only differences count. */
  private static final long START = Long.MAX_VALUE - 3 * SECOND;

  private final Tenure tenure = new Tenure(new Renewal.Renewed(START, TTL));

  @Test
  void theDeadlineIsCountedFromTheSendingAndLessTheMargin() {
    assertThat(tenure.deadline() - START).isEqualTo(8 * SECOND);
    assertThat(tenure.nextAttempt() - START).isEqualTo(2 * SECOND);
  }

  @Test
  void itIsHeldUntilJustBeforeTheDeadlineAndLostAtIt() {
    tenure.expire(START + 8 * SECOND - 1);
    assertThat(tenure.state()).isEqualTo(LeaseState.HELD);

    tenure.expire(START + 8 * SECOND);
    assertThat(tenure.state()).isEqualTo(LeaseState.LOST);
    assertThat(tenure.reason()).contains("not renewed in time");
  }

  @Test
  void aRenewalCountsFromItsSendingAndNotFromItsAnswer() {
    tenure.renewed(START + 4 * SECOND, new Renewal.Renewed(START + 2 * SECOND, TTL));

    assertThat(tenure.deadline() - START).isEqualTo(10 * SECOND);
    assertThat(tenure.nextAttempt() - START).isEqualTo(4 * SECOND);
  }

  @Test
  void aRenewalThatGrantsLessShortensNothingThatWasPromisedBefore() {
    tenure.renewed(START + SECOND, new Renewal.Renewed(START + SECOND, Duration.ofSeconds(4)));

    assertThat(tenure.deadline() - START).isEqualTo(8 * SECOND);
    assertThat(tenure.times().renewEvery()).isEqualTo(Duration.ofMillis(800));
  }

  @Test
  void afterAFailureTheEarlierDeadlineStillCounts() {
    tenure.failed(START + 3 * SECOND, "no answer");

    assertThat(tenure.state()).isEqualTo(LeaseState.DOUBTFUL);
    assertThat(tenure.reason()).isEqualTo("no answer");
    assertThat(tenure.deadline() - START).isEqualTo(8 * SECOND);
    assertThat(tenure.nextAttempt() - START).isEqualTo(3 * SECOND + SECOND / 5);

    tenure.renewed(START + 4 * SECOND, new Renewal.Renewed(START + 4 * SECOND, TTL));
    assertThat(tenure.state()).isEqualTo(LeaseState.HELD);
  }

  @Test
  void aFailureThatComesAtOnceIsTriedAgainAfterHalfTheUsualTime() {
    tenure.failed(START + 2 * SECOND, "refused");

    assertThat(tenure.nextAttempt() - START).isEqualTo(3 * SECOND);
  }

  @Test
  void theReasonOfALossNamesTheLastFailure() {
    tenure.failed(START + 3 * SECOND, "no answer");
    tenure.expire(START + 9 * SECOND);

    assertThat(tenure.reason()).contains("1000 ms past").contains("no answer");
  }

  @Test
  void aRenewalThatReturnsAfterTheDeadlineDoesNotBringItBack() {
    tenure.renewed(START + 8 * SECOND, new Renewal.Renewed(START + 7 * SECOND, TTL));

    assertThat(tenure.state()).isEqualTo(LeaseState.LOST);
    assertThat(tenure.deadline() - START).isEqualTo(8 * SECOND);
  }

  @Test
  void afterASuspendTheFirstThingSeenIsTheLoss() {
    tenure.failed(START + 3600 * SECOND, "the connection was cut");

    assertThat(tenure.state()).isEqualTo(LeaseState.LOST);
  }

  @Test
  void whatIsOverStaysAsItEnded() {
    tenure.lost("somebody else has it");
    tenure.renewed(START + SECOND, new Renewal.Renewed(START + SECOND, TTL));
    tenure.failed(START + SECOND, "late");
    tenure.close();

    assertThat(tenure.state()).isEqualTo(LeaseState.LOST);
    assertThat(tenure.reason()).isEqualTo("somebody else has it");
  }

  @Test
  void whatWasGivenUpIsNotLostLater() {
    tenure.close();
    tenure.expire(START + 100 * SECOND);
    tenure.lost("gone");

    assertThat(tenure.state()).isEqualTo(LeaseState.CLOSED);
  }
}
