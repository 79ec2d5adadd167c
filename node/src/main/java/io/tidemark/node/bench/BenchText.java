package io.tidemark.node.bench;

import io.tidemark.node.config.SizeText;
import java.util.Locale;

/** Figures of a row as text: the median, the spread of the rounds, p50 and p99. */
final class BenchText {
  private BenchText() {}

  static String of(String unit, BenchResult result) {
    String text =
        rate(unit, result.median())
            + " ("
            + rate(unit, result.least())
            + ".."
            + rate(unit, result.greatest())
            + ")";
    return result.p50Nanos() == 0
        ? text
        : text + " p50 " + micros(result.p50Nanos()) + " p99 " + micros(result.p99Nanos());
  }

  private static String rate(String unit, double perSecond) {
    return unit.equals("bytes/s")
        ? SizeText.format((long) perSecond)
        : String.format(Locale.ROOT, "%.0f", perSecond);
  }

  static String micros(long nanos) {
    double micros = nanos / 1e3;
    return micros < 10_000
        ? String.format(Locale.ROOT, micros < 100 ? "%.1fus" : "%.0fus", micros)
        : String.format(Locale.ROOT, "%.1fms", micros / 1e3);
  }
}
