package io.tidemark.node.halt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidemark.database.LogPosition;
import io.tidemark.node.halt.HaltRefusedException.Reason;
import java.time.Duration;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;

class HaltLockTest {
  private static final String A = "00000000000000aa";
  private static final String B = "00000000000000bb";
  private static final LogPosition BASE = new LogPosition(7, 3, 33);
  private static final LogPosition AFTER = new LogPosition(7, 4, 44);

  private long now = Long.MAX_VALUE - 5; // clocks may wrap
  private final HaltLock lock = new HaltLock(() -> now, Duration.ofSeconds(10), 5);

  private void pass(long seconds) {
    now += seconds * 1_000_000_000L;
  }

  private static Halts.Transaction tx(String id, long epoch, long sequence) {
    return new Halts.Transaction("app.db", id, epoch, sequence, BASE);
  }

  private static void assertRefused(Reason reason, ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(
            HaltRefusedException.class, e -> assertThat(e.reason()).isEqualTo(reason));
  }

  @Test
  void oneIdHoldsItAndTheOtherHearsForHowLong() throws Exception {
    assertThat(lock.isHeld(7)).isFalse();
    assertThat(lock.take(A, 7)).isTrue();
    pass(3);
    assertRefused(Reason.HELD, () -> lock.take(B, 7));
    assertThatThrownBy(() -> lock.take(B, 7)).hasMessageContaining(A).hasMessageContaining("7000");
    assertThat(lock.isHeld(7)).isTrue();
  }

  @Test
  void takenAgainByTheSameIdItIsRenewedInTheSameTerm() throws Exception {
    lock.take(A, 7);
    long term = lock.term();
    pass(9);
    assertThat(lock.take(A, 7)).isFalse();
    pass(9);
    assertThat(lock.isHeld(7)).isTrue();
    assertThat(lock.term()).isEqualTo(term);
  }

  @Test
  void afterItsTimeItIsFreeAndTheSameIdGetsAnotherTerm() throws Exception {
    lock.take(A, 7);
    long term = lock.term();
    pass(10);
    assertThat(lock.isHeld(7)).isFalse();
    assertThat(lock.isOver(7)).isTrue();
    assertRefused(Reason.NOT_HELD, () -> lock.answered(tx(A, 7, 1), 7, "x"));
    assertThat(lock.take(A, 7)).isTrue();
    assertThat(lock.term()).isNotEqualTo(term);
  }

  @Test
  void aLateTransactionIsRefusedWhenAnotherHoldsIt() throws Exception {
    lock.take(A, 7);
    pass(11);
    lock.take(B, 7);
    assertRefused(Reason.NOT_HELD, () -> lock.answered(tx(A, 7, 1), 7, "x"));
    assertThat(lock.answered(tx(B, 7, 1), 7, "x")).isNull();
  }

  @Test
  void anotherEpochEndsIt() throws Exception {
    lock.take(A, 7);
    assertThat(lock.isHeld(8)).isFalse();
    assertThat(lock.isOver(8)).isTrue();
    assertRefused(Reason.NOT_HELD, () -> lock.answered(tx(A, 7, 1), 8, "x"));
    assertRefused(Reason.NOT_HELD, () -> lock.answered(tx(A, 8, 1), 8, "x"));
    assertThat(lock.take(B, 8)).isTrue();
  }

  @Test
  void onlyItsHolderGivesItBack() throws Exception {
    lock.take(A, 7);
    assertThat(lock.release(B)).isFalse();
    assertThat(lock.isHeld(7)).isTrue();
    assertThat(lock.release(A)).isTrue();
    assertThat(lock.isHeld(7)).isFalse();
    assertThat(lock.isOver(7)).isFalse();
    assertThat(lock.release(A)).isFalse();
    assertThat(lock.take(B, 7)).isTrue();
  }

  @Test
  void aRepeatedTransactionGetsTheSameAnswer() throws Exception {
    lock.take(A, 7);
    assertThat(lock.answered(tx(A, 7, 1), 7, "x")).isNull();
    assertThat(lock.answered(tx(A, 7, 1), 7, "x")).isNull(); // not committed yet
    lock.committed(tx(A, 7, 1), "x", AFTER);
    assertThat(lock.answered(tx(A, 7, 1), 7, "x")).isEqualTo(AFTER);
    assertRefused(Reason.NOT_NEXT, () -> lock.answered(tx(A, 7, 1), 7, "y"));
    assertRefused(Reason.NOT_NEXT, () -> lock.answered(tx(A, 7, 3), 7, "z"));
    assertThat(lock.answered(tx(A, 7, 2), 7, "x")).isNull();
  }

  @Test
  void theAnswersOfAnEarlierTermAreForgotten() throws Exception {
    lock.take(A, 7);
    lock.committed(tx(A, 7, 1), "x", AFTER);
    lock.release(A);
    lock.take(A, 7);
    assertThat(lock.answered(tx(A, 7, 1), 7, "x")).isNull();
  }
}
