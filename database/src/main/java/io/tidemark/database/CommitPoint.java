package io.tidemark.database;

/**
 * Up to where the records of one log are known to be committed, and how much of that knowledge is
 * on the disk.
 *
 * <p>A record is <em>pending</em> if it counts only when other nodes have it, too; any other counts
 * as soon as all before it do. The commit position says up to where pending records are known to
 * count.
 *
 * <p>Invariants:
 *
 * <ul>
 *   <li>Nothing above {@link #showable} is shown, applied or redone.
 *   <li>A page reaches the database file only when recovery would know that its transaction is
 *       committed ({@link #isKept}): otherwise a start would find pages of a transaction that is in
 *       doubt, and could not take them out.
 *   <li>{@link #known} and {@link #kept} never go back, except with the whole history.
 * </ul>
 *
 * <p>Changed under the lock of the database; may be read without.
 */
final class CommitPoint {
  private volatile long known;
  private volatile long kept;

  /** The last pending record, or one after it; 0 if there is none. */
  private volatile long lastPending;

  /** The first pending record above the commit position, or one before it. */
  private volatile long firstPending;

  /** The record that a commit waits for, 0 if there is none. */
  private volatile long awaited;

  /** Up to here other nodes may have records. */
  private volatile long offered;

  /**
   * The log was opened, or begins anew.
   *
   * @param committed the commit position
   * @param tail the last record; those above the commit position are pending
   */
  void start(long committed, long tail) {
    known = committed;
    kept = committed;
    lastPending = tail > committed ? tail : 0;
    firstPending = tail > committed ? committed + 1 : 0;
    awaited = 0;
    offered = tail;
  }

  /** A record was appended. */
  void appended(long txid, boolean pending) {
    if (!pending) {
      return;
    }
    if (lastPending <= known) {
      known = Math.max(known, txid - 1);
      firstPending = txid;
    }
    lastPending = txid;
  }

  /** Nothing after a record is left in the log; that one is not below the commit position. */
  void cut(long tail) {
    offered = Math.min(offered, tail);
    lastPending = Math.min(lastPending, tail);
  }

  /** Everything up to a transaction is committed; the log may not have all of it yet. */
  void raise(long txid) {
    if (txid > known) {
      known = txid;
      if (lastPending > txid) {
        firstPending = Math.max(firstPending, txid + 1);
      }
    }
  }

  /** The disk says that everything up to a transaction is committed. */
  void keep(long txid) {
    kept = Math.max(kept, txid);
  }

  /** What was appended may be sent. */
  void offer(long txid) {
    offered = Math.max(offered, txid);
  }

  void await(long txid) {
    awaited = txid;
  }

  /** The commit position. */
  long known() {
    return known;
  }

  long offered() {
    return offered;
  }

  /** What a record that is about to be appended says of the commit position. */
  long toBeWritten(long tail, boolean pending) {
    return pending && lastPending <= known ? Math.max(known, tail) : known;
  }

  /** Whether a transaction is known to be committed, given that the log has it. */
  boolean isCommitted(long txid) {
    long last = lastPending;
    long first = firstPending;
    return last <= known || txid <= known || txid < first;
  }

  /** The last transaction that may be shown by anybody but its writer. */
  long showable() {
    long waiting = awaited;
    long first = firstPending; // read first: it grows before known does
    long limit = lastPending <= known ? Long.MAX_VALUE : Math.max(known, first - 1);
    return waiting == 0 ? limit : Math.min(limit, waiting - 1);
  }

  /** Whether recovery would know that a transaction is committed. */
  boolean isKept(long txid) {
    return txid <= kept || lastPending <= kept;
  }
}
