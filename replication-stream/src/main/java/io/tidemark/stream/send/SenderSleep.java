package io.tidemark.stream.send;

import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;

/**
 * How the thread of a session sleeps, and what wakes it. Waking a thread takes some microseconds of
 * whoever does it, which may be a commit; so who only leaves a note for a thread that gets up by
 * itself soon lets it sleep.
 *
 * <p>Rule: a note is left before {@link #noted}, and looked for after {@link #sleep}. Then it is
 * found after this sleep, or ends the next one.
 */
final class SenderSleep {
  private final AtomicBoolean woken = new AtomicBoolean();
  private volatile boolean shortSleep;
  private volatile Thread sleeper;

  /** Ends the sleep, or the next one; what was done before is seen after it. */
  void wake() {
    if (!woken.getAndSet(true)) {
      LockSupport.unpark(sleeper);
    }
  }

  /** A note was left. */
  void noted() {
    if (!shortSleep) {
      wake();
    }
  }

  /**
   * Sleeps; one thread at a time.
   *
   * @param nanos at most; 0 or less: not at all
   * @param isShort whether notes can wait until then
   */
  void sleep(long nanos, boolean isShort) {
    sleeper = Thread.currentThread();
    shortSleep = isShort;
    if (!woken.getAndSet(false) && nanos > 0) {
      LockSupport.parkNanos(this, nanos);
      woken.set(false);
    }
    shortSleep = false;
  }
}
