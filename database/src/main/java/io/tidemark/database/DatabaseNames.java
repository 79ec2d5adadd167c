package io.tidemark.database;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/**
 * Names of databases, and how they appear on disk.
 *
 * <p>A name is the path below the mount, "/" between components. On disk every byte outside {@code
 * A-Za-z0-9._-} is written as {@code %XX}, so that a name is one directory entry in plain ASCII
 * whatever the locale, and can never lead out of its directory.
 */
public final class DatabaseNames {
  private static final int MAX_COMPONENT_BYTES = 255;
  private static final String[] RESERVED_SUFFIXES = {"-journal", "-wal", "-shm", "-pos"};

  private DatabaseNames() {}

  /**
   * Why no database can have this name, or null if one can.
   *
   * @param name as a user gave it
   */
  public static String problem(String name) {
    if (name == null || name.isEmpty()) {
      return "the name is empty";
    }
    if (!StandardCharsets.UTF_8.newEncoder().canEncode(name)) {
      return "the name is not valid Unicode";
    }
    for (String component : name.split("/", -1)) {
      if (component.isEmpty() || component.equals(".") || component.equals("..")) {
        return "'" + component + "' cannot be a part of a name";
      }
      if (component.getBytes(StandardCharsets.UTF_8).length > MAX_COMPONENT_BYTES) {
        return "a part of the name is longer than " + MAX_COMPONENT_BYTES + " bytes";
      }
      if (component.indexOf('\0') >= 0) {
        return "the name has a zero byte";
      }
    }
    for (String suffix : RESERVED_SUFFIXES) {
      if (name.endsWith(suffix)) {
        return "names ending in " + suffix + " are SQLite's or Tidemark's own";
      }
    }
    String last = name.substring(name.lastIndexOf('/') + 1);
    if (last.equals(".primary") || last.equals(".lag")) {
      return "'" + last + "' is one of Tidemark's own files";
    }
    if (encode(name).length() > MAX_COMPONENT_BYTES) {
      return "the name is too long (" + MAX_COMPONENT_BYTES + " bytes on disk)";
    }
    return null;
  }

  /** One directory entry in plain ASCII that stands for {@code name}. */
  public static String encode(String name) {
    StringBuilder out = new StringBuilder(name.length());
    for (byte b : name.getBytes(StandardCharsets.UTF_8)) {
      char c = (char) (b & 0xff);
      boolean plain =
          (c >= 'a' && c <= 'z')
              || (c >= 'A' && c <= 'Z')
              || (c >= '0' && c <= '9')
              || c == '_'
              || c == '-'
              || (c == '.' && out.length() > 0);
      if (plain) {
        out.append(c);
      } else {
        out.append('%').append(String.format("%02X", (int) c));
      }
    }
    return out.toString();
  }

  /** The name that was encoded, or null if these are not the characters that encoding produces. */
  public static String decode(String encoded) {
    ByteBuffer bytes = ByteBuffer.allocate(encoded.length());
    for (int i = 0; i < encoded.length(); i++) {
      char c = encoded.charAt(i);
      if (c == '%') {
        if (i + 2 >= encoded.length()) {
          return null;
        }
        int high = Character.digit(encoded.charAt(i + 1), 16);
        int low = Character.digit(encoded.charAt(i + 2), 16);
        if (high < 0 || low < 0) {
          return null;
        }
        bytes.put((byte) (high << 4 | low));
        i += 2;
      } else {
        bytes.put((byte) c);
      }
    }
    try {
      String name = StandardCharsets.UTF_8.newDecoder().decode(bytes.flip()).toString();
      return encode(name).equals(encoded) ? name : null;
    } catch (CharacterCodingException e) {
      return null;
    }
  }
}
