package io.tidemark.node.cli;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;

/**
 * Prepares the words of the command line for the parser: sets apart the command after {@code --},
 * and lets long options begin with one dash as LiteFS's do.
 *
 * @param options the words before {@code --}
 * @param command the words after it; null when there is no {@code --}
 */
record Arguments(List<String> options, List<String> command) {
  static Arguments of(String[] args, Set<String> longOptions) {
    List<String> words = Arrays.asList(args);
    int split = words.indexOf("--");
    List<String> options = new ArrayList<>();
    for (String word : split < 0 ? words : words.subList(0, split)) {
      options.add(twoDashes(word, longOptions));
    }
    return new Arguments(
        options, split < 0 ? null : List.copyOf(words.subList(split + 1, words.size())));
  }

  private static String twoDashes(String word, Set<String> longOptions) {
    if (word.length() < 3 || word.charAt(0) != '-' || word.charAt(1) == '-') {
      return word;
    }
    int equals = word.indexOf('=');
    String name = "-" + (equals < 0 ? word : word.substring(0, equals));
    return longOptions.contains(name) ? "-" + word : word;
  }
}
