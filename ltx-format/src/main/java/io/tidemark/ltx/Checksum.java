package io.tidemark.ltx;

/**
 * A checksum as LTX stores it: 64 bits of which the topmost is a mark that is always set, so that a
 * real checksum is never 0. Only a database that has never existed has the value 0.
 *
 * @param value all 64 bits, mark included
 */
public record Checksum(long value) {

  /** The mark, bit 63. */
  public static final long FLAG = 1L << 63;

  /** The rolling checksum of a database without pages: the mark alone. */
  public static final Checksum EMPTY = new Checksum(FLAG);

  /** The value that stands for "no checksum". */
  public static final Checksum ZERO = new Checksum(0);

  /**
   * Reads the 16-digit text form.
   *
   * @throws IllegalArgumentException unless the text is 16 lower-case hex digits
   */
  public static Checksum parse(CharSequence text) {
    return new Checksum(Hex16.parse("checksum", text));
  }

  /** Whether the mark is set, as it must be in every stored checksum. */
  public boolean isMarked() {
    return value < 0;
  }

  /** 16 lower-case hex digits. */
  @Override
  public String toString() {
    return Hex16.format(value);
  }
}
