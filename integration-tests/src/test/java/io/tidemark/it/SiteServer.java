package io.tidemark.it;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** A web server that knows nothing of Tidemark, as a process of its own beside a node. */
final class SiteServer implements AutoCloseable {
  private final Process process;
  private final Path log;

  /** Returns when the port is open. */
  SiteServer(List<String> words, Map<String, String> environment, int port, Path log) {
    this.log = log;
    ProcessBuilder builder = new ProcessBuilder(words);
    builder.environment().putAll(environment);
    builder.redirectErrorStream(true).redirectOutput(log.toFile());
    try {
      process = builder.start();
      process.getOutputStream().close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    Await.until(
        Duration.ofSeconds(60),
        "port of " + String.join(" ", words),
        () -> {
          if (!process.isAlive()) {
            throw new AssertionError("It ended: " + output());
          }
          try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
            return socket.isConnected();
          } catch (java.net.ConnectException notYet) {
            return false;
          }
        });
  }

  /** What it printed. */
  String output() {
    try {
      return Files.readString(log);
    } catch (IOException e) {
      return "(log cannot be read: " + e + ")";
    }
  }

  @Override
  public void close() {
    List<ProcessHandle> family = process.descendants().toList();
    process.destroy();
    try {
      if (!process.waitFor(10, TimeUnit.SECONDS)) {
        process.destroyForcibly();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    family.forEach(ProcessHandle::destroyForcibly);
  }
}
