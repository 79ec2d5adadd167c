package io.tidemark.database;

import java.nio.ByteBuffer;
import java.util.Arrays;

/** What a record that is being written changes, kept until it counts. */
final class StagedPages {
  private static final int LARGE = 1 << 16;

  private int[] pages = new int[64];
  private long[] sums = new long[64];
  private int size;
  private long pageCount;
  private int pageSize;
  private long millis;
  private boolean page1;
  private boolean wal;

  /** The bytes of the pages, one behind the other; null if they are not kept. */
  private ByteBuffer kept;

  /**
   * Forgets what was staged.
   *
   * @param mostPages how many pages will be added at most
   */
  void begin(long newPageCount, int newPageSize, int mostPages, long nowMillis) {
    if (pages.length > LARGE || mostPages > LARGE) {
      int room = mostPages > LARGE ? mostPages : 64; // of many pages, doubling would take twice
      pages = new int[room];
      sums = new long[room];
    }
    size = 0;
    pageCount = newPageCount;
    pageSize = newPageSize;
    millis = nowMillis;
    page1 = false;
    kept = null;
  }

  /**
   * The bytes of the pages are kept as far as they have room.
   *
   * @param room this object's own until the pages are cleared
   */
  void keepIn(ByteBuffer room) {
    kept = room;
  }

  /** Room for the next page that is to be added, as large as a page. */
  ByteBuffer nextPage() {
    if (kept != null && (size + 1L) * pageSize <= kept.capacity()) {
      return kept.slice(size * pageSize, pageSize);
    }
    kept = null;
    return Scratch.get().page.clear().limit(pageSize);
  }

  /** Whether {@link #bytes} has all pages. */
  boolean isKept() {
    return kept != null;
  }

  /** The bytes of a page that was kept. */
  ByteBuffer bytes(int i) {
    return kept.slice(i * pageSize, pageSize);
  }

  void add(int pgno, long sum) {
    if (size == pages.length) {
      pages = Arrays.copyOf(pages, size * 2);
      sums = Arrays.copyOf(sums, size * 2);
    }
    pages[size] = pgno;
    sums[size++] = sum;
  }

  void wal(boolean walInHeader) {
    page1 = true;
    wal = walInHeader;
  }

  /** What it changes was taken over. */
  void clearPages() {
    size = 0;
    kept = null;
  }

  int size() {
    return size;
  }

  int page(int i) {
    return pages[i];
  }

  long sum(int i) {
    return sums[i];
  }

  long pageCount() {
    return pageCount;
  }

  int pageSize() {
    return pageSize;
  }

  long millis() {
    return millis;
  }

  boolean hasPage1() {
    return page1;
  }

  boolean isWal() {
    return wal;
  }
}
