package io.tidemark.node.run;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.node.run.Unmounting.Outcome;
import java.io.IOException;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;

class UnmountingTest {
  private long now;

  /** Busy for a number of tries. */
  private static final class BusyMount implements NodeMount {
    private int busy;
    private boolean mounted = true;
    private boolean detached;

    BusyMount(int busy) {
      this.busy = busy;
    }

    @Override
    public boolean isMounted() {
      return mounted;
    }

    @Override
    public void unmount() throws IOException {
      if (busy-- > 0) {
        throw new IOException("busy: sqlite3 (pid 7) holds app.db.");
      }
      mounted = false;
    }

    @Override
    public void detach() {
      mounted = false;
      detached = true;
    }

    @Override
    public Map<String, Long> requestCounts() {
      return Map.of();
    }
  }

  private Outcome unmount(BusyMount mount, int signalAtTry) throws InterruptedException {
    int[] tries = {0};
    return Unmounting.unmount(
        mount,
        Duration.ofSeconds(10),
        pause -> {
          now += pause.toNanos();
          return ++tries[0] == signalAtTry;
        },
        () -> now);
  }

  @Test
  void anIdleMountIsRemovedAtOnce() throws Exception {
    BusyMount mount = new BusyMount(0);
    assertThat(unmount(mount, -1)).isEqualTo(Outcome.CLEAN);
    assertThat(mount.detached).isFalse();
    assertThat(now).isZero();
  }

  @Test
  void aBusyMountIsTriedAgain() throws Exception {
    BusyMount mount = new BusyMount(5);
    assertThat(unmount(mount, -1)).isEqualTo(Outcome.CLEAN);
    assertThat(mount.detached).isFalse();
  }

  @Test
  void afterTheTimeItIsDetached() throws Exception {
    BusyMount mount = new BusyMount(Integer.MAX_VALUE);
    assertThat(unmount(mount, -1)).isEqualTo(Outcome.DETACHED);
    assertThat(mount.detached).isTrue();
    assertThat(Duration.ofNanos(now)).isBetween(Duration.ofSeconds(10), Duration.ofSeconds(11));
  }

  @Test
  void aSecondSignalDetachesEarlier() throws Exception {
    BusyMount mount = new BusyMount(Integer.MAX_VALUE);
    assertThat(unmount(mount, 3)).isEqualTo(Outcome.DETACHED);
    assertThat(Duration.ofNanos(now)).isLessThan(Duration.ofSeconds(1));
  }

  @Test
  void aMountThatIsGoneNeedsNothing() throws Exception {
    BusyMount mount = new BusyMount(Integer.MAX_VALUE);
    mount.mounted = false;
    assertThat(unmount(mount, -1)).isEqualTo(Outcome.CLEAN);
  }

  @Test
  void theForegroundGroupIsReadFromProc() {
    String before = "77 (a (strange) name) S 1 ";
    assertThat(ChildProcess.inForeground(before + "500 500 34816 500 4194304")).isTrue();
    assertThat(ChildProcess.inForeground(before + "500 500 34816 600 4194304")).isFalse();
    assertThat(ChildProcess.inForeground(before + "500 500 0 -1 4194304")).isFalse();
  }

  @Test
  void theAgeOfTheProcessComesFromTicks() {
    String stat = "7 (java) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 12300 20";
    assertThat(ProcessAge.millis(stat, "124.50 200.00\n")).isEqualTo(1500);
    assertThat(ProcessAge.millis()).isPositive();
  }
}
