package io.tidemark.node.ltx;

import io.tidemark.ltx.PageChecksums;
import java.util.Arrays;

/**
 * What is known of a database's page checksums while its history is replayed, so that the rolling
 * checksum of each transaction can be recomputed from the pages. A history that does not begin with
 * transaction 1 leaves pages unknown until they are written; what cannot be recomputed is said, not
 * guessed.
 */
final class PageSumTable {
  /** Page checksums by number; 0 is unknown, since a real one has bit 63 set. */
  private long[] sums = new long[1024];

  /** Bit 63 alone: the page does not exist and so counts nothing. */
  private static final long ABSENT = PageChecksums.EMPTY;

  /** Pages beyond are not remembered (512 GiB at 4 KiB), which bounds the memory. */
  private static final long MAX_PAGES = 1L << 27;

  private long size;
  private boolean sizeKnown;
  private int pageSize;
  private long change;
  private boolean complete;
  private long pages;
  private long total;

  /** Begins a transaction on top of what is known. */
  void begin(int newPageSize, boolean snapshot) {
    if (snapshot || newPageSize != pageSize) {
      Arrays.fill(sums, 0);
      sizeKnown = snapshot && pageSize == 0;
      size = 0;
    }
    pageSize = newPageSize;
    change = PageChecksums.EMPTY;
    total = PageChecksums.EMPTY;
    complete = true;
    pages = 0;
  }

  /** A page of the transaction. */
  void page(long number, long checksum) {
    total = PageChecksums.xor(total, checksum);
    pages++;
    if (number > MAX_PAGES) {
      complete = false;
      return;
    }
    int index = (int) number;
    grow(index);
    long old = known(index);
    complete &= old != 0;
    change = PageChecksums.xor(PageChecksums.xor(change, old), checksum);
    sums[index] = checksum;
  }

  private long known(int index) {
    return sizeKnown && index > size ? ABSENT : sums[index];
  }

  private void grow(int index) {
    if (index >= sums.length) {
      sums = Arrays.copyOf(sums, Math.max(index + 1, sums.length * 2));
    }
  }

  /**
   * Ends the transaction.
   *
   * @param commit size of the database in pages after it
   * @param pre rolling checksum before it
   * @return the rolling checksum after it, or 0 when it depends on pages that were never seen
   */
  long end(long commit, long pre) {
    long lockPage = PageChecksums.lockPage(pageSize);
    long all = commit >= lockPage ? commit - 1 : commit;
    boolean whole = pages == all;
    for (long page = commit + 1; sizeKnown && page <= size; page++) {
      if (page != lockPage) {
        long old = page < sums.length ? sums[(int) page] : 0;
        complete &= old != 0;
        change = PageChecksums.xor(change, old);
      }
    }
    boolean mayHaveShrunk = !sizeKnown;
    for (int page = (int) Math.min(commit + 1, sums.length); page < sums.length; page++) {
      sums[page] = 0;
    }
    size = commit;
    sizeKnown = true;
    if (whole) {
      return total;
    }
    return complete && !mayHaveShrunk
        ? PageChecksums.xor(PageChecksums.xor(PageChecksums.EMPTY, pre), change)
        : 0;
  }
}
