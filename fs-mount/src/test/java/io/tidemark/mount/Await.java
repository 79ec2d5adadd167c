package io.tidemark.mount;

import java.time.Duration;
import java.util.concurrent.Callable;

/** Waits for a condition with a deadline. */
final class Await {
  private Await() {}

  static void until(String what, Callable<Boolean> condition) {
    until(Duration.ofSeconds(10), what, condition);
  }

  static void until(Duration limit, String what, Callable<Boolean> condition) {
    if (!within(limit, condition)) {
      throw new AssertionError("waited " + limit.toMillis() + " ms in vain: " + what);
    }
  }

  /** Something must not happen, and this long is long enough for it to happen by mistake. */
  static void never(Duration howLong, String what, Callable<Boolean> condition) {
    if (within(howLong, condition)) {
      throw new AssertionError("happened: " + what);
    }
  }

  static boolean within(Duration limit, Callable<Boolean> condition) {
    long deadline = System.nanoTime() + limit.toNanos();
    try {
      while (!condition.call()) {
        if (System.nanoTime() - deadline >= 0) {
          return false;
        }
        Thread.sleep(5);
      }
      return true;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError("interrupted", e);
    } catch (Exception e) {
      throw new AssertionError("while waiting: " + e, e);
    }
  }
}
