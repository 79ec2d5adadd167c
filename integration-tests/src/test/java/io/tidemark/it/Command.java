package io.tidemark.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;

/**
 * A command line run to its end in a process of its own, with a deadline.
 *
 * <p>Everything that touches a mount runs through here: a file call that hangs must not hang the
 * tests' own virtual machine.
 */
final class Command {
  private final List<String> words;
  private final Map<String, String> environment = new TreeMap<>();
  private Path directory;
  private String input = "";
  private Duration limit = Duration.ofSeconds(60);

  private Command(List<String> words) {
    this.words = words;
  }

  static Command of(Object... words) {
    List<String> list = new ArrayList<>();
    for (Object word : words) {
      list.add(word.toString());
    }
    return new Command(list);
  }

  static Command python(String script, Object... arguments) {
    List<Object> words = new ArrayList<>(List.of(Settings.python(), Settings.script(script)));
    words.addAll(List.of(arguments));
    return of(words.toArray());
  }

  /** The sqlite3 program with SQL or dot commands on its standard input; stops at an error. */
  static Command sqlite(Path database, String... lines) {
    return of("sqlite3", "-bail", "-batch", database).input(String.join("\n", lines) + "\n");
  }

  Command in(Path newDirectory) {
    directory = newDirectory;
    return this;
  }

  Command input(String text) {
    input = text;
    return this;
  }

  Command with(String name, String value) {
    environment.put(name, value);
    return this;
  }

  Command within(Duration newLimit) {
    limit = newLimit;
    return this;
  }

  /** What a finished command left. */
  record Result(List<String> words, int exit, String out, String err) {
    String text() {
      return out.strip();
    }

    @Override
    public String toString() {
      return String.join(" ", words)
          + "\n  exit "
          + exit
          + "\n  out: "
          + clip(out)
          + "\n  err: "
          + clip(err);
    }

    private static String clip(String text) {
      return text.length() <= 4000 ? text : text.substring(0, 4000) + "...";
    }
  }

  /** Runs and returns what the command printed; fails unless it exits with 0. */
  String ok() {
    Result result = run();
    assertThat(result.exit()).as("%s", result).isZero();
    return result.text();
  }

  Result run() {
    Path out = null;
    Path err = null;
    try {
      out = Files.createTempFile("tidemark-it", ".out");
      err = Files.createTempFile("tidemark-it", ".err");
      ProcessBuilder builder = new ProcessBuilder(words);
      builder.environment().putAll(environment);
      builder.redirectOutput(out.toFile()).redirectError(err.toFile());
      if (directory != null) {
        builder.directory(directory.toFile());
      }
      Process process = builder.start();
      try (var stdin = process.getOutputStream()) {
        stdin.write(input.getBytes(StandardCharsets.UTF_8));
      } catch (IOException e) {
        // The command did not read all of its input; its exit code says whether that was right.
        assertThat(e).hasMessageContaining("pipe");
      }
      if (!process.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS)) {
        List<ProcessHandle> family = process.descendants().toList();
        family.forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly();
        throw new AssertionError(
            "Still running after "
                + limit.toSeconds()
                + " s: "
                + new Result(words, -1, read(out), read(err)));
      }
      return new Result(words, process.exitValue(), read(out), read(err));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError("interrupted while running " + words, e);
    } finally {
      deleteQuietly(out);
      deleteQuietly(err);
    }
  }

  private static String read(Path file) throws IOException {
    return new String(Files.readAllBytes(file), StandardCharsets.UTF_8);
  }

  private static void deleteQuietly(Path file) {
    if (file != null) {
      file.toFile().delete();
    }
  }
}
