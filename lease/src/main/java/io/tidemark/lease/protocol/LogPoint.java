package io.tidemark.lease.protocol;

import java.util.HexFormat;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A place in the log of one database: the last transaction up to there.
 *
 * @param epoch of that transaction, 1 to 2^63-1; 0 before the first one
 * @param txid 1 to 2^63-1; 0 before the first one
 * @param checksum rolling checksum after it, bit 63 set; 0 before the first one
 */
public record LogPoint(long epoch, long txid, long checksum) {
  /** Before the first transaction. */
  public static final LogPoint NONE = new LogPoint(0, 0, 0);

  private static final Pattern TEXT =
      Pattern.compile("([0-9]{1,19})/([0-9a-f]{16})/([0-9a-f]{16})");

  /**
   * @throws IllegalArgumentException unless all are 0 or all are in range
   */
  public LogPoint {
    boolean none = epoch == 0 && txid == 0 && checksum == 0;
    if (!none && (epoch < 1 || txid < 1 || checksum >= 0)) {
      throw new IllegalArgumentException(
          "no place in a log: epoch " + epoch + ", TXID " + txid + ", checksum " + checksum);
    }
  }

  /**
   * Reads the text form.
   *
   * @throws IllegalArgumentException if it is not one
   */
  public static LogPoint parse(String text) {
    Matcher matcher = TEXT.matcher(text);
    if (!matcher.matches()) {
      throw new IllegalArgumentException(
          "expected EPOCH/TXID/CHECKSUM, got a text of " + text.length() + " characters");
    }
    return new LogPoint(
        Long.parseLong(matcher.group(1)),
        Long.parseUnsignedLong(matcher.group(2), 16),
        Long.parseUnsignedLong(matcher.group(3), 16));
  }

  public boolean isNone() {
    return txid == 0;
  }

  /**
   * Whether a log that ends here may contain {@code other}: along one history neither epoch nor
   * TXID ever decreases, and one (epoch, TXID) has one content.
   */
  public boolean mayContain(LogPoint other) {
    if (epoch < other.epoch || txid < other.txid) {
      return false;
    }
    return txid > other.txid || equals(other);
  }

  /** Whether this is the end of a longer tail than the other: the later epoch, then the TXID. */
  public boolean isLaterThan(LogPoint other) {
    return epoch != other.epoch ? epoch > other.epoch : txid > other.txid;
  }

  /** {@code EPOCH/TXID/CHECKSUM}: decimal, and 16 hexadecimal digits each. */
  @Override
  public String toString() {
    HexFormat hex = HexFormat.of();
    return epoch + "/" + hex.toHexDigits(txid) + "/" + hex.toHexDigits(checksum);
  }
}
