package io.tidemark.stream.send;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class SenderSleepTest {
  private static final long LONG = TimeUnit.SECONDS.toNanos(20);

  private final SenderSleep sleep = new SenderSleep();

  @Test
  void aWakeBeforeTheSleepIsNotLost() {
    sleep.wake();
    long begin = System.nanoTime();
    sleep.sleep(LONG, false);
    assertThat(System.nanoTime() - begin).isLessThan(LONG / 2);
  }

  @Test
  void aNoteBeforeTheSleepIsNotLost() {
    sleep.noted();
    long begin = System.nanoTime();
    sleep.sleep(LONG, false);
    assertThat(System.nanoTime() - begin).isLessThan(LONG / 2);
  }

  @Test
  void whoWakesEndsAShortSleepToo() throws Exception {
    Thread sleeper = new Thread(() -> sleep.sleep(LONG, true));
    sleeper.start();
    Thread.sleep(20);
    sleep.wake();
    sleeper.join(LONG / 2_000_000);
    assertThat(sleeper.isAlive()).isFalse();
  }

  @Test
  void aNoteLeavesAShortSleepAlone() throws Exception {
    Thread sleeper = new Thread(() -> sleep.sleep(LONG, true));
    sleeper.start();
    Thread.sleep(20);
    sleep.noted();
    Thread.sleep(50);
    assertThat(sleeper.isAlive()).isTrue();
    sleep.wake();
    sleeper.join();
  }

  /** A sleep that a note did not end would take 20 seconds. */
  @Test
  void noNoteIsLostBetweenAShortSleepAndALongOne() throws Exception {
    int notes = 20_000;
    ConcurrentLinkedQueue<Integer> queue = new ConcurrentLinkedQueue<>();
    AtomicInteger taken = new AtomicInteger();
    AtomicLong longest = new AtomicLong();
    Thread sender =
        new Thread(
            () -> {
              int turn = 0;
              while (taken.get() < notes) {
                while (queue.poll() != null) {
                  taken.incrementAndGet();
                }
                if (taken.get() < notes) {
                  boolean isShort = ++turn % 2 == 0;
                  long begin = System.nanoTime();
                  sleep.sleep(isShort ? 20_000 : LONG, isShort);
                  longest.accumulateAndGet(System.nanoTime() - begin, Math::max);
                }
              }
            });
    sender.start();
    for (int i = 0; i < notes; i++) {
      queue.add(i);
      sleep.noted();
      if (i % 3 == 0) { // the sender finds nothing now and then, and sleeps long
        while (taken.get() <= i && sender.isAlive()) {
          Thread.onSpinWait();
        }
      }
    }
    sender.join(LONG / 1_000_000);
    assertThat(taken.get()).isEqualTo(notes);
    assertThat(longest.get()).isLessThan(LONG / 2);
  }
}
