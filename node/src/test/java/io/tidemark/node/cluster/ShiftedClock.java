package io.tidemark.node.cluster;

import io.tidemark.lease.BootClock;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;

/** A clock that runs, and jumps when a test says so. */
final class ShiftedClock implements BootClock {
  private final AtomicLong shift = new AtomicLong();

  @Override
  public long nanos() {
    return System.nanoTime() + shift.get();
  }

  void advance(Duration by) {
    shift.addAndGet(by.toNanos());
  }
}
