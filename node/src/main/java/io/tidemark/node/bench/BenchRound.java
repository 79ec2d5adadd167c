package io.tidemark.node.bench;

/**
 * What one round of one row measured.
 *
 * @param perSecond operations, rows or bytes per second, as the row says
 * @param latencies nanoseconds of each operation; empty when the row has no single operations
 */
record BenchRound(double perSecond, long[] latencies) {}
