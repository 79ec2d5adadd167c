package io.tidemark.ltx;

import java.util.Objects;

/**
 * A replication position: the last transaction applied and the rolling checksum of the database
 * after it. Two nodes hold the same history only if both parts agree.
 *
 * @param txid the last transaction
 * @param checksum the rolling checksum after that transaction
 */
public record Pos(Txid txid, Checksum checksum) {

  /** The position of a database that has never existed. */
  public static final Pos ZERO = new Pos(Txid.ZERO, Checksum.ZERO);

  /** Length of the text form: two 16-digit numbers and a slash. */
  public static final int TEXT_LENGTH = 2 * Hex16.LENGTH + 1;

  public Pos {
    Objects.requireNonNull(txid, "txid");
    Objects.requireNonNull(checksum, "checksum");
  }

  public static Pos of(long txid, long checksum) {
    return new Pos(new Txid(txid), new Checksum(checksum));
  }

  /**
   * Reads {@code txid/checksum}, 33 characters.
   *
   * @throws IllegalArgumentException if the text has any other form
   */
  public static Pos parse(CharSequence text) {
    if (text.length() != TEXT_LENGTH || text.charAt(Hex16.LENGTH) != '/') {
      throw new IllegalArgumentException(
          "position: expected 16 hex digits, '/', 16 hex digits; got \"" + text + "\"");
    }
    return new Pos(
        Txid.parse(text.subSequence(0, Hex16.LENGTH)),
        Checksum.parse(text.subSequence(Hex16.LENGTH + 1, TEXT_LENGTH)));
  }

  public boolean isZero() {
    return txid.isZero() && checksum.value() == 0;
  }

  @Override
  public String toString() {
    return txid + "/" + checksum;
  }
}
