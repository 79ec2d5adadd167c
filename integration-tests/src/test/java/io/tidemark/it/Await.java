package io.tidemark.it;

import java.time.Duration;
import java.util.concurrent.Callable;

/** Waits for a condition with a deadline. */
final class Await {
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
        if (condition.call()) {
          return true;
        }
        if (System.nanoTime() - deadline >= 0) {
          return false;
        }
        Thread.sleep(5);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new AssertionError("interrupted", e);
      } catch (Exception e) {
        throw new AssertionError("while waiting: " + e, e);
      }
    }
  }
}
