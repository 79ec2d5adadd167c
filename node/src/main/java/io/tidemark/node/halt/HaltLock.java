package io.tidemark.node.halt;

import io.tidemark.database.LogPosition;
import io.tidemark.node.halt.HaltRefusedException.Reason;
import java.time.Duration;
import java.util.function.LongSupplier;

/**
 * Who holds the halt lock of one database, and which transaction of the holder is next. Decides
 * only; the caller does the work and keeps others out meanwhile.
 *
 * <p>Invariants:
 *
 * <ul>
 *   <li>At most one id holds it, in one epoch, until it expires.
 *   <li>A transaction is committed once: a sequence that was answered gets that answer again, and
 *       only the next one is new.
 * </ul>
 */
final class HaltLock {
  private final LongSupplier nanos;
  private final Duration life;

  private String holder;
  private long term;
  private long epoch;
  private long expires;
  private long sequence;
  private String content;
  private LogPosition answer;

  /**
   * @param nanos a clock that only goes forwards, as {@link System#nanoTime}
   * @param life how long it is held unless it is renewed
   * @param firstTerm any number; the terms go on from there
   */
  HaltLock(LongSupplier nanos, Duration life, long firstTerm) {
    this.nanos = nanos;
    this.life = life;
    this.term = firstTerm;
  }

  /**
   * Takes it or renews it.
   *
   * @param now epoch of this node
   * @return false if it was renewed
   * @throws HaltRefusedException (HELD) when another id has it, with the time that is left
   */
  boolean take(String id, long now) throws HaltRefusedException {
    if (isHeld(now) && !holder.equals(id)) {
      throw new HaltRefusedException(
          Reason.HELD,
          "the halt lock is held by " + holder + " for another " + remainingMillis() + " ms");
    }
    boolean fresh = !isHeld(now);
    if (fresh) {
      term++;
      holder = id;
      epoch = now;
      sequence = 0;
      content = null;
      answer = null;
    }
    expires = nanos.getAsLong() + life.toNanos();
    return fresh;
  }

  /** Whether somebody holds it: neither is it expired nor has the epoch changed. */
  boolean isHeld(long now) {
    return holder != null && epoch == now && expires - nanos.getAsLong() > 0;
  }

  /** Whether an id has it that has not given it back, although its time is over. */
  boolean isOver(long now) {
    return holder != null && !isHeld(now);
  }

  long term() {
    return term;
  }

  long remainingMillis() {
    return Math.max(0, (expires - nanos.getAsLong()) / 1_000_000);
  }

  /**
   * Gives it back.
   *
   * @return false if that id does not have it
   */
  boolean release(String id) {
    if (holder == null || !holder.equals(id)) {
      return false;
    }
    end();
    return true;
  }

  /** It is held by nobody from now on. */
  void end() {
    holder = null;
  }

  /**
   * Asked before a transaction is committed.
   *
   * @param now epoch of this node
   * @param what identifies the bytes of the transaction
   * @return the answer that it got before, or null if it is to be committed
   * @throws HaltRefusedException (NOT_HELD, NOT_NEXT)
   */
  LogPosition answered(Halts.Transaction transaction, long now, String what)
      throws HaltRefusedException {
    if (transaction.epoch() != now) {
      throw new HaltRefusedException(
          Reason.NOT_HELD,
          "the transaction is of epoch " + transaction.epoch() + ", this is epoch " + now);
    }
    if (!isHeld(now) || !holder.equals(transaction.id())) {
      throw new HaltRefusedException(
          Reason.NOT_HELD,
          transaction.id() + " does not hold the halt lock; it expired or was given back");
    }
    if (transaction.sequence() == sequence && what.equals(content)) {
      return answer;
    }
    if (transaction.sequence() != sequence + 1) {
      throw new HaltRefusedException(
          Reason.NOT_NEXT,
          "transaction " + transaction.sequence() + " of the halt came after " + sequence);
    }
    return null;
  }

  /** The transaction is committed. */
  void committed(Halts.Transaction transaction, String what, LogPosition position) {
    sequence = transaction.sequence();
    content = what;
    answer = position;
  }
}
