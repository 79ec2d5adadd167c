package io.tidemark.stream;

import io.tidemark.database.DatabasePosition;
import io.tidemark.database.LogPosition;
import io.tidemark.ltx.Checksum;
import io.tidemark.ltx.Txid;
import java.util.Objects;

/**
 * How far a node has one database. Two nodes have the same history up to here only if all three
 * parts are equal: an old primary and its successor can both have a transaction 7, and even with
 * equal contents they came about in different epochs.
 *
 * @param epoch epoch in which the last transaction was committed, at least 1; 0 without one
 * @param txid last transaction, 1 to 2^63-1 (what a log can hold); 0 without one
 * @param checksum rolling checksum after it, marked; 0 without one
 */
public record Position(long epoch, Txid txid, Checksum checksum) {
  /** Before the first transaction. */
  public static final Position NONE = new Position(0, Txid.ZERO, Checksum.ZERO);

  public Position {
    Objects.requireNonNull(txid, "txid");
    Objects.requireNonNull(checksum, "checksum");
    boolean none = epoch == 0 && txid.isZero() && checksum.value() == 0;
    boolean some = epoch > 0 && txid.value() > 0 && checksum.isMarked();
    if (!none && !some) {
      throw new ProtocolException(
          ProtocolException.Kind.FIELD,
          "position: found epoch "
              + Long.toUnsignedString(epoch)
              + ", TXID "
              + txid
              + ", checksum "
              + checksum
              + ", expected all zero, or epoch and TXID from 1 to 2^63-1 and a checksum with bit 63"
              + " set");
    }
  }

  public static Position of(long epoch, long txid, long checksum) {
    return new Position(epoch, new Txid(txid), new Checksum(checksum));
  }

  /** What a node has: the epoch of a database that never had a transaction means nothing. */
  public static Position of(DatabasePosition position) {
    if (position.txid() == 0) {
      return NONE;
    }
    return of(position.epoch(), position.txid(), position.checksum());
  }

  /** The same for a place in a log. */
  public static Position of(LogPosition position) {
    return position.txid() == 0 ? NONE : of(position.epoch(), position.txid(), position.checksum());
  }

  public boolean isNone() {
    return txid.isZero();
  }

  /** {@code epoch:TXID/checksum}. */
  @Override
  public String toString() {
    return epoch + ":" + txid + "/" + checksum;
  }
}
