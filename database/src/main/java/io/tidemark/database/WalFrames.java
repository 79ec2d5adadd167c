package io.tidemark.database;

import java.util.Arrays;
import java.util.function.BooleanSupplier;

/**
 * What the WAL file holds since its header was last written: the committed frames, and behind them
 * the valid frames of a transaction that is not committed yet. Frames count from 0.
 *
 * <p>A frame costs 24 bytes here. {@link #latest} of a page leads to the frame that a reader at the
 * end of the log would use, {@link #previousOfPage} to the older ones.
 */
final class WalFrames {
  private final BooleanSupplier guarded;
  private int[] page = new int[256];
  private int[] previous = new int[256];
  private long[] txid = new long[256];
  private int[] sum1 = new int[256];
  private int[] sum2 = new int[256];
  private int committed;
  private int valid;
  private final IntMap latest = new IntMap();
  private final IntMap backfilled = new IntMap();

  /** The first committed frame that the database file does not have. */
  private int redoFrame;

  /**
   * @param guarded whether the calling thread has the lock that guards this
   */
  WalFrames(BooleanSupplier guarded) {
    this.guarded = guarded;
  }

  void clear() {
    committed = 0;
    valid = 0;
    redoFrame = 0;
    latest.clear();
    backfilled.clear();
    if (page.length > 1 << 16) {
      page = new int[256];
      previous = new int[256];
      txid = new long[256];
      sum1 = new int[256];
      sum2 = new int[256];
    }
  }

  int committed() {
    return committed;
  }

  int valid() {
    return valid;
  }

  int page(int frame) {
    return page[frame];
  }

  int sum1(int frame) {
    return sum1[frame];
  }

  int sum2(int frame) {
    return sum2[frame];
  }

  long txid(int frame) {
    return txid[frame];
  }

  /** Adds a frame whose checksum continues the one before it. */
  void addValid(int pgno, int s1, int s2) {
    if (valid == page.length) {
      int grown = page.length * 2;
      page = Arrays.copyOf(page, grown);
      previous = Arrays.copyOf(previous, grown);
      txid = Arrays.copyOf(txid, grown);
      sum1 = Arrays.copyOf(sum1, grown);
      sum2 = Arrays.copyOf(sum2, grown);
    }
    page[valid] = pgno;
    sum1[valid] = s1;
    sum2[valid] = s2;
    valid++;
  }

  /** Frames from {@code frame} on are no longer known to be valid. */
  void rewind(int frame) {
    assert frame >= committed;
    valid = Math.min(valid, frame);
  }

  /** The frames up to and including {@code last} are committed by {@code transaction}. */
  void commit(int last, long transaction) {
    for (int frame = committed; frame <= last; frame++) {
      previous[frame] = latest.get(page[frame], -1);
      latest.put(page[frame], frame);
      txid[frame] = transaction;
    }
    committed = last + 1;
  }

  /** The newest committed frame of a page, or -1. */
  int latest(int pgno) {
    return latest.get(pgno, -1);
  }

  int previousOfPage(int frame) {
    return previous[frame];
  }

  /**
   * The database file now has the page as it stands in {@code frame}. That may be an older one than
   * before: a checkpoint that follows one that died begins where that one did, but may be held back
   * earlier.
   *
   * @return whether the page is older than before
   */
  boolean backfilled(int pgno, int frame) {
    boolean older = frame + 1 < backfilled.get(pgno, 0);
    if (older) {
      redoFrame = 0;
    }
    backfilled.put(pgno, frame + 1);
    return older;
  }

  /**
   * A page beyond the committed size is part of the database again, with the bytes of its latest
   * frame, which a checkpoint may have left out meanwhile.
   */
  void needAgain(int pgno) {
    int frame = latest(pgno);
    if (frame >= 0 && backfilled.get(pgno, 0) <= frame) {
      redoFrame = Math.min(redoFrame, frame);
    }
  }

  /**
   * Whether the database file has every committed frame. Under the lock of the database, because it
   * remembers how far it has looked.
   *
   * @param pageCount committed size; a checkpoint leaves out pages beyond it
   */
  boolean allBackfilled(long pageCount) {
    return firstMissing(pageCount) == committed;
  }

  /**
   * The last transaction of which the database file has every page, given that it had all when the
   * WAL began.
   *
   * @param tail transaction of the last commit
   */
  long redoTxid(long tail, long pageCount) {
    int frame = firstMissing(pageCount);
    return frame == committed ? tail : txid[frame] - 1;
  }

  private int firstMissing(long pageCount) {
    assert guarded.getAsBoolean() : "two threads that look would disagree";
    while (redoFrame < committed && isInDatabase(redoFrame, pageCount)) {
      redoFrame++;
    }
    return redoFrame;
  }

  private boolean isInDatabase(int frame, long pageCount) {
    int pgno = page[frame];
    return Integer.toUnsignedLong(pgno) > pageCount || backfilled.get(pgno, 0) > frame;
  }
}
