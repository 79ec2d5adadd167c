package io.tidemark.stream;

import java.nio.charset.StandardCharsets;

/** Sentences for people that travel in frames and end up in the log of the other node. */
final class Text {
  private Text() {}

  /**
   * One line of at most {@link Protocol#MAX_TEXT} bytes: control characters, with which a peer
   * could forge lines of a log, become blanks, and what is too long is cut. Cleaned and not
   * refused, because such a text says why something went wrong and must not fail itself.
   */
  static String clean(String text) {
    StringBuilder out = new StringBuilder(Math.min(text.length(), Protocol.MAX_TEXT));
    int bytes = 0;
    int next;
    for (int at = 0; at < text.length(); at += Character.charCount(next)) {
      next = text.codePointAt(at);
      boolean printable =
          !Character.isISOControl(next)
              && Character.getType(next) != Character.SURROGATE
              && Character.getType(next) != Character.LINE_SEPARATOR
              && Character.getType(next) != Character.PARAGRAPH_SEPARATOR;
      int shown = printable ? next : ' ';
      bytes += Character.toString(shown).getBytes(StandardCharsets.UTF_8).length;
      if (bytes > Protocol.MAX_TEXT) {
        break;
      }
      out.appendCodePoint(shown);
    }
    return out.toString();
  }
}
