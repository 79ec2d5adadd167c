package io.tidemark.proxy;

/** The form of a Host header and of the authority in an address (RFC 3986, section 3.2). */
final class Authority {
  private static final int MAX_LENGTH = 300;

  private Authority() {}

  /** Whether it is HOST or HOST:PORT, with nothing that other software could read differently. */
  static boolean isValid(String text) {
    if (text.isEmpty() || text.length() > MAX_LENGTH) {
      return false;
    }
    int hostEnd;
    if (text.charAt(0) == '[') {
      hostEnd = text.indexOf(']') + 1;
      if (hostEnd < 3 || !onlyAddress(text, hostEnd - 1)) {
        return false;
      }
    } else {
      int colon = text.indexOf(':');
      hostEnd = colon < 0 ? text.length() : colon;
      if (hostEnd == 0 || !onlyName(text, hostEnd)) {
        return false;
      }
    }
    return hostEnd == text.length() || isPort(text, hostEnd);
  }

  private static boolean onlyAddress(String text, int end) {
    for (int i = 1; i < end; i++) {
      char c = text.charAt(i);
      boolean hex = c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F';
      if (!hex && c != ':' && c != '.') {
        return false;
      }
    }
    return true;
  }

  private static boolean onlyName(String text, int end) {
    for (int i = 0; i < end; i++) {
      char c = text.charAt(i);
      boolean alphanumeric = c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z';
      if (!alphanumeric && c != '-' && c != '.' && c != '_') {
        return false;
      }
    }
    return true;
  }

  private static boolean isPort(String text, int colon) {
    if (text.charAt(colon) != ':' || text.length() - colon > 6) {
      return false;
    }
    for (int i = colon + 1; i < text.length(); i++) {
      if (text.charAt(i) < '0' || text.charAt(i) > '9') {
        return false;
      }
    }
    return true;
  }
}
