package io.tidemark.it;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The lines of README.md that people copy: those that are indented by four blanks. */
final class Readme {
  static final Path ROOT = Settings.module().resolveSibling("tidemark").getParent();

  private static final String INDENT = "    ";

  private Readme() {}

  /** All lines in their order, by the heading that they stand below. */
  static Map<String, List<String>> lines() throws IOException {
    Map<String, List<String>> sections = new LinkedHashMap<>();
    String section = "";
    for (String line : Files.readAllLines(ROOT.resolve("README.md"))) {
      if (line.startsWith("## ")) {
        section = line.substring(3);
      } else if (line.startsWith(INDENT) && !section.isEmpty()) {
        sections.computeIfAbsent(section, name -> new ArrayList<>()).add(line.strip());
      }
    }
    return sections;
  }

  /** The lines below a heading, which has some. */
  static List<String> lines(String section) throws IOException {
    List<String> lines = lines().get(section);
    if (lines == null) {
      throw new AssertionError("README.md has no lines below " + section);
    }
    return lines;
  }

  /** Without what a comment in the shell or in YAML says. */
  static String withoutComment(String line) {
    return line.replaceFirst("\\s+#.*", "");
  }

  /** What a comment says, or "". */
  static String comment(String line) {
    int at = line.indexOf(" # ");
    return at < 0 ? "" : line.substring(at + 3).strip();
  }
}
