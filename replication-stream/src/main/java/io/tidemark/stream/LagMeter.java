package io.tidemark.stream;

/**
 * How far a replica is behind with one database, as a time: how long ago it last showed everything
 * that was known to exist then. Times are {@link System#nanoTime}.
 *
 * <p>A replica of a busy primary is hardly ever at the very end. So the end is remembered together
 * with the time at which it was the end, and once that has been shown the replica was up to date at
 * that time. This costs two numbers, however much is under way, and the result is at most twice
 * what a time for each transaction would give.
 */
public final class LagMeter {
  /** The replica has never been up to date. */
  public static final long UNKNOWN = -1;

  /** An end that no transaction reaches. */
  private static final long OUT_OF_REACH = Long.MAX_VALUE;

  private long shown;
  private long end;
  private long mark;
  private long markNanos;
  private long goodNanos;
  private boolean known;

  /**
   * The primary is about to say what has to be done, or nothing can be done now: behind until
   * {@link #plan}.
   *
   * @param sinceNanos up to when the replica was up to date if it is now; ignored unless {@code
   *     sinceKnown}
   */
  public synchronized void unplanned(long sinceNanos, boolean sinceKnown) {
    if (shown >= end) {
      goodNanos = sinceNanos;
      known |= sinceKnown;
    }
    end = OUT_OF_REACH;
    mark = OUT_OF_REACH;
  }

  /**
   * From here on the replica goes from one transaction to another, or is done.
   *
   * @param shownTxid what readers see
   * @param endTxid up to where transactions are known to exist
   */
  public synchronized void plan(long shownTxid, long endTxid, long nowNanos) {
    end = endTxid;
    mark = endTxid;
    markNanos = nowNanos;
    shown(shownTxid, nowNanos);
  }

  /** Transactions up to this one exist. */
  public synchronized void expect(long txid, long nowNanos) {
    if (txid <= end) {
      return;
    }
    if (shown >= end) {
      goodNanos = nowNanos;
      mark = txid;
      markNanos = nowNanos;
    }
    end = txid;
  }

  /** Readers see all transactions up to this one. */
  public synchronized void shown(long txid, long nowNanos) {
    shown = txid;
    if (shown >= end) {
      known = true;
    } else if (shown >= mark) {
      known = true;
      goodNanos = markNanos;
      mark = end;
      markNanos = nowNanos;
    }
  }

  /** Nanoseconds, 0 when up to date, {@link #UNKNOWN} if it never was. */
  public synchronized long nanos(long nowNanos) {
    if (!known) {
      return UNKNOWN;
    }
    return shown >= end ? 0 : Math.max(0, nowNanos - goodNanos);
  }
}
