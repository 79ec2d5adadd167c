package io.tidemark.stream;

import java.util.HexFormat;

/**
 * A random 64-bit identifier: of a cluster, a node, an incarnation of a data directory or a running
 * process.
 *
 * @param value all 64 bits; 0 stands for "none"
 */
public record Id(long value) {
  public static final Id NONE = new Id(0);

  private static final HexFormat HEX = HexFormat.of();

  /**
   * Reads the text form.
   *
   * @throws IllegalArgumentException unless the text is 16 lower-case hex digits
   */
  public static Id parse(String text) {
    if (!text.matches("[0-9a-f]{16}")) {
      throw new IllegalArgumentException(
          "identifier: expected 16 lower-case hex digits, got \"" + text + "\"");
    }
    return new Id(Long.parseUnsignedLong(text, 16));
  }

  public boolean isNone() {
    return value == 0;
  }

  /** 16 lower-case hex digits. */
  @Override
  public String toString() {
    return HEX.toHexDigits(value);
  }
}
