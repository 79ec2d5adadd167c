package io.tidemark.node.config;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** The tables of docs/CONFIGURATION.md, made of the list of keys; the text around them is kept. */
final class ConfigReference {
  private static final String END = "<!-- end -->";

  private ConfigReference() {}

  /** The page with its tables made anew. */
  static String update(String page) {
    return replace(replace(page, "keys", keys()), "ignored", withoutMeaning());
  }

  /** Between a comment that begins with "begin NAME:" and the next one that ends a table. */
  private static String replace(String page, String name, String table) {
    int begin = page.indexOf("<!-- begin " + name + ":");
    int from = page.indexOf("-->\n", begin) + 4;
    int to = page.indexOf(END, from);
    if (begin < 0 || to < 0) {
      throw new IllegalStateException("the page has no place for the table of " + name);
    }
    return page.substring(0, from) + table + page.substring(to);
  }

  private static String keys() {
    StringBuilder table = new StringBuilder();
    table.append("| key | value | default | meaning |\n|---|---|---|---|\n");
    for (ConfigKey key : ConfigKey.documented()) {
      String value = key.defaultText().isEmpty() ? "" : code(key.defaultText()) + " ";
      table.append("| ").append(code(key.path())).append(" | ").append(value(key));
      table.append(" | ").append(value).append("| ").append(key.meaning()).append(" |\n");
    }
    return table.toString();
  }

  private static String value(ConfigKey key) {
    return switch (key.type()) {
      case TEXT -> "text";
      case BOOLEAN -> "`true` or `false`";
      case INTEGER -> "number";
      case DURATION -> "duration";
      case SIZE -> "size";
      case CHOICE -> choices(key.choices());
      case LIST, TOKENS -> "list";
      case EXEC -> "commands";
      case ANY -> "anything";
    };
  }

  private static String choices(List<String> words) {
    return words.stream().map(ConfigReference::code).collect(Collectors.joining(", "));
  }

  private static String code(String text) {
    return "`" + text + "`";
  }

  /** Keys of a section that have the same reason are one row. */
  private static String withoutMeaning() {
    Map<String, String> rows = new LinkedHashMap<>();
    for (ConfigKey key : ConfigKey.withoutMeaning()) {
      rows.put(key.path().replaceAll("^(tracing|backup)\\..*", "$1.*"), key.ignored());
    }
    StringBuilder table = new StringBuilder("| key | why |\n|---|---|\n");
    rows.forEach((path, why) -> table.append("| ").append(code(path)).append(" | " + why + " |\n"));
    return table.toString();
  }
}
