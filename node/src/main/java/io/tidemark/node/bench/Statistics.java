package io.tidemark.node.bench;

import java.util.Arrays;

/** The few figures that a benchmark reports. */
public final class Statistics {
  private Statistics() {}

  /** The middle value; of an even number the mean of the two in the middle. NaN for none. */
  public static double median(double... values) {
    if (values.length == 0) {
      return Double.NaN;
    }
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    int middle = sorted.length / 2;
    return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  }

  /**
   * The least value that at least the given share of all values does not exceed (nearest rank).
   *
   * @param share above 0, at most 1
   * @return 0 when there are no values
   */
  public static long percentile(long[] values, double share) {
    if (values.length == 0) {
      return 0;
    }
    long[] sorted = values.clone();
    Arrays.sort(sorted);
    int rank = (int) Math.ceil(share * sorted.length);
    return sorted[Math.max(1, rank) - 1];
  }
}
