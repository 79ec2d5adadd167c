package io.tidemark.lease.protocol;

/**
 * What one epoch of a primary knows of one database: how much is committed, and how much it
 * inherited when it read the end of its log after fencing.
 *
 * <p>What lies between the two may have been committed and acknowledged by an earlier primary that
 * died before it told anyone. So it is treated as committed where that is the safe side (it is
 * never cut, and whoever joins must have it) and as not committed where that is the safe side (it
 * is not shown and no commit position is announced before every member has acknowledged it in this
 * epoch).
 *
 * @param inherited TXID of the last record when this epoch began on this node; 0 if none
 * @param committed TXID up to which this node knows transactions to be committed; 0 if none
 */
public record Tail(long inherited, long committed) {
  /** Whether all that was inherited is known to be committed. Only then programs are served. */
  public boolean isSettled() {
    return committed >= inherited;
  }

  /**
   * The commit position to send to followers; -1 for none yet. A follower may have been told a
   * later one by the primary before, and after a restart of its own goes by the first that it
   * hears.
   */
  public long announced() {
    return isSettled() ? committed : -1;
  }

  /** What a node has to have on disk, at least, before it is made a member. */
  public long admission() {
    return Math.max(inherited, committed);
  }

  /**
   * The last record that stays when this primary aborts what is in doubt. Only what this epoch
   * itself has appended can be cut: of that this node alone knows that nobody was told "committed".
   */
  public long cut() {
    return Math.max(inherited, committed);
  }

  /** The same epoch after more has been committed; a commit position never goes back. */
  public Tail withCommitted(long txid) {
    return txid > committed ? new Tail(inherited, txid) : this;
  }
}
