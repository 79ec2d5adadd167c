package io.tidemark.it;

import java.time.Duration;
import java.util.concurrent.Callable;

/**
 * Waits for a condition with a deadline. A look that is expensive, because it runs a program, comes
 * less often: what is waited for needs the processor, too.
 */
final class Await {
  private static final long SHORTEST_PAUSE_MILLIS = 5;
  private static final long LONGEST_PAUSE_MILLIS = 200;

  private Await() {}

  static void until(Duration limit, String what, Callable<Boolean> condition) {
    if (!within(limit, condition)) {
      throw new AssertionError("Waited " + limit.toMillis() + " ms in vain: " + what);
    }
  }

  static boolean within(Duration limit, Callable<Boolean> condition) {
    long deadline = System.nanoTime() + limit.toNanos();
    while (true) {
      try {
        long look = System.nanoTime();
        if (condition.call()) {
          return true;
        }
        long now = System.nanoTime();
        if (now - deadline >= 0) {
          return false;
        }
        long pause = 2 * (now - look) / 1_000_000;
        Thread.sleep(Math.min(Math.max(pause, SHORTEST_PAUSE_MILLIS), LONGEST_PAUSE_MILLIS));
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new AssertionError("interrupted", e);
      } catch (Exception e) {
        throw new AssertionError("while waiting: " + e, e);
      }
    }
  }
}
