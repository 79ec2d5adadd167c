package io.tidemark.mount.fuse;

import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongSupplier;

/**
 * Keeps the CPU that a leader shares with its client from being halted while the leader waits for
 * the disk.
 *
 * <p>A virtual CPU without work is handed back to the host, and to get it back costs a good part of
 * what a fast disk needs, once for each step of a sync. So as long as the leader waits, a
 * SCHED_IDLE thread spins on its CPU: it takes time from nobody, for whoever wants the CPU comes
 * first. It gives up after {@link #MOST_NANOS}, and where waits are usually longer it does not
 * begin.
 *
 * <p>{@link #begin} and {@link #end} are called by the one leader.
 */
final class AwakeCpu {
  private static final long MOST_NANOS = 500_000;

  /** Weight of the newest wait in the average: 1/8. */
  private static final int AVERAGE_SHIFT = 3;

  private final boolean wanted;
  private final LongSupplier clock;
  private final Thread thread;

  /** When the present wait began, or 0. */
  private volatile long since;

  private volatile boolean closed;
  private volatile int tid;
  private int boundTo = -1;
  private long average;
  private long started;
  private final Affinity cpu = Affinity.of(List.of());

  /**
   * @param wanted false to never do it
   * @param clock nanoseconds, monotonic
   */
  AwakeCpu(boolean wanted, String name, LongSupplier clock) {
    this.wanted = wanted;
    this.clock = clock;
    thread = new Thread(null, this::run, "awake-" + name, 128 << 10);
    thread.setDaemon(true);
  }

  /** Not to be called by a request thread: the new one would inherit its CPUs. */
  void start() {
    if (wanted) {
      thread.start();
    }
  }

  /** The leader is going to wait on that CPU; negative: on any. */
  void begin(int number) {
    started = clock.getAsLong();
    if (!wanted || number < 0 || tid == 0 || average > MOST_NANOS) {
      return;
    }
    if (number != boundTo) {
      cpu.only(number);
      if (!cpu.apply(tid)) {
        return;
      }
      boundTo = number;
    }
    since = started;
    LockSupport.unpark(thread);
  }

  void end() {
    long nanos = clock.getAsLong() - started;
    average += (nanos - average) >> AVERAGE_SHIFT;
    since = 0;
  }

  /** Its thread for the kernel; 0 until it runs. */
  int tid() {
    return tid;
  }

  /** Whether the CPU is kept awake, or would be if the time were not over. */
  boolean isOn() {
    return since != 0;
  }

  private void run() {
    tid = Native.C.gettid();
    SharedCpu.makeIdle(tid);
    while (!closed) {
      long begun = since;
      if (begun == 0) {
        LockSupport.park(this);
        continue;
      }
      while (since == begun && clock.getAsLong() - begun < MOST_NANOS) {
        Native.C.sched_yield(); // the leader is woken here, and has no higher priority
      }
      while (since == begun) {
        LockSupport.parkNanos(this, MOST_NANOS);
      }
    }
  }

  void close() {
    closed = true;
    LockSupport.unpark(thread);
  }
}
