package io.tidemark.node.config;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * The settings that were given, by full key, each with the place it came from. Getters convert,
 * fall back to the key's default, and name the place when a value does not fit.
 */
final class ConfigValues {
  /**
   * One given value.
   *
   * @param place where it was written, such as {@code tidemark.yml line 3} or {@code --fuse-dir}
   * @param text the scalar; null when the value is a list
   * @param items the items; null when the value is a scalar
   */
  record Value(String place, String text, List<Item> items) {}

  /** One item of a list: a scalar, or (only below {@code exec}) a map of scalars. */
  record Item(String place, String text, Map<String, Value> fields) {}

  /** Turns text into a value; its IllegalArgumentException says what was expected. */
  private interface Parser<T> {
    T parse(String text);
  }

  private final Map<String, Value> values = new HashMap<>();

  void put(String key, Value value) {
    values.put(key, value);
  }

  void putAll(ConfigValues other) {
    values.putAll(other.values);
  }

  boolean isSet(String key) {
    return values.containsKey(key);
  }

  Value get(String key) {
    return values.get(key);
  }

  /** Where the key was given, or its name when it was not. */
  String place(String key) {
    Value value = values.get(key);
    return value == null ? key : value.place();
  }

  /** The text, or null when neither given nor defaulted. */
  String text(String key) throws ConfigException {
    String text = parse(key, t -> t);
    return text.isEmpty() ? null : text;
  }

  boolean bool(String key) throws ConfigException {
    return parse(key, ConfigValues::parseBoolean);
  }

  Duration duration(String key) throws ConfigException {
    return parse(key, DurationText::parse);
  }

  /** A duration, or null for {@code auto}. */
  Duration durationOrAuto(String key) throws ConfigException {
    return parse(
        key,
        text -> {
          try {
            return text.equals("auto") ? null : DurationText.parse(text);
          } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(e.getMessage() + ", or auto", e);
          }
        });
  }

  long size(String key) throws ConfigException {
    return parse(key, SizeText::parse);
  }

  int integer(String key) throws ConfigException {
    return parse(key, ConfigValues::parseInteger);
  }

  private static int parseInteger(String text) {
    try {
      return Integer.parseInt(text);
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException("a whole number", e);
    }
  }

  String choice(String key) throws ConfigException {
    List<String> choices = ConfigKey.find(key).choices();
    return parse(
        key,
        text -> {
          if (!choices.contains(text)) {
            throw new IllegalArgumentException(
                "one of " + String.join(", ", choices) + nearest(text, choices));
          }
          return text;
        });
  }

  /** An absolute path, or null. */
  Path path(String key) throws ConfigException {
    return parse(
        key,
        text -> {
          try {
            return text.isEmpty() ? null : Path.of(text).toAbsolutePath().normalize();
          } catch (InvalidPathException e) {
            throw new IllegalArgumentException("a path", e);
          }
        });
  }

  HostPort hostPort(String key) throws ConfigException {
    return parse(key, HostPort::parse);
  }

  /** The items of a list; a scalar counts as a list of one. */
  List<String> list(String key) throws ConfigException {
    Value value = values.get(key);
    if (value == null) {
      return List.of();
    }
    if (value.items() == null) {
      return value.text().isEmpty() ? List.of() : List.of(value.text());
    }
    for (Item item : value.items()) {
      if (item.text() == null) {
        throw new ConfigException(item.place() + ": " + key + " takes plain items, not maps.");
      }
    }
    return value.items().stream().map(Item::text).toList();
  }

  /** The items of a list of whole numbers. */
  List<Integer> integers(String key) throws ConfigException {
    List<Integer> numbers = new ArrayList<>();
    for (String text : list(key)) {
      numbers.add(convert(key, new Value(place(key), text, null), ConfigValues::parseInteger));
    }
    return List.copyOf(numbers);
  }

  static boolean parseBoolean(String text) {
    return switch (text.toLowerCase(Locale.ROOT)) {
      case "true", "yes", "on" -> true;
      case "false", "no", "off" -> false;
      default -> throw new IllegalArgumentException("true or false");
    };
  }

  private <T> T parse(String key, Parser<T> parser) throws ConfigException {
    Value value = values.get(key);
    if (value == null) {
      return parser.parse(ConfigKey.find(key).defaultText());
    }
    if (value.text() == null) {
      throw new ConfigException(value.place() + ": " + key + " takes one value, not a list.");
    }
    return convert(key, value, parser);
  }

  private static <T> T convert(String key, Value value, Parser<T> parser) throws ConfigException {
    try {
      return parser.parse(value.text());
    } catch (IllegalArgumentException e) {
      throw new ConfigException(
          value.place()
              + ": "
              + key
              + " must be "
              + e.getMessage()
              + ", not '"
              + value.text()
              + "'.");
    }
  }

  private static String nearest(String text, List<String> choices) {
    return text.isEmpty() ? "" : " (did you mean " + NearestKey.of(text, choices) + "?)";
  }
}
