package io.tidemark.node.cli;

import io.tidemark.node.Main;
import java.nio.file.Path;
import java.util.List;

/** How this program is started once more, as a process of its own. */
final class OwnProgram {
  /** The script that started this process; it chooses the options of Java for each command. */
  private static final String LAUNCHER = "tidemark.launcher";

  private OwnProgram() {}

  /** Words of a command line that a sub-command follows. */
  static List<String> words() {
    String launcher = System.getProperty(LAUNCHER);
    if (launcher != null) {
      return List.of(launcher);
    }
    return List.of(
        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
        "-XX:+UseSerialGC",
        "-Xss512k",
        "-Xms24m",
        "-Xmx128m",
        "-XX:MaxDirectMemorySize=64m",
        "-cp",
        System.getProperty("java.class.path"),
        Main.class.getName());
  }
}
