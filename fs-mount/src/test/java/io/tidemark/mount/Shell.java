package io.tidemark.mount;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;

/** Programs run to their end, with a deadline: whatever hangs on a mount, it is not this JVM. */
final class Shell {
  private static final long LIMIT_SECONDS = 30;

  private Shell() {}

  /** How a program ended, with all it printed. */
  record Result(int exit, String text) {}

  static Result run(Object... words) {
    List<String> command = new ArrayList<>();
    for (Object word : words) {
      command.add(word.toString());
    }
    try {
      Path out = Files.createTempFile("hazard", ".out");
      try {
        Process process =
            new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(out.toFile())
                .start();
        process.getOutputStream().close();
        if (!process.waitFor(LIMIT_SECONDS, TimeUnit.SECONDS)) {
          process.descendants().forEach(ProcessHandle::destroyForcibly);
          process.destroyForcibly();
          throw new AssertionError(command + " hangs; so far: " + Files.readString(out));
        }
        return new Result(process.exitValue(), Files.readString(out).strip());
      } finally {
        Files.delete(out);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError("interrupted in " + command, e);
    }
  }

  /** What the program printed; it has to succeed. */
  static String ok(Object... words) {
    Result result = run(words);
    assertThat(result.exit()).as("%s: %s", List.of(words), result.text()).isZero();
    return result.text();
  }

  /** A line for sh, with $1, $2 ... as given. */
  static Result sh(String script, Object... arguments) {
    List<Object> words = new ArrayList<>(List.of("/bin/sh", "-c", script, "sh"));
    words.addAll(List.of(arguments));
    return run(words.toArray());
  }

  static String sqlite(Path database, String sql) {
    return ok("sqlite3", "-batch", "-cmd", ".timeout 5000", database, sql);
  }

  static boolean has(String program) {
    for (String directory : (System.getenv("PATH") + ":/usr/sbin:/sbin").split(":")) {
      if (!directory.isEmpty() && Files.isExecutable(Path.of(directory, program))) {
        return true;
      }
    }
    return false;
  }

  static void require(String program) {
    require(has(program), "the program " + program + " is missing");
  }

  /** A test that did not run must not look like one that passed. */
  static void require(boolean met, String missing) {
    if (!met) {
      System.err.println("*** HAZARD TEST CANNOT RUN HERE: " + missing + " ***");
      Assumptions.abort(missing);
    }
  }
}
