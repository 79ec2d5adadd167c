package io.tidemark.proxy;

import java.util.List;

/**
 * Patterns for whole paths in which {@code *} stands for any characters, also none and also "/".
 */
final class PathPatterns {
  private final List<String[]> patterns;

  PathPatterns(List<String> patterns) {
    this.patterns = patterns.stream().map(pattern -> pattern.split("\\*", -1)).toList();
  }

  boolean matches(String path) {
    for (String[] pieces : patterns) {
      if (matches(pieces, path)) {
        return true;
      }
    }
    return false;
  }

  /** Each piece at the first place after the one before: no choice, so no backtracking. */
  private static boolean matches(String[] pieces, String path) {
    int last = pieces.length - 1;
    if (last == 0) {
      return path.equals(pieces[0]);
    }
    if (!path.startsWith(pieces[0])) {
      return false;
    }
    int at = pieces[0].length();
    for (int i = 1; i < last; i++) {
      int found = path.indexOf(pieces[i], at);
      if (found < 0) {
        return false;
      }
      at = found + pieces[i].length();
    }
    return path.length() - pieces[last].length() >= at && path.endsWith(pieces[last]);
  }
}
