package io.tidemark.node.run;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.IntConsumer;

/** A supervised command. It shares the terminal and the standard streams of the node. */
final class ChildProcess {
  private final String command;
  private final Process process;

  private ChildProcess(String command, Process process) {
    this.command = command;
    this.process = process;
  }

  /**
   * Starts a command.
   *
   * @throws IOException when it cannot be started; the message names it
   */
  static ChildProcess start(List<String> command) throws IOException {
    return start(command, Map.of());
  }

  /**
   * The same, with more variables in its environment.
   *
   * @throws IOException when it cannot be started; the message names it
   */
  static ChildProcess start(List<String> command, Map<String, String> environment)
      throws IOException {
    try {
      ProcessBuilder builder = new ProcessBuilder(command).inheritIO();
      builder.environment().putAll(environment);
      return new ChildProcess(String.join(" ", command), builder.start());
    } catch (IOException e) {
      throw new IOException(
          "Cannot start '" + command.get(0) + "': " + e.getMessage() + ". Check its path.", e);
    }
  }

  String command() {
    return command;
  }

  /** Calls back with the exit code, 128 + N after signal N, when the command has ended. */
  void onExit(IntConsumer callback) {
    process.onExit().thenAccept(ended -> callback.accept(ended.exitValue()));
  }

  int waitFor() throws InterruptedException {
    return process.waitFor();
  }

  /** Whether it has ended, or does so within that time. */
  boolean endsWithin(Duration time) throws InterruptedException {
    return process.waitFor(time.toMillis(), TimeUnit.MILLISECONDS);
  }

  boolean isAlive() {
    return process.isAlive();
  }

  /**
   * Passes a signal on. A Ctrl-C at the terminal, or its end, has already reached the command,
   * which is in the same process group; sending it twice would make many programs give up at once.
   */
  void signal(String name) {
    if (process.isAlive() && (name.equals("TERM") || !inForegroundOfTerminal())) {
      send(name);
    }
  }

  /** With what it has started itself: none of that may go on using the mount. */
  void kill() {
    process.descendants().forEach(ProcessHandle::destroyForcibly);
    process.destroyForcibly();
  }

  private void send(String name) {
    if (name.equals("TERM")) {
      process.destroy();
      return;
    }
    try {
      new ProcessBuilder("sh", "-c", "kill -" + name + " " + process.pid())
          .start()
          .waitFor(5, TimeUnit.SECONDS);
    } catch (IOException e) {
      process.destroy();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static boolean inForegroundOfTerminal() {
    try {
      return inForeground(Files.readString(Path.of("/proc/self/stat")));
    } catch (IOException e) {
      return false;
    }
  }

  /** Whether the process group (field 5) is the terminal's foreground group (field 8). */
  static boolean inForeground(String stat) {
    String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
    return fields[2].equals(fields[5]);
  }
}
