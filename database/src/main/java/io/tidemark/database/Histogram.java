package io.tidemark.database;

import java.util.concurrent.atomic.LongAdder;

/**
 * Latency histogram with fixed buckets, cheap enough for the commit path: one counter increment, no
 * allocation, no lock.
 */
public final class Histogram {
  /** Upper bounds of the buckets in microseconds; the last bucket has none. */
  public static final long[] BOUNDS_MICROS = {
    10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 500_000,
    1_000_000, 5_000_000
  };

  private final LongAdder[] buckets = new LongAdder[BOUNDS_MICROS.length + 1];
  private final LongAdder sumNanos = new LongAdder();

  public Histogram() {
    for (int i = 0; i < buckets.length; i++) {
      buckets[i] = new LongAdder();
    }
  }

  public void record(long nanos) {
    long micros = nanos / 1_000;
    int i = 0;
    while (i < BOUNDS_MICROS.length && micros > BOUNDS_MICROS[i]) {
      i++;
    }
    buckets[i].increment();
    sumNanos.add(nanos);
  }

  /** Counts per bucket (not cumulative), one more than there are bounds. */
  public long[] counts() {
    long[] counts = new long[buckets.length];
    for (int i = 0; i < counts.length; i++) {
      counts[i] = buckets[i].sum();
    }
    return counts;
  }

  public long sumNanos() {
    return sumNanos.sum();
  }
}
