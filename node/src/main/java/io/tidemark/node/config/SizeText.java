package io.tidemark.node.config;

import java.math.BigDecimal;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Sizes in bytes as people write them: {@code 64MB}, {@code 1GiB}, {@code 4096}. KB, MB, GB and TB
 * are powers of 1000, KiB, MiB, GiB and TiB powers of 1024.
 */
public final class SizeText {
  private static final Pattern SIZE =
      Pattern.compile("(\\d+(?:\\.\\d+)?)\\s*(b|kb|mb|gb|tb|kib|mib|gib|tib)?");

  private SizeText() {}

  /**
   * Parses a size.
   *
   * @throws IllegalArgumentException when the text is none; the message says what is expected
   */
  public static long parse(String text) {
    Matcher size = SIZE.matcher(text.trim().toLowerCase(Locale.ROOT));
    if (!size.matches()) {
      throw new IllegalArgumentException("a size, such as 64MB or 1GiB");
    }
    String unit = size.group(2) == null ? "b" : size.group(2);
    int power = "bkmgt".indexOf(unit.charAt(0));
    long base = unit.length() == 3 ? 1024 : 1000;
    BigDecimal bytes = new BigDecimal(size.group(1)).multiply(BigDecimal.valueOf(base).pow(power));
    if (bytes.compareTo(BigDecimal.valueOf(Long.MAX_VALUE)) > 0) {
      throw new IllegalArgumentException("a size below 8 EiB");
    }
    return bytes.longValue();
  }

  /** For people: two or three digits and a binary unit, such as {@code 1.5 MiB}. */
  public static String format(long bytes) {
    if (bytes < 1024) {
      return bytes + " B";
    }
    double value = bytes;
    int unit = -1;
    do {
      value /= 1024;
      unit++;
    } while (value >= 1024 && unit < 4);
    return String.format(
        Locale.ROOT, value < 10 ? "%.1f %ciB" : "%.0f %ciB", value, "KMGTP".charAt(unit));
  }
}
