package io.tidemark.mount.fuse;

import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.LongAdder;

/** Counts requests by kind. */
final class FuseTrace {
  private final LongAdder[] counts = new LongAdder[Opcode.LIMIT];

  FuseTrace() {
    for (int i = 0; i < counts.length; i++) {
      counts[i] = new LongAdder();
    }
  }

  void count(int opcode) {
    counts[opcode >= 0 && opcode < Opcode.LIMIT ? opcode : 0].increment();
  }

  Map<String, Long> counts() {
    Map<String, Long> result = new TreeMap<>();
    for (int i = 0; i < counts.length; i++) {
      long n = counts[i].sum();
      if (n > 0) {
        result.put(Opcode.name(i), n);
      }
    }
    return result;
  }
}
