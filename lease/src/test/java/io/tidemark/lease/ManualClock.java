package io.tidemark.lease;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;

/** A clock that moves only when a test says so. */
public final class ManualClock implements BootClock {
  private final AtomicLong nanos = new AtomicLong(Duration.ofDays(3).toNanos());

  @Override
  public long nanos() {
    return nanos.get();
  }

  public void advance(Duration by) {
    nanos.addAndGet(by.toNanos());
  }
}
