package io.tidemark.lease.support;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonFactoryBuilder;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * JSON as plain values: {@code Map}, {@code List}, {@code String}, {@code Number}, {@code Boolean}
 * and null. What is read and written again keeps every field, known or not.
 */
public final class Json {
  /** Surrogates are escaped, so that a lone one in some name survives a text in UTF-8. */
  private static final JsonFactory FACTORY =
      new JsonFactoryBuilder().highestNonEscapedChar(Character.MIN_SURROGATE - 1).build();

  private Json() {}

  /**
   * @throws IOException when the text is not exactly one JSON object
   */
  public static Map<String, Object> parseObject(String text) throws IOException {
    if (parse(text) instanceof Map<?, ?> map) {
      return asObject(map);
    }
    throw new IOException("not a JSON object");
  }

  /**
   * @throws IOException when the text is not exactly one JSON value
   */
  public static Object parse(String text) throws IOException {
    try (JsonParser parser = FACTORY.createParser(text)) {
      parser.nextToken();
      Object value = value(parser);
      if (parser.nextToken() != null) {
        throw new IOException("more than one JSON value");
      }
      return value;
    } catch (JsonProcessingException e) {
      // The library's message goes over several lines.
      JsonLocation where = e.getLocation();
      throw new IOException(
          e.getOriginalMessage() + (where == null ? "" : " at offset " + where.getCharOffset()), e);
    }
  }

  private static Object value(JsonParser parser) throws IOException {
    JsonToken token = parser.currentToken();
    if (token == null) {
      throw new IOException("JSON ends too early");
    }
    return switch (token) {
      case START_OBJECT -> {
        Map<String, Object> map = new LinkedHashMap<>();
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
          String name = parser.currentName();
          parser.nextToken();
          map.put(name, value(parser));
        }
        yield map;
      }
      case START_ARRAY -> {
        List<Object> list = new ArrayList<>();
        while (parser.nextToken() != JsonToken.END_ARRAY) {
          list.add(value(parser));
        }
        yield list;
      }
      case VALUE_STRING -> parser.getText();
      case VALUE_NUMBER_INT ->
          parser.getNumberType() == JsonParser.NumberType.BIG_INTEGER
              ? parser.getBigIntegerValue()
              : (Number) parser.getLongValue();
      case VALUE_NUMBER_FLOAT -> parser.getDecimalValue();
      case VALUE_TRUE -> Boolean.TRUE;
      case VALUE_FALSE -> Boolean.FALSE;
      case VALUE_NULL -> null;
      default -> throw new IOException("unexpected " + token + " in JSON");
    };
  }

  /**
   * The compact text of a value, on one line. What is none of the above is written as its text, and
   * a number that JSON does not have as null.
   */
  public static String write(Object value) {
    StringWriter out = new StringWriter();
    try (JsonGenerator generator = FACTORY.createGenerator(out)) {
      write(generator, value);
    } catch (IOException e) {
      throw new UncheckedIOException(e); // A string takes everything.
    }
    return out.toString();
  }

  private static void write(JsonGenerator out, Object value) throws IOException {
    if (value instanceof Map<?, ?> map) {
      out.writeStartObject();
      for (Map.Entry<?, ?> entry : map.entrySet()) {
        out.writeFieldName(entry.getKey().toString());
        write(out, entry.getValue());
      }
      out.writeEndObject();
    } else if (value instanceof Iterable<?> items) {
      out.writeStartArray();
      for (Object item : items) {
        write(out, item);
      }
      out.writeEndArray();
    } else if (value == null || value instanceof Double d && !Double.isFinite(d)) {
      out.writeNull();
    } else if (value instanceof Number) {
      out.writeNumber(value.toString());
    } else if (value instanceof Boolean flag) {
      out.writeBoolean(flag);
    } else {
      out.writeString(value.toString());
    }
  }

  /** The object in a field, or an empty one. */
  public static Map<String, Object> object(Map<String, Object> from, String field) {
    return from.get(field) instanceof Map<?, ?> map ? asObject(map) : Map.of();
  }

  /** The object in a field; made if there is none. */
  public static Map<String, Object> objectToChange(Map<String, Object> from, String field) {
    Map<String, Object> made = object(from, field);
    if (!(from.get(field) instanceof Map<?, ?>)) {
      made = new LinkedHashMap<>();
      from.put(field, made);
    }
    return made;
  }

  /** The text in a field, or an empty one. */
  public static String text(Map<String, Object> from, String field) {
    return from.get(field) instanceof String text ? text : "";
  }

  /** The whole number in a field, or 0. */
  public static long number(Map<String, Object> from, String field) {
    return from.get(field) instanceof Number number ? number.longValue() : 0;
  }

  @SuppressWarnings("unchecked") // keys of JSON objects are strings
  public static Map<String, Object> asObject(Map<?, ?> map) {
    return (Map<String, Object>) map;
  }
}
