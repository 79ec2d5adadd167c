package io.tidemark.mount.fuse;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class AwakeCpuTest {
  private final AtomicLong now = new AtomicLong(1);
  private AwakeCpu awake = started(true);

  private AwakeCpu started(boolean wanted) {
    AwakeCpu made = new AwakeCpu(wanted, "test", now::get);
    made.start();
    return made;
  }

  @AfterEach
  void stop() {
    awake.close();
  }

  /** One wait of the leader; returns whether its CPU was kept awake. */
  private boolean waits(Duration time) {
    awake.begin(0);
    boolean kept = awake.isOn();
    now.addAndGet(time.toNanos());
    awake.end();
    assertThat(awake.isOn()).isFalse();
    return kept;
  }

  private void awaitThread() throws InterruptedException {
    for (int i = 0; i < 1000 && !waits(Duration.ofNanos(1)); i++) {
      Thread.sleep(10);
    }
  }

  @Test
  void theCpuIsKeptAwakeWhileTheLeaderWaits() throws Exception {
    awaitThread();
    assertThat(waits(Duration.ofNanos(200_000))).isTrue();
    assertThat(waits(Duration.ofNanos(200_000))).isTrue();
  }

  @Test
  void notWhereWaitsAreUsuallyLong() throws Exception {
    awaitThread();
    for (int i = 0; i < 50; i++) {
      waits(Duration.ofMillis(5));
    }
    assertThat(waits(Duration.ofMillis(5))).isFalse();
    for (int i = 0; i < 50; i++) {
      waits(Duration.ofNanos(100_000));
    }
    assertThat(waits(Duration.ofNanos(100_000))).as("fast again").isTrue();
  }

  @Test
  void oneLongWaitChangesNothing() throws Exception {
    awaitThread();
    waits(Duration.ofMillis(2));
    assertThat(waits(Duration.ofNanos(100_000))).isTrue();
  }

  @Test
  void notWithoutACpuOfItsOwn() throws Exception {
    awaitThread();
    awake.begin(-1);
    assertThat(awake.isOn()).isFalse();
    awake.end();
  }

  @Test
  void notWhenNotWanted() throws Exception {
    awake.close();
    awake = started(false);
    Thread.sleep(50);
    assertThat(waits(Duration.ofNanos(100_000))).isFalse();
  }

  @Test
  void itsThreadTakesTimeFromNobody() throws Exception {
    awaitThread();
    assertThat(ThreadState.of(awake.tid()).idlePolicy()).isTrue();
    assertThat(ThreadState.of(awake.tid()).cpus()).isEqualTo("0");
  }
}
