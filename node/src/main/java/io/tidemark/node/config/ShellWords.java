package io.tidemark.node.config;

import java.util.ArrayList;
import java.util.List;

/**
 * Splits a command line into words the way a shell would, without running one: blanks separate,
 * single quotes keep everything, double quotes and backslashes as usual. No variables, no globs.
 */
public final class ShellWords {
  private ShellWords() {}

  /**
   * The words of a command line.
   *
   * @throws IllegalArgumentException when a quote is not closed or the line ends in a backslash
   */
  public static List<String> split(String line) {
    List<String> words = new ArrayList<>();
    StringBuilder word = null;
    char quote = 0;
    for (int i = 0; i < line.length(); i++) {
      char c = line.charAt(i);
      boolean blank = Character.isWhitespace(c);
      if (quote == 0 && blank) {
        if (word != null) {
          words.add(word.toString());
          word = null;
        }
        continue;
      }
      if (word == null) {
        word = new StringBuilder();
      }
      if (quote == 0 && (c == '\'' || c == '"')) {
        quote = c;
      } else if (c == quote) {
        quote = 0;
      } else if (c == '\\' && quote != '\'') {
        if (++i == line.length()) {
          throw new IllegalArgumentException("a command that does not end in a backslash");
        }
        if (quote == '"' && "\"\\$`".indexOf(line.charAt(i)) < 0) {
          word.append(c);
        }
        word.append(line.charAt(i));
      } else {
        word.append(c);
      }
    }
    if (quote != 0) {
      throw new IllegalArgumentException("a command whose quotes are closed");
    }
    if (word != null) {
      words.add(word.toString());
    }
    return words;
  }
}
