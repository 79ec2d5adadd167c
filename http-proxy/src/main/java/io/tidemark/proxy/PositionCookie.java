package io.tidemark.proxy;

import io.tidemark.proxy.LocalPositions.Mark;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;

/**
 * What a client has seen, as it carries it in the cookie {@code __txid}: for each database its name
 * (percent-encoded), epoch and TXID, as in {@code app.db:2-1f|log.db:2-7}, both numbers in
 * hexadecimal digits. LiteFS's form, a TXID of 16 hexadecimal digits, means the first database and
 * no epoch.
 */
final class PositionCookie {
  static final String NAME = "__txid";

  /** As LiteFS. */
  private static final int MAX_AGE_SECONDS = 300;

  private static final int MAX_VALUE = 2048;
  private static final int MAX_DATABASES = 16;
  private static final String UNESCAPED = "-._~+@";

  /**
   * What one database must have.
   *
   * @param database null for the first one that is configured
   * @param mark of epoch 0 if the epoch does not matter
   */
  record Seen(String database, Mark mark) {
    boolean isReachedBy(Mark here) {
      return mark.epoch() == 0 ? here.txid() >= mark.txid() : here.hasReached(mark);
    }
  }

  private PositionCookie() {}

  /**
   * Finds the cookie among all that a request has.
   *
   * @param headers values of all Cookie headers
   * @return empty if there is none, or if it cannot be understood
   */
  static List<Seen> find(List<String> headers) {
    for (String header : headers) {
      int at = 0;
      while (at < header.length()) {
        int end = header.indexOf(';', at);
        end = end < 0 ? header.length() : end;
        String pair = header.substring(at, end).strip();
        if (pair.startsWith(NAME + "=")) {
          return parse(pair.substring(NAME.length() + 1));
        }
        at = end + 1;
      }
    }
    return List.of();
  }

  static List<Seen> parse(String text) {
    String value =
        text.length() > 1 && text.startsWith("\"") && text.endsWith("\"")
            ? text.substring(1, text.length() - 1)
            : text;
    if (value.length() > MAX_VALUE) {
      return List.of();
    }
    try {
      if (value.length() == 16) {
        Seen plain = plain(value);
        if (plain != null) {
          return List.of(plain);
        }
      }
      List<Seen> all = new ArrayList<>();
      for (String item : value.split("\\|", MAX_DATABASES + 1)) {
        int colon = item.lastIndexOf(':');
        int dash = item.indexOf('-', colon + 1);
        if (colon <= 0 || dash < 0 || all.size() == MAX_DATABASES) {
          return List.of();
        }
        Mark mark = new Mark(hex(item, colon + 1, dash), hex(item, dash + 1, item.length()));
        all.add(new Seen(decoded(item.substring(0, colon)), mark));
      }
      return all;
    } catch (IllegalArgumentException e) {
      return List.of(); // whoever made that, it is none of ours
    }
  }

  private static Seen plain(String value) {
    for (int i = 0; i < value.length(); i++) {
      if (!HexFormat.isHexDigit(value.charAt(i))) {
        return null;
      }
    }
    long txid = HexFormat.fromHexDigitsToLong(value);
    return txid < 0 ? null : new Seen(null, new Mark(0, txid));
  }

  private static long hex(String text, int from, int to) {
    long number = HexFormat.fromHexDigitsToLong(text, from, to);
    if (from == to || number < 0) {
      throw new IllegalArgumentException("not a positive number");
    }
    return number;
  }

  /**
   * The value of the Set-Cookie header, or null if there is nothing to say, or too much.
   *
   * @param marks by database
   */
  static String header(Map<String, Mark> marks) {
    StringBuilder value = new StringBuilder(NAME).append('=');
    String separator = "";
    for (Map.Entry<String, Mark> entry : marks.entrySet()) {
      value.append(separator).append(encoded(entry.getKey())).append(':');
      value.append(Long.toHexString(entry.getValue().epoch())).append('-');
      value.append(Long.toHexString(entry.getValue().txid()));
      separator = "|";
    }
    if (marks.isEmpty() || marks.size() > MAX_DATABASES || value.length() > MAX_VALUE) {
      return null;
    }
    return value
        .append("; Path=/; Max-Age=")
        .append(MAX_AGE_SECONDS)
        .append("; HttpOnly; SameSite=Lax")
        .toString();
  }

  private static boolean isPlain(int c) {
    return c >= 'a' && c <= 'z'
        || c >= 'A' && c <= 'Z'
        || c >= '0' && c <= '9'
        || UNESCAPED.indexOf(c) >= 0;
  }

  private static String encoded(String name) {
    StringBuilder out = new StringBuilder();
    for (byte b : name.getBytes(StandardCharsets.UTF_8)) {
      if (isPlain(b)) {
        out.append((char) b);
      } else {
        out.append('%').append(HexFormat.of().withUpperCase().toHexDigits(b));
      }
    }
    return out.toString();
  }

  private static String decoded(String text) {
    ByteArrayOutputStream out = new ByteArrayOutputStream(text.length());
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (isPlain(c)) {
        out.write(c);
      } else if (c != '%') {
        throw new IllegalArgumentException("a character that is not encoded");
      } else {
        if (i + 2 >= text.length()) {
          throw new IllegalArgumentException("a % without its digits");
        }
        out.write(HexFormat.fromHexDigits(text, i + 1, i + 3));
        i += 2;
      }
    }
    return out.toString(StandardCharsets.UTF_8);
  }
}
