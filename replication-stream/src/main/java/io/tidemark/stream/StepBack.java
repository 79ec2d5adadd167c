package io.tidemark.stream;

import io.tidemark.ltx.Txid;

/**
 * Finds where the histories of two nodes may have parted, a step closer each time they talk.
 *
 * <p>Within one epoch a single primary appends, so of one epoch two nodes have the same records up
 * to the end of the shorter one. The primary therefore names its own last transaction of the
 * replica's last epoch, or of the one before that it knows; the replica goes back to the last of
 * its own that is not later, and offers that the next time. Each step is lower than the one before.
 */
public final class StepBack {
  private StepBack() {}

  /**
   * The last position of the primary that the replica may have too.
   *
   * @param replica the replica's last record, which the primary does not have
   * @return {@link Position#NONE} when nothing is known that far back: the replica sets aside all
   */
  public static Position candidate(Position replica, PrimaryHistory primary) {
    long low = primary.firstInLog().value();
    Position end = primary.position();
    long high = Math.min(replica.txid().value(), end.txid().value());
    Position found = low > 1 ? known(primary, low - 1) : Position.NONE;
    if (found.epoch() > replica.epoch()) {
      return Position.NONE;
    }
    // Epochs never decrease along a log: the last transaction of an epoch that is not later.
    while (low <= high) {
      long middle = low + (high - low) / 2;
      Position position = known(primary, middle);
      if (!position.isNone() && position.epoch() <= replica.epoch()) {
        found = position;
        low = middle + 1;
      } else {
        high = middle - 1;
      }
    }
    // The same TXID in the same epoch, and yet not the same: the one before may be.
    boolean refuted =
        found.epoch() == replica.epoch()
            && found.txid().equals(replica.txid())
            && !found.equals(replica);
    return refuted ? known(primary, found.txid().value() - 1) : found;
  }

  private static Position known(PrimaryHistory primary, long txid) {
    Position position =
        txid < 1
            ? null
            : txid == primary.position().txid().value()
                ? primary.position()
                : primary.at(new Txid(txid));
    return position == null ? Position.NONE : position;
  }
}
