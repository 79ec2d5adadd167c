package io.tidemark.database;

import java.util.TreeMap;

/**
 * Sparse index from transaction to place in the log: one entry for each 64 KiB and for the first
 * record of each segment. What lies between is found by walking the record headers.
 */
final class LogIndex {
  private static final long SPACING = 64 << 10;

  private final TreeMap<Long, TransactionLog.Location> entries = new TreeMap<>();
  private long lastSegment = -1;
  private long lastOffset;

  void add(long txid, long segment, long offset, boolean always) {
    if (always || segment != lastSegment || offset - lastOffset >= SPACING) {
      entries.put(txid, new TransactionLog.Location(segment, offset));
      lastSegment = segment;
      lastOffset = offset;
    }
  }

  /** The entry at or before {@code txid}, or null. */
  TransactionLog.Location floor(long txid) {
    var entry = entries.floorEntry(txid);
    return entry == null ? null : entry.getValue();
  }

  void removeFrom(long txid) {
    entries.tailMap(txid, true).clear();
    lastSegment = -1;
  }

  void removeBefore(long txid) {
    entries.headMap(txid, false).clear();
  }
}
