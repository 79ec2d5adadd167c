package io.tidemark.node.json;

import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * JSON as plain values: {@code Map}, {@code List}, {@code String}, {@code Number}, {@code Boolean}
 * and null. Enough for the API and the log; streams and binding are not its subject.
 */
public final class Json {
  private Json() {}

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
    return io.tidemark.lease.support.Json.write(value);
  }

  /**
   * Parses one JSON value.
   *
   * @throws IllegalArgumentException when the text is not exactly one value; says where
   */
  public static Object parse(String text) {
    try {
      return io.tidemark.lease.support.Json.parse(text);
    } catch (IOException e) {
      throw new IllegalArgumentException("not JSON: " + e.getMessage(), e);
    }
  }
}
