package io.tidemark.database;

import io.tidemark.ltx.Checksum;
import io.tidemark.ltx.Pos;
import io.tidemark.ltx.Txid;

/**
 * Where a committed image stands, and how large it is.
 *
 * @param epoch epoch of the last transaction
 * @param txid last transaction, 0 before the first
 * @param checksum rolling checksum, bit 63 set; 0 before the first transaction
 * @param pageSize bytes, 0 before the first transaction
 * @param pageCount pages; 0 for a name whose database was dropped or never had a transaction
 */
public record DatabasePosition(long epoch, long txid, long checksum, int pageSize, long pageCount) {
  static final DatabasePosition NONE = new DatabasePosition(0, 0, 0, 0, 0);

  /** TXID and checksum as types. */
  public Pos pos() {
    return new Pos(new Txid(txid), new Checksum(checksum));
  }

  /** {@code TXID/checksum}, 33 characters, as in a {@code -pos} file. */
  @Override
  public String toString() {
    return pos().toString();
  }
}
