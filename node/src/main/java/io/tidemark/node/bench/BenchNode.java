package io.tidemark.node.bench;

import io.tidemark.database.FileTree;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * A node that the benchmark runs as a process of its own, with its directory and its mount.
 *
 * <p>It supervises a {@code cat} that reads from this process: when this process ends, however it
 * ends, so does the {@code cat}, and then the node unmounts.
 */
final class BenchNode {
  private static final long START_SECONDS = 60;
  private static final long STOP_SECONDS = 30;
  private static final long PAUSE_MILLIS = 5;
  private static final long CLOCK_TICK_NANOS = 10_000_000;

  private final String name;
  private final Path directory;
  private final String configuration;
  private Process process;
  private int starts;
  private long peakMemory;

  /** Commits since its process started, so that its compiler is warm. */
  long warmUpCommits;

  private BenchNode(String name, Path directory, String configuration) {
    this.name = name;
    this.directory = directory;
    this.configuration = configuration;
  }

  /**
   * A node that is not started yet.
   *
   * @param directory of its own, for everything
   * @param port of its HTTP server, 0 for any
   * @param primaryPort null if it is the primary
   */
  static BenchNode of(String name, Path directory, int port, Integer primaryPort) {
    String lease =
        primaryPort == null
            ? "  candidate: true\n"
            : "  candidate: false\n  advertise-url: http://127.0.0.1:" + primaryPort + "\n";
    return new BenchNode(
        name,
        directory,
        "fuse:\n  dir: "
            + quoted(directory.resolve("mount"))
            + "\ndata:\n  dir: "
            + quoted(directory.resolve("data"))
            + "\nhttp:\n  addr: 127.0.0.1:"
            + port
            + "\nskip-sync: true\nlease:\n  type: static\n"
            + lease);
  }

  private static String quoted(Path path) {
    return "'" + path.toString().replace("'", "''") + "'";
  }

  static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }

  Path mount() {
    return directory.resolve("mount");
  }

  boolean isRunning() {
    return process != null && process.isAlive();
  }

  /**
   * Starts the process; returns when the mount is there.
   *
   * @return nanoseconds that it took
   */
  long start(List<String> program) throws IOException {
    long begin = System.nanoTime();
    Files.createDirectories(mount());
    Path file = Files.writeString(directory.resolve("config.yml"), configuration);
    List<String> words = new ArrayList<>(program);
    words.addAll(List.of("mount", "--config", file.toString(), "--", "cat"));
    starts++;
    warmUpCommits = 0;
    process =
        new ProcessBuilder(words)
            .redirectErrorStream(true)
            .redirectOutput(directory.resolve("log-" + starts).toFile())
            .start();
    while (!isMounted()) {
      if (!process.isAlive() || seconds(begin) > START_SECONDS) {
        throw new IOException("the node '" + name + "' did not start: " + lastWords());
      }
      pause();
    }
    return System.nanoTime() - begin;
  }

  private String lastWords() throws IOException {
    Path log = directory.resolve("log-" + starts);
    String text = Files.readString(log, StandardCharsets.UTF_8).strip();
    return text.isEmpty() ? "it said nothing" : text;
  }

  private static long seconds(long since) {
    return TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - since);
  }

  static void pause() throws IOException {
    try {
      TimeUnit.MILLISECONDS.sleep(PAUSE_MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
  }

  /**
   * Where a database stands on this node, as text.
   *
   * @throws IOException when the process has ended
   */
  String position(String database) throws IOException {
    if (!isRunning()) {
      throw new IOException("the node '" + name + "' has ended: " + lastWords());
    }
    try {
      return Files.readString(mount().resolve(database + "-pos")).strip();
    } catch (NoSuchFileException e) {
      return "";
    }
  }

  /** Resident memory at its greatest, over all starts, in bytes. */
  long peakMemory() throws IOException {
    if (isRunning()) {
      try (Stream<String> lines = Files.lines(Path.of("/proc/" + process.pid() + "/status"))) {
        lines
            .filter(line -> line.startsWith("VmHWM:"))
            .map(line -> line.replaceAll("[^0-9]", ""))
            .forEach(kib -> peakMemory = Math.max(peakMemory, Long.parseLong(kib) << 10));
      }
    }
    return peakMemory;
  }

  /** Time on a CPU since the process began, in nanoseconds. */
  long cpuNanos() throws IOException {
    String stat = Files.readString(Path.of("/proc/" + process.pid() + "/stat"));
    // proc(5): utime and stime are the fields 14 and 15; the name before them ends with ')'.
    String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
    return (Long.parseLong(fields[11]) + Long.parseLong(fields[12])) * CLOCK_TICK_NANOS;
  }

  /** Ends the process in good order, or else otherwise; the mount goes with it. */
  void stop() throws IOException {
    if (process == null) {
      return;
    }
    peakMemory();
    process.getOutputStream().close();
    boolean interrupted = Thread.interrupted();
    try {
      if (!process.waitFor(STOP_SECONDS, TimeUnit.SECONDS)) {
        process.destroy();
        if (!process.waitFor(STOP_SECONDS, TimeUnit.SECONDS)) {
          process.destroyForcibly().waitFor();
        }
      }
      long begin = System.nanoTime();
      while (isMounted()) {
        if (seconds(begin) > STOP_SECONDS) {
          throw new IOException(mount() + " is still mounted: umount -l " + mount());
        }
        pause();
      }
    } catch (InterruptedException e) {
      interrupted = true;
    } finally {
      process = null;
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /** By the table of mounts alone: a mount that hangs must not hang this. */
  private boolean isMounted() throws IOException {
    return FileSystems.of(mount().toString(), Files.readAllLines(Path.of("/proc/self/mountinfo")))
        .isTidemark();
  }

  /** Forgets all data, so that the next start is the first. Only of a node that does not run. */
  void clear() throws IOException {
    FileTree.delete(directory.resolve("data"));
  }
}
