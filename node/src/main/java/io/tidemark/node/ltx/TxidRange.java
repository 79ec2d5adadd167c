package io.tidemark.node.ltx;

import io.tidemark.ltx.LtxHeader;
import io.tidemark.ltx.Txid;

/**
 * The transactions that were asked for.
 *
 * @param from the first, unsigned; 0 for the beginning
 * @param to the last, unsigned; -1 for the end
 */
public record TxidRange(long from, long to) {
  /** Everything. */
  public static final TxidRange ALL = new TxidRange(0, -1);

  /**
   * Reads the two ends, each null, 16 hex digits as shown by the tools, or a decimal number.
   *
   * @throws IllegalArgumentException when one is neither, or they are in the wrong order
   */
  public static TxidRange parse(String from, String to) {
    TxidRange range =
        new TxidRange(from == null ? 0 : parseTxid(from), to == null ? -1 : parseTxid(to));
    if (Long.compareUnsigned(range.from, range.to) > 0) {
      throw new IllegalArgumentException("--from lies after --to.");
    }
    return range;
  }

  static long parseTxid(String text) {
    try {
      return text.length() == 16 ? Txid.parse(text).value() : Long.parseUnsignedLong(text);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(
          "'" + text + "' is no transaction ID: give 16 hex digits or a decimal number.", e);
    }
  }

  /** Whether the file lies wholly within the range. */
  public boolean contains(LtxHeader header) {
    return Long.compareUnsigned(header.minTxid(), from) >= 0
        && Long.compareUnsigned(header.maxTxid(), to) <= 0;
  }

  /** Whether nothing that is wanted can follow the file. */
  public boolean endsWith(LtxHeader header) {
    return Long.compareUnsigned(header.minTxid(), to) >= 0;
  }

  /** Whether the file holds a transaction of the range. */
  public boolean overlaps(LtxHeader header) {
    return Long.compareUnsigned(header.maxTxid(), from) >= 0
        && Long.compareUnsigned(header.minTxid(), to) <= 0;
  }
}
