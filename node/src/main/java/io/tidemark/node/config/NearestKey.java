package io.tidemark.node.config;

import java.util.Collection;

/** Finds the known name that someone most likely meant. */
public final class NearestKey {
  private NearestKey() {}

  /**
   * The candidate with the least edit distance to the given name; among equals the first. Null when
   * there are no candidates.
   */
  public static String of(String name, Collection<String> candidates) {
    String best = null;
    int least = Integer.MAX_VALUE;
    for (String candidate : candidates) {
      int distance = distance(name, candidate);
      if (distance < least) {
        least = distance;
        best = candidate;
      }
    }
    return best;
  }

  /**
   * Insertions, deletions, replacements and swaps of neighbours that turn one text into another.
   */
  static int distance(String a, String b) {
    int[][] cost = new int[a.length() + 1][b.length() + 1];
    for (int i = 0; i <= a.length(); i++) {
      for (int j = 0; j <= b.length(); j++) {
        cost[i][j] = cell(cost, a, b, i, j);
      }
    }
    return cost[a.length()][b.length()];
  }

  private static int cell(int[][] cost, String a, String b, int i, int j) {
    if (i == 0 || j == 0) {
      return i + j;
    }
    boolean same = a.charAt(i - 1) == b.charAt(j - 1);
    int least = Math.min(cost[i - 1][j], cost[i][j - 1]) + 1;
    least = Math.min(least, cost[i - 1][j - 1] + (same ? 0 : 1));
    if (i > 1
        && j > 1
        && a.charAt(i - 1) == b.charAt(j - 2)
        && a.charAt(i - 2) == b.charAt(j - 1)) {
      least = Math.min(least, cost[i - 2][j - 2] + 1);
    }
    return least;
  }
}
