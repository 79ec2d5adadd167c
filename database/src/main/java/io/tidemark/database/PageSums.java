package io.tidemark.database;

import io.tidemark.ltx.Checksum;
import java.util.Arrays;

/**
 * The checksum of every page of the committed image, 8 bytes a page, and their XOR.
 *
 * <p>Invariant: {@link #rolling} is the XOR of all entries with bit 63 set; entries beyond {@link
 * #count} are 0; so is the entry of the lock page.
 */
final class PageSums {
  private long[] sums = new long[64];
  private long count;
  private long rolling = Checksum.FLAG;

  long get(long pgno) {
    return pgno >= 1 && pgno <= count ? sums[(int) (pgno - 1)] : 0;
  }

  void set(long pgno, long sum) {
    int i = (int) (pgno - 1);
    rolling = (rolling ^ sums[i] ^ sum) | Checksum.FLAG;
    sums[i] = sum;
  }

  long count() {
    return count;
  }

  /** Pages that need no larger table. */
  int capacity() {
    return sums.length;
  }

  long rolling() {
    return rolling;
  }

  /** Changes the number of pages; pages cut off leave the sum, new ones have no checksum yet. */
  void resize(long newCount) {
    if (newCount > Integer.MAX_VALUE - 8) {
      throw new IllegalArgumentException("more pages than this version can hold: " + newCount);
    }
    for (long pgno = newCount + 1; pgno <= count; pgno++) {
      set(pgno, 0);
    }
    if (newCount > sums.length) {
      long grown = Math.min(Integer.MAX_VALUE - 8, Math.max(newCount, sums.length * 3L / 2));
      sums = Arrays.copyOf(sums, (int) grown);
    } else if (newCount == 0) {
      sums = new long[64];
    }
    count = newCount;
  }

  /**
   * A copy of some entries, fewer than asked for at the end.
   *
   * @param first page number, from 1
   */
  long[] copy(long first, int length) {
    if (first < 1 || length < 0) {
      throw new IllegalArgumentException(length + " pages from page " + first + " on");
    }
    long from = Math.min(first - 1, count);
    return Arrays.copyOfRange(sums, (int) from, (int) Math.min(from + length, count));
  }

  /** A copy of all entries. */
  long[] copy() {
    return Arrays.copyOf(sums, (int) count);
  }

  void load(long[] values) {
    sums = values.length == 0 ? new long[64] : values;
    count = values.length;
    rolling = Checksum.FLAG;
    for (long value : values) {
      rolling ^= value;
    }
    rolling |= Checksum.FLAG;
  }
}
