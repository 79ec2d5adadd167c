package io.tidemark.database;

import io.tidemark.database.RefusedException.Kind;

/**
 * Refuses what the heap cannot hold before it is allocated. A few bytes are kept of every page of a
 * database; a program that writes one byte far behind the end of one would otherwise end the whole
 * process, and with it the service of all other databases.
 */
final class HeapRoom {
  /** Needs up to this many bytes are never looked at: they make no difference. */
  static final long SMALL = 1 << 20;

  /**
   * Bytes for each page that one transaction adds: number, staged number and sum, page checksum.
   */
  private static final int ADDED_PAGE = 4 + (4 + 8) + 8 * 3 / 2;

  /** Bytes for each page of a table of page checksums that grows by half. */
  private static final int PAGE_OF_TABLE = 8 * 3 / 2;

  private HeapRoom() {}

  /**
   * Whether an allocation is safe.
   *
   * @param need bytes
   * @param free bytes that the heap can still give; only half of it is in the generation that has
   *     to hold a large array
   */
  static boolean fits(long need, long free) {
    return need <= SMALL || need <= free / 2;
  }

  /** For a transaction that adds {@code pages} at once. */
  static void checkAdded(String database, long pages) throws RefusedException {
    check(database, pages * ADDED_PAGE);
  }

  /** For a database that has {@code pages} and needs a larger table of page checksums. */
  static void checkTable(String database, long pages) throws RefusedException {
    check(database, pages * PAGE_OF_TABLE);
  }

  private static void check(String database, long need) throws RefusedException {
    if (fits(need, free())) {
      return;
    }
    System.gc(); // what is garbage counted as used
    long free = free();
    if (!fits(need, free)) {
      throw new RefusedException(
          Kind.TOO_BIG,
          String.format(
              "%s would need %d MiB of heap for its page checksums, and %d MiB are free;"
                  + " start Tidemark with a larger heap, such as TIDEMARK_JAVA_OPTS=-Xmx%dm",
              database, need >> 20, free >> 20, suggestion(need)));
    }
  }

  private static long free() {
    Runtime runtime = Runtime.getRuntime();
    return runtime.maxMemory() - runtime.totalMemory() + runtime.freeMemory();
  }

  private static long suggestion(long need) {
    return (Runtime.getRuntime().maxMemory() + 2 * need >> 20) + 1;
  }
}
