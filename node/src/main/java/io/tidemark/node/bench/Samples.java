package io.tidemark.node.bench;

import java.util.Arrays;

/** Latencies in nanoseconds, as they come. */
final class Samples {
  private long[] values = new long[4096];
  private int count;

  void add(long nanos) {
    if (count == values.length) {
      values = Arrays.copyOf(values, count * 2);
    }
    values[count++] = nanos;
  }

  long[] toArray() {
    return Arrays.copyOf(values, count);
  }
}
