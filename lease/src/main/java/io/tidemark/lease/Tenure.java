package io.tidemark.lease;

import java.time.Duration;

/**
 * The time of one ownership, as decisions without threads or clock: when to renew, until when to
 * believe in it, and why it ended. Not safe for several threads.
 *
 * <p>Once over, it stays over. A renewal that returns after the deadline has passed does not bring
 * it back, even if the store has kept the ownership: others may have been told of the loss.
 */
final class Tenure {
  private LeaseTimes times;
  private LeaseState state = LeaseState.HELD;
  private String reason = "acquired";
  private long deadline;
  private long nextAttempt;

  Tenure(Renewal.Renewed granted) {
    extend(granted);
  }

  private void extend(Renewal.Renewed renewed) {
    times = LeaseTimes.of(renewed.ttl());
    deadline = times.deadline(renewed.sentAt());
    nextAttempt = renewed.sentAt() + times.renewEvery().toNanos();
  }

  LeaseState state() {
    return state;
  }

  /** Why the state is what it is. */
  String reason() {
    return reason;
  }

  LeaseTimes times() {
    return times;
  }

  long deadline() {
    return deadline;
  }

  /** When the next renewal is due. */
  long nextAttempt() {
    return nextAttempt;
  }

  /** A renewal has succeeded. */
  void renewed(long now, Renewal.Renewed renewed) {
    expire(now);
    if (state.isOver()) {
      return;
    }
    long before = deadline;
    extend(renewed);
    if (deadline - before < 0) {
      deadline = before; // Two answers in the wrong order: both promises were made.
    }
    become(LeaseState.HELD, "renewed");
  }

  /** A renewal has given no certain answer. */
  void failed(long now, String why) {
    expire(now);
    if (!state.isOver()) {
      // Soon after a try that took its whole time; but a store that refuses at once is not asked
      // in a tight loop.
      long every = times.renewEvery().toNanos();
      long afterTheStart = nextAttempt + every / 2;
      long afterTheEnd = now + every / 10;
      nextAttempt = afterTheStart - afterTheEnd > 0 ? afterTheStart : afterTheEnd;
      become(LeaseState.DOUBTFUL, why);
    }
  }

  /** The store has said that the ownership is not ours. */
  void lost(String why) {
    if (!state.isOver()) {
      become(LeaseState.LOST, why);
    }
  }

  void close() {
    if (!state.isOver()) {
      become(LeaseState.CLOSED, "given up by this process");
    }
  }

  /** Ends the tenure if its deadline has passed. */
  void expire(long now) {
    if (!state.isOver() && now - deadline >= 0) {
      Duration late = Duration.ofNanos(now - deadline);
      String why = "not renewed in time (" + late.toMillis() + " ms past the deadline)";
      become(LeaseState.LOST, state == LeaseState.DOUBTFUL ? why + "; last: " + reason : why);
    }
  }

  private void become(LeaseState next, String why) {
    state = next;
    reason = why;
  }
}
