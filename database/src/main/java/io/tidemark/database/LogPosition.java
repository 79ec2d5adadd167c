package io.tidemark.database;

/**
 * A place in the history of a database. Two are equal only if all three numbers are.
 *
 * @param epoch epoch of the last record, 0 before the first
 * @param txid last transaction, 0 before the first
 * @param checksum rolling checksum after it, bit 63 set; 0 before the first
 */
public record LogPosition(long epoch, long txid, long checksum) {
  public static final LogPosition NONE = new LogPosition(0, 0, 0);
}
