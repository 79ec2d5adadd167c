package io.tidemark.ltx;

import java.util.Objects;
import java.util.Optional;

/**
 * The name of an LTX file, {@code MIN-MAX.ltx} with both transaction IDs as 16 lower-case hex
 * digits, so that names sort in transaction order.
 *
 * @param min the first transaction in the file, at least 1
 * @param max the last transaction in the file, not below {@code min}
 */
public record LtxFileName(Txid min, Txid max) {

  /** The suffix including its dot. */
  public static final String SUFFIX = ".ltx";

  private static final int LENGTH = 2 * Hex16.LENGTH + 1 + SUFFIX.length();

  public LtxFileName {
    Objects.requireNonNull(min, "min");
    Objects.requireNonNull(max, "max");
    if (min.isZero() || min.compareTo(max) > 0) {
      throw new IllegalArgumentException(
          "LTX file name: expected 1 <= min <= max, got " + min + " and " + max);
    }
  }

  /** The name of a file that holds the transactions from {@code min} to {@code max}. */
  public static String format(Txid min, Txid max) {
    return new LtxFileName(min, max).toString();
  }

  /**
   * Reads a file name.
   *
   * @throws IllegalArgumentException if this is not the name of an LTX file
   */
  public static LtxFileName parse(String name) {
    if (name.length() != LENGTH || name.charAt(Hex16.LENGTH) != '-' || !name.endsWith(SUFFIX)) {
      throw new IllegalArgumentException(
          "LTX file name: expected 16 hex digits, '-', 16 hex digits, \".ltx\"; got \""
              + name
              + "\"");
    }
    return new LtxFileName(
        Txid.parse(name.substring(0, Hex16.LENGTH)),
        Txid.parse(name.substring(Hex16.LENGTH + 1, LENGTH - SUFFIX.length())));
  }

  /** As {@link #parse}, but empty for other names: for listing a directory with temporary files. */
  public static Optional<LtxFileName> tryParse(String name) {
    try {
      return Optional.of(parse(name));
    } catch (IllegalArgumentException notAnLtxName) {
      return Optional.empty();
    }
  }

  @Override
  public String toString() {
    return min + "-" + max + SUFFIX;
  }
}
