package io.tidemark.lease.protocol;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The part of JSON that a record is made of: objects, arrays, strings and whole numbers. Stricter
 * than most readers, because what decides who may write must have one meaning: no key twice, no
 * fraction or exponent, no lone surrogate, nothing deeper than a record is.
 */
final class JsonText {
  private static final int MAX_DEPTH = 4;

  private final String text;
  private int at;

  private JsonText(String text) {
    this.text = text;
  }

  /**
   * @return maps, lists, strings and Longs
   */
  static Object parse(String text) throws RecordFormatException {
    JsonText json = new JsonText(text);
    Object value = json.value(0);
    json.skipBlanks();
    if (json.at < text.length()) {
      throw json.error("the end of the text");
    }
    return value;
  }

  private Object value(int depth) throws RecordFormatException {
    if (depth > MAX_DEPTH) {
      throw error("at most " + MAX_DEPTH + " levels");
    }
    skipBlanks();
    return switch (peek()) {
      case '{' -> object(depth);
      case '[' -> array(depth);
      case '"' -> string();
      default -> number();
    };
  }

  private Map<String, Object> object(int depth) throws RecordFormatException {
    Map<String, Object> object = new LinkedHashMap<>();
    expect('{');
    skipBlanks();
    if (peek() == '}') {
      at++;
      return object;
    }
    while (true) {
      skipBlanks();
      int start = at;
      String key = string();
      if (object.containsKey(key)) {
        at = start;
        throw error("no key twice");
      }
      skipBlanks();
      expect(':');
      object.put(key, value(depth + 1));
      if (isLast('}')) {
        return object;
      }
    }
  }

  private List<Object> array(int depth) throws RecordFormatException {
    List<Object> array = new ArrayList<>();
    expect('[');
    skipBlanks();
    if (peek() == ']') {
      at++;
      return array;
    }
    do {
      array.add(value(depth + 1));
    } while (!isLast(']'));
    return array;
  }

  private boolean isLast(char end) throws RecordFormatException {
    skipBlanks();
    if (peek() == end) {
      at++;
      return true;
    }
    expect(',');
    return false;
  }

  private String string() throws RecordFormatException {
    expect('"');
    StringBuilder out = new StringBuilder();
    while (peek() != '"') {
      char c = text.charAt(at);
      if (c < 0x20) {
        throw error("no control character");
      }
      at++;
      out.append(c == '\\' ? escape() : c);
    }
    at++;
    for (int i = 0; i < out.length(); i++) {
      if (Character.isSurrogate(out.charAt(i))) {
        if (Character.isSupplementaryCodePoint(out.codePointAt(i))) {
          i++;
        } else {
          throw error("no lone surrogate before this");
        }
      }
    }
    return out.toString();
  }

  private char escape() throws RecordFormatException {
    char c = peek();
    at++;
    return switch (c) {
      case '"', '\\', '/' -> c;
      case 'b' -> '\b';
      case 'f' -> '\f';
      case 'n' -> '\n';
      case 'r' -> '\r';
      case 't' -> '\t';
      case 'u' -> unicode();
      default -> {
        at--;
        throw error("an escape of JSON");
      }
    };
  }

  private char unicode() throws RecordFormatException {
    int code = 0;
    for (int i = 0; i < 4; i++) {
      int digit = Character.digit(peek(), 16);
      if (digit < 0 || peek() > 'f') {
        throw error("four hexadecimal digits");
      }
      code = code * 16 + digit;
      at++;
    }
    return (char) code;
  }

  private Long number() throws RecordFormatException {
    int start = at;
    while (at < text.length() && text.charAt(at) >= '0' && text.charAt(at) <= '9') {
      at++;
    }
    String digits = text.substring(start, at);
    // 18 digits always fit; what is longer is either beyond all our numbers or begins with 0.
    boolean valid = !digits.isEmpty() && digits.length() <= 19;
    if (valid && (digits.equals("0") || digits.charAt(0) != '0')) {
      try {
        return Long.valueOf(digits);
      } catch (NumberFormatException e) {
        at = start;
        throw error("a number below 2^63");
      }
    }
    at = start;
    throw error("a value: an object, an array, a string or a whole number");
  }

  private void expect(char c) throws RecordFormatException {
    if (peek() != c) {
      throw error("'" + c + "'");
    }
    at++;
  }

  /** The next character; never past the end. */
  private char peek() throws RecordFormatException {
    if (at >= text.length()) {
      throw new RecordFormatException("the record ends too early, at offset " + text.length());
    }
    return text.charAt(at);
  }

  private void skipBlanks() {
    while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) {
      at++;
    }
  }

  private RecordFormatException error(String expected) {
    return new RecordFormatException(
        "the record is damaged at offset " + at + ": expected " + expected);
  }

  static void quote(StringBuilder out, String value) {
    out.append('"');
    for (int i = 0; i < value.length(); i++) {
      char c = value.charAt(i);
      if (c == '"' || c == '\\') {
        out.append('\\').append(c);
      } else if (c < 0x20 || c == 0x7f) {
        out.append(String.format("\\u%04x", (int) c));
      } else {
        out.append(c);
      }
    }
    out.append('"');
  }
}
