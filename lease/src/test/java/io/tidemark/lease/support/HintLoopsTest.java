package io.tidemark.lease.support;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.lease.LeaseStoreException;
import io.tidemark.lease.LeaseStoreException.Kind;
import io.tidemark.lease.LeaseWatch;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class HintLoopsTest {
  private final Semaphore hints = new Semaphore(0);
  private final HintLoops loops = new HintLoops();

  private boolean hinted() throws InterruptedException {
    return hints.tryAcquire(10, TimeUnit.SECONDS);
  }

  @Test
  void eachChangeIsAHintAndAWaitWithoutAChangeIsNone() throws Exception {
    Semaphore changes = new Semaphore(0);
    AtomicInteger waits = new AtomicInteger();
    LeaseWatch watch =
        loops.start(
            "the store",
            () -> {
              waits.incrementAndGet();
              return changes.tryAcquire(20, TimeUnit.MILLISECONDS);
            },
            hints::release);
    try {
      while (waits.get() < 3) {
        Thread.sleep(1);
      }
      assertThat(hints.availablePermits()).isZero();
      changes.release();
      assertThat(hinted()).isTrue();
    } finally {
      watch.close();
    }
  }

  @Test
  void troubleIsAHintBecauseSomethingMayHaveBeenMissedAndDoesNotEndTheWatch() throws Exception {
    AtomicInteger calls = new AtomicInteger();
    CountDownLatch never = new CountDownLatch(1);
    loops.start(
        "the store",
        () -> {
          switch (calls.incrementAndGet()) {
            case 1:
              throw new LeaseStoreException(Kind.UNREACHABLE, "away", "wait", null);
            case 2:
              throw new IllegalStateException("a bug");
            case 3:
              return true;
            default:
              never.await();
              return false;
          }
        },
        hints::release);
    for (int i = 0; i < 3; i++) {
      assertThat(hinted()).isTrue();
    }
    loops.close();
  }

  @Test
  void afterTheEndOfTheClientThereAreNoHints() throws Exception {
    CountDownLatch interrupted = new CountDownLatch(1);
    CountDownLatch waiting = new CountDownLatch(1);
    loops.start(
        "the store",
        () -> {
          waiting.countDown();
          try {
            new CountDownLatch(1).await();
            return true;
          } catch (InterruptedException e) {
            interrupted.countDown();
            return true;
          }
        },
        hints::release);
    assertThat(waiting.await(10, TimeUnit.SECONDS)).isTrue();
    loops.close();

    assertThat(interrupted.await(10, TimeUnit.SECONDS)).isTrue();
    assertThat(hints.tryAcquire(50, TimeUnit.MILLISECONDS)).isFalse();
  }
}
