package io.tidemark.it;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;

/**
 * System properties of these tests; integration-tests/README.md lists them.
 *
 * <p>With {@code tidemark.it.dir=plain} no program is started and every "mount" is an ordinary
 * directory: the harness, the drivers and the checks then run against plain SQLite, which proves
 * them before they judge anything else.
 */
final class Settings {
  private Settings() {}

  static boolean plain() {
    String value = System.getProperty("tidemark.it.dir", "mount");
    return switch (value) {
      case "plain" -> true;
      case "mount" -> false;
      default -> throw new IllegalArgumentException("tidemark.it.dir is mount or plain: " + value);
    };
  }

  static TidemarkProcess.Transport transport() {
    return TidemarkProcess.Transport.valueOf(
        System.getProperty("tidemark.it.transport", "kernel").toUpperCase(java.util.Locale.ROOT));
  }

  /** Skipped tests count as failures: for machines that are meant to run everything. */
  static boolean skipsFail() {
    return System.getProperty("tidemark.it.skips", "").equals("fail");
  }

  /** Number of this process among those that run tests at the same time, from 1. */
  static int fork() {
    return Integer.getInteger("tidemark.it.fork", 1);
  }

  static Path java() {
    return Path.of(
        System.getProperty("tidemark.it.java", System.getProperty("java.home") + "/bin/java"));
  }

  static String python() {
    String python = System.getProperty("tidemark.it.python");
    if (python != null) {
      return python;
    }
    // The system's own Python has Django; another one first in PATH may not.
    return Files.isExecutable(Path.of("/usr/bin/python3")) ? "/usr/bin/python3" : "python3";
  }

  /** Directory of this module. */
  static Path module() {
    Path module = Path.of(System.getProperty("basedir", System.getProperty("user.dir")));
    if (!Files.isDirectory(module.resolve("sqlite-suite"))) {
      module = module.resolve("integration-tests");
    }
    if (!Files.isDirectory(module.resolve("sqlite-suite"))) {
      throw new IllegalStateException("Run from the repository or set -Dbasedir: " + module);
    }
    return module.toAbsolutePath();
  }

  static Path jar() {
    String jar = System.getProperty("tidemark.it.jar");
    Path path =
        jar != null
            ? Path.of(jar).toAbsolutePath()
            : module().resolve("../node/target/tidemark.jar").normalize();
    if (!Files.isRegularFile(path)) {
      throw new IllegalStateException(
          "The program is not built: " + path + " is missing. Build it: mvn package -DskipTests");
    }
    return path;
  }

  static Path target() {
    Path target = module().resolve("target/it");
    try {
      return Files.createDirectories(target);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A script that lies beside the test classes. */
  static Path script(String name) {
    try {
      return Path.of(Settings.class.getResource(name).toURI());
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  /**
   * The seed of this run, printed: a number from the property, a fresh one for {@code random}, else
   * always the same for the same test, so that continuous integration repeats itself.
   */
  static long seed(String what) {
    String given = System.getProperty("tidemark.it.seed");
    long seed;
    if (given == null) {
      seed = what.hashCode() & Integer.MAX_VALUE;
    } else if (given.equals("random")) {
      seed = new Random().nextInt(Integer.MAX_VALUE);
    } else {
      seed = Long.parseLong(given);
    }
    System.out.println(what + ": seed " + seed + " (repeat with -Dtidemark.it.seed=" + seed + ")");
    return seed;
  }
}
