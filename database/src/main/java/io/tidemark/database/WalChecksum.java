package io.tidemark.database;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * The running checksum of SQLite's write-ahead log (SQLite documentation, "Database File Format",
 * section 4.2): two 32-bit sums over pairs of 32-bit words.
 */
final class WalChecksum {
  private int s1;
  private int s2;

  void set(int first, int second) {
    s1 = first;
    s2 = second;
  }

  int first() {
    return s1;
  }

  int second() {
    return s2;
  }

  /**
   * @param length a multiple of 8
   * @param order byte order of the words, from the magic of the WAL header
   */
  void add(ByteBuffer data, int from, int length, ByteOrder order) {
    ByteOrder before = data.order();
    data.order(order);
    int a = s1;
    int b = s2;
    for (int i = from; i < from + length; i += 8) {
      a += data.getInt(i) + b;
      b += data.getInt(i + 4) + a;
    }
    s1 = a;
    s2 = b;
    data.order(before);
  }
}
