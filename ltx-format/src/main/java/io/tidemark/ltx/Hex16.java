package io.tidemark.ltx;

/** The one text form of 64-bit identifiers: 16 lower-case hexadecimal digits. */
final class Hex16 {

  static final int LENGTH = 16;

  private static final String DIGITS = "0123456789abcdef";

  private Hex16() {}

  static String format(long value) {
    char[] text = new char[LENGTH];
    for (int i = LENGTH - 1; i >= 0; i--) {
      text[i] = DIGITS.charAt((int) (value & 0xf));
      value >>>= 4;
    }
    return new String(text);
  }

  /** Upper-case digits, signs and blanks are refused: one value has exactly one text. */
  static long parse(String what, CharSequence text) {
    if (text.length() != LENGTH) {
      throw new IllegalArgumentException(
          what + ": expected 16 lower-case hex digits, got \"" + text + "\"");
    }
    long value = 0;
    for (int i = 0; i < LENGTH; i++) {
      int digit = DIGITS.indexOf(text.charAt(i));
      if (digit < 0) {
        throw new IllegalArgumentException(
            what + ": expected 16 lower-case hex digits, got \"" + text + "\"");
      }
      value = value << 4 | digit;
    }
    return value;
  }
}
