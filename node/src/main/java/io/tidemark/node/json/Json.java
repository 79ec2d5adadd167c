package io.tidemark.node.json;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * JSON as plain values: {@code Map}, {@code List}, {@code String}, {@code Number}, {@code Boolean}
 * and null. Enough for the API and the log; streams and binding are not its subject.
 */
public final class Json {
  private static final int MAX_DEPTH = 100;

  private final String text;
  private int at;

  private Json(String text) {
    this.text = text;
  }

  /** An object with the given keys and values in turn, in this order. */
  public static Map<String, Object> object(Object... keysAndValues) {
    Map<String, Object> object = new LinkedHashMap<>();
    for (int i = 0; i < keysAndValues.length; i += 2) {
      object.put((String) keysAndValues[i], keysAndValues[i + 1]);
    }
    return object;
  }

  /** The compact text of a value, on one line. */
  public static String write(Object value) {
    StringBuilder out = new StringBuilder();
    write(out, value);
    return out.toString();
  }

  private static void write(StringBuilder out, Object value) {
    if (value == null || value instanceof Boolean) {
      out.append(value);
    } else if (value instanceof Number number) {
      double d = number.doubleValue();
      out.append(Double.isNaN(d) || Double.isInfinite(d) ? "null" : number.toString());
    } else if (value instanceof Map<?, ?> map) {
      out.append('{');
      String separator = "";
      for (Map.Entry<?, ?> entry : map.entrySet()) {
        out.append(separator);
        quote(out, entry.getKey().toString());
        out.append(':');
        write(out, entry.getValue());
        separator = ",";
      }
      out.append('}');
    } else if (value instanceof Iterable<?> items) {
      out.append('[');
      String separator = "";
      for (Object item : items) {
        out.append(separator);
        write(out, item);
        separator = ",";
      }
      out.append(']');
    } else {
      quote(out, value.toString());
    }
  }

  private static void quote(StringBuilder out, String value) {
    out.append('"');
    for (int i = 0; i < value.length(); i++) {
      char c = value.charAt(i);
      switch (c) {
        case '"' -> out.append("\\\"");
        case '\\' -> out.append("\\\\");
        case '\n' -> out.append("\\n");
        case '\r' -> out.append("\\r");
        case '\t' -> out.append("\\t");
        default -> {
          if (c < 0x20 || c == 0x7f || c == 0x2028 || c == 0x2029 || isLoneSurrogate(value, i)) {
            out.append(String.format("\\u%04x", (int) c));
          } else {
            out.append(c);
          }
        }
      }
    }
    out.append('"');
  }

  private static boolean isLoneSurrogate(String value, int i) {
    char c = value.charAt(i);
    if (Character.isHighSurrogate(c)) {
      return i + 1 == value.length() || !Character.isLowSurrogate(value.charAt(i + 1));
    }
    return Character.isLowSurrogate(c)
        && (i == 0 || !Character.isHighSurrogate(value.charAt(i - 1)));
  }

  /**
   * Parses one JSON value.
   *
   * @throws IllegalArgumentException when the text is not exactly one value; says where
   */
  public static Object parse(String text) {
    Json json = new Json(text);
    Object value = json.value(0);
    json.blanks();
    if (json.at != text.length()) {
      throw json.unexpected();
    }
    return value;
  }

  private Object value(int depth) {
    blanks();
    if (depth > MAX_DEPTH || at == text.length()) {
      throw unexpected();
    }
    return switch (text.charAt(at)) {
      case '{' -> map(depth);
      case '[' -> list(depth);
      case '"' -> string();
      case 't' -> word("true", Boolean.TRUE);
      case 'f' -> word("false", Boolean.FALSE);
      case 'n' -> word("null", null);
      default -> number();
    };
  }

  private Map<String, Object> map(int depth) {
    Map<String, Object> map = new LinkedHashMap<>();
    at++;
    if (next('}')) {
      return map;
    }
    do {
      blanks();
      String key = string();
      if (!next(':')) {
        throw unexpected();
      }
      map.put(key, value(depth + 1));
    } while (next(','));
    if (!next('}')) {
      throw unexpected();
    }
    return map;
  }

  private List<Object> list(int depth) {
    List<Object> list = new ArrayList<>();
    at++;
    if (next(']')) {
      return list;
    }
    do {
      list.add(value(depth + 1));
    } while (next(','));
    if (!next(']')) {
      throw unexpected();
    }
    return list;
  }

  private String string() {
    if (at == text.length() || text.charAt(at) != '"') {
      throw unexpected();
    }
    StringBuilder out = new StringBuilder();
    at++;
    while (at < text.length() && text.charAt(at) != '"') {
      char c = text.charAt(at++);
      if (c < 0x20) {
        at--;
        throw unexpected();
      }
      out.append(c == '\\' ? escape() : c);
    }
    if (at == text.length()) {
      throw unexpected();
    }
    at++;
    return out.toString();
  }

  private char escape() {
    if (at == text.length()) {
      throw unexpected();
    }
    char c = text.charAt(at++);
    switch (c) {
      case '"', '\\', '/':
        return c;
      case 'b':
        return '\b';
      case 'f':
        return '\f';
      case 'n':
        return '\n';
      case 'r':
        return '\r';
      case 't':
        return '\t';
      case 'u':
        if (at + 4 <= text.length() && text.substring(at, at + 4).matches("[0-9a-fA-F]{4}")) {
          at += 4;
          return (char) Integer.parseInt(text.substring(at - 4, at), 16);
        }
        throw unexpected();
      default:
        at--;
        throw unexpected();
    }
  }

  private Object number() {
    int start = at;
    while (at < text.length() && "+-.0123456789eE".indexOf(text.charAt(at)) >= 0) {
      at++;
    }
    String digits = text.substring(start, at);
    if (!digits.matches("-?(0|[1-9]\\d*)(\\.\\d+)?([eE][+-]?\\d+)?")) {
      at = start;
      throw unexpected();
    }
    if (digits.matches("-?\\d{1,18}")) {
      return Long.valueOf(digits);
    }
    return new BigDecimal(digits);
  }

  private Object word(String word, Object value) {
    if (!text.startsWith(word, at)) {
      throw unexpected();
    }
    at += word.length();
    return value;
  }

  private boolean next(char expected) {
    blanks();
    if (at < text.length() && text.charAt(at) == expected) {
      at++;
      return true;
    }
    return false;
  }

  private void blanks() {
    while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) {
      at++;
    }
  }

  private IllegalArgumentException unexpected() {
    String found = at < text.length() ? "'" + text.charAt(at) + "'" : "end of text";
    return new IllegalArgumentException("not JSON: unexpected " + found + " at offset " + at);
  }
}
