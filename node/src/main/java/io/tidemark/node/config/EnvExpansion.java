package io.tidemark.node.config;

import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Replaces environment variables in the text of a configuration file.
 *
 * <p>{@code $X} and <code>${X}</code> become the value, or nothing when X is not set. {@code ${X ==
 * 'y'}}, {@code ${X == "y"}} and {@code ${X == Y}} (and {@code !=}) become {@code true} or {@code
 * false}; without quotes the right side is a variable too. {@code $$} is a dollar sign, and a
 * dollar sign before anything else stays as it is.
 */
public final class EnvExpansion {
  private static final Pattern REFERENCE =
      Pattern.compile("\\$(?:\\$|\\{([^}\\n]*)\\}|([A-Za-z_][A-Za-z0-9_]*))");
  private static final Pattern COMPARISON =
      Pattern.compile("(\\w+)\\s*(==|!=)\\s*(?:'(.*)'|\"(.*)\"|(\\w+))");

  private EnvExpansion() {}

  /** The text with every reference replaced. */
  public static String expand(String text, Map<String, String> env) {
    return REFERENCE
        .matcher(text)
        .replaceAll(found -> Matcher.quoteReplacement(valueOf(found, env)));
  }

  private static String valueOf(java.util.regex.MatchResult found, Map<String, String> env) {
    if (found.group(2) != null) {
      return env.getOrDefault(found.group(2), "");
    }
    if (found.group(1) == null) {
      return "$";
    }
    String inner = found.group(1).trim();
    Matcher comparison = COMPARISON.matcher(inner);
    if (!comparison.matches()) {
      return env.getOrDefault(inner, "");
    }
    String left = env.getOrDefault(comparison.group(1), "");
    boolean equal = left.equals(rightSide(comparison, env));
    return String.valueOf(equal == comparison.group(2).equals("=="));
  }

  private static String rightSide(Matcher comparison, Map<String, String> env) {
    if (comparison.group(3) != null) {
      return comparison.group(3);
    }
    return comparison.group(4) != null
        ? comparison.group(4)
        : env.getOrDefault(comparison.group(5), "");
  }
}
