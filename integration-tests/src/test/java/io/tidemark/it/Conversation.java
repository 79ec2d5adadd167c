package io.tidemark.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/**
 * A program in a process of its own that answers each line with one line, and ends when its input
 * ends. Waits have a deadline, because the program may hang in a mount.
 */
final class Conversation implements AutoCloseable {
  private static final String END = "\u0004";

  private final List<String> words;
  private final Process process;
  private final PrintWriter in;
  private final BlockingQueue<String> lines = new LinkedBlockingQueue<>();

  private Conversation(List<String> words) {
    this.words = words;
    try {
      process = new ProcessBuilder(words).redirectErrorStream(true).start();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
    in = new PrintWriter(process.outputWriter(StandardCharsets.UTF_8), true);
    Thread reader = new Thread(this::readAll, "output of " + words.get(1));
    reader.setDaemon(true);
    reader.start();
  }

  /** A script beside the test classes; it says "ready" when it is. */
  static Conversation python(String script, Object... arguments) {
    return python(List.of(), script, arguments);
  }

  /** The same on a host of a network. */
  static Conversation in(Host host, String script, Object... arguments) {
    return python(host.enter(), script, arguments);
  }

  private static Conversation python(List<String> before, String script, Object... arguments) {
    List<String> words = new ArrayList<>(before);
    words.add(Settings.python());
    words.add(Settings.script(script).toString());
    for (Object argument : arguments) {
      words.add(argument.toString());
    }
    Conversation conversation = new Conversation(words);
    assertThat(conversation.answer(Duration.ofSeconds(60))).isEqualTo("ready");
    return conversation;
  }

  private void readAll() {
    try (BufferedReader out = process.inputReader(StandardCharsets.UTF_8)) {
      for (String line = out.readLine(); line != null; line = out.readLine()) {
        lines.add(line);
      }
    } catch (IOException e) {
      lines.add(e.toString());
    }
    lines.add(END);
  }

  Conversation send(String line) {
    in.println(line);
    return this;
  }

  /** The next line; "(ended)" and what is left of the output if the program has ended. */
  String answer(Duration limit) {
    try {
      String line = lines.poll(limit.toMillis(), TimeUnit.MILLISECONDS);
      if (line == null) {
        throw new AssertionError("No answer within " + limit.toSeconds() + " s: " + words);
      }
      if (line.equals(END)) {
        lines.add(END);
        return "(ended)";
      }
      if (line.startsWith("Traceback")) {
        process.waitFor(5, TimeUnit.SECONDS);
        throw new AssertionError(line + "\n" + String.join("\n", lines));
      }
      return line;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError("interrupted", e);
    }
  }

  String ask(String line, Duration limit) {
    return send(line).answer(limit);
  }

  boolean hasAnswered() {
    return !lines.isEmpty();
  }

  /** SIGKILL. */
  void kill() {
    process.destroyForcibly();
    awaitEnd();
  }

  private void awaitEnd() {
    try {
      if (!process.waitFor(30, TimeUnit.SECONDS)) {
        throw new AssertionError("Does not end: " + words);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError("interrupted", e);
    }
  }

  /** Ends the input; the program has to end with exit code 0. Its last line. */
  String end() {
    in.close();
    String last = "";
    for (String line = ""; !line.equals("(ended)"); line = answer(Duration.ofSeconds(60))) {
      last = line;
    }
    awaitEnd();
    assertThat(process.exitValue()).as("%s: %s", words, last).isZero();
    return last;
  }

  @Override
  public void close() {
    in.close();
    process.destroyForcibly();
  }
}
