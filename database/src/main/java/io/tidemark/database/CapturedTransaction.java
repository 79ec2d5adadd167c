package io.tidemark.database;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * A transaction that a program committed, as {@link TransactionWriter} needs it: its size, its
 * bytes and those it replaces. Each way of capture has one object of this kind and uses it for all
 * its transactions, so that a commit allocates nothing here.
 *
 * <p>Guarded by the lock of the database.
 */
abstract class CapturedTransaction {
  /** Bytes of a page after the transaction. */
  int pageSize;

  /** Size in pages after the transaction. */
  long pageCount;

  // Where the WAL holds it; all 0 for what does not come out of a WAL.
  long walOffset;
  long walSize;
  int walSalt1;
  int walSalt2;

  /** Fills {@code dst} with a page as the transaction leaves it. */
  abstract void readNew(long pgno, ByteBuffer dst) throws IOException;

  /** Fills {@code dst} with the committed bytes of a page before the transaction. */
  abstract void readOld(long pgno, ByteBuffer dst) throws IOException;

  /** For a transaction that may change every page. */
  static int[] allPages(long count) {
    int[] pages = new int[(int) count];
    Arrays.setAll(pages, i -> i + 1);
    return pages;
  }
}
