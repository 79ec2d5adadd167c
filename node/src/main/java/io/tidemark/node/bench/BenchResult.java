package io.tidemark.node.bench;

import io.tidemark.node.json.Json;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;

/**
 * What a row measured in one directory.
 *
 * @param median of the rounds' rates
 * @param least of the rounds' rates
 * @param greatest of the rounds' rates
 * @param p50Nanos of all operations of all rounds, 0 when there are no single operations
 * @param p99Nanos likewise
 */
record BenchResult(double median, double least, double greatest, long p50Nanos, long p99Nanos) {
  static BenchResult of(List<BenchRound> rounds) {
    double[] rates = rounds.stream().mapToDouble(BenchRound::perSecond).toArray();
    long[] latencies =
        rounds.stream().flatMapToLong(round -> LongStream.of(round.latencies())).toArray();
    double least = Double.POSITIVE_INFINITY;
    double greatest = 0;
    for (double rate : rates) {
      least = Math.min(least, rate);
      greatest = Math.max(greatest, rate);
    }
    return new BenchResult(
        Statistics.median(rates),
        least,
        greatest,
        Statistics.percentile(latencies, 0.5),
        Statistics.percentile(latencies, 0.99));
  }

  Map<String, Object> toJson() {
    return Json.object(
        "median", median,
        "min", least,
        "max", greatest,
        "p50Micros", p50Nanos / 1e3,
        "p99Micros", p99Nanos / 1e3);
  }
}
