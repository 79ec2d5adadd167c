package io.tidemark.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
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
 * A machine of its own as far as commands and configuration files that people copy can tell: a name
 * and an address, an empty /srv, /var/lib/tidemark and /opt, an /etc that may be written, and
 * mounts that nobody else sees. So what they say is done to the letter.
 */
final class Box implements AutoCloseable {
  private static final Duration LIMIT = Duration.ofSeconds(60);

  /** Arguments: the directory of this box, and its name. */
  private static final String FURNISH =
      """
      set -e
      mkdir -p "$1/srv/db" "$1/lib/tidemark" "$1/opt"
      mount --bind "$1/etc" /etc
      mount --bind "$1/srv" /srv
      mount --bind "$1/opt" /opt
      mount --rbind /var/lib/dpkg "$1/dpkg"
      mount --bind "$1/lib" /var/lib
      mount --move "$1/dpkg" /var/lib/dpkg
      hostname "$2"
      echo ready
      exec sleep infinity
      """;

  private final Host host;
  private final Path directory;
  private final Process anchor;
  private final Map<String, String> environment = new TreeMap<>();
  private final List<Process> started = new ArrayList<>();

  /**
   * @param directory where its files are; made here
   * @param hosts other names that it knows, with their addresses
   */
  Box(Host host, Path directory, Map<String, String> hosts) throws IOException {
    this.host = host;
    this.directory = directory;
    Files.createDirectories(directory.resolve("dpkg"));
    Files.createDirectories(directory.resolve("lib/dpkg"));
    Command.of("cp", "-a", "/etc", directory.resolve("etc")).ok();
    StringBuilder names = new StringBuilder("127.0.0.1 localhost\n");
    hosts.forEach((name, address) -> names.append(address).append(' ').append(name).append('\n'));
    Files.writeString(etc("hosts"), names);
    List<String> words = new ArrayList<>(host.enter());
    words.addAll(List.of("unshare", "--mount", "--uts", "--propagation", "private"));
    words.addAll(List.of("sh", "-c", FURNISH, "sh", directory.toString(), host.toString()));
    anchor = new ProcessBuilder(words).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    BufferedReader said =
        new BufferedReader(new InputStreamReader(anchor.getInputStream(), StandardCharsets.UTF_8));
    assertThat(said.readLine()).as("furnishing of %s", host).isEqualTo("ready");
  }

  /** A variable of all commands. */
  Box with(String name, String value) {
    environment.put(name, value);
    return this;
  }

  /** A file of its /etc. */
  Path etc(String file) {
    return directory.resolve("etc").resolve(file);
  }

  /** What it has as /opt. */
  Path opt() {
    return directory.resolve("opt");
  }

  /** The words of a line for the shell, in a directory of this box. */
  private List<String> words(Path in, String line) {
    // Whoever runs the tests in the background may have them ignore the signal of Ctrl-C.
    List<String> words = new ArrayList<>(List.of("env", "--default-signal"));
    words.addAll(List.of("nsenter", "--target", "" + anchor.pid(), "--mount", "--uts", "--net"));
    words.addAll(List.of("bash", "-c", "cd '" + in + "' && " + line));
    return words;
  }

  /** A line for the shell, run to its end. */
  Command.Result run(Path in, String line) {
    Command command = Command.of(words(in, line).toArray()).within(LIMIT);
    environment.forEach(command::with);
    return command.run();
  }

  /** A command that goes on; {@link #stop} ends it. */
  Process start(Path in, String line, Path log) throws IOException {
    ProcessBuilder builder = new ProcessBuilder(words(in, "exec " + line));
    builder.environment().putAll(environment);
    builder.redirectErrorStream(true).redirectOutput(log.toFile());
    Process process = builder.start();
    process.getOutputStream().close();
    started.add(process);
    return process;
  }

  /** Waits for a mount that only this box sees. */
  void awaitMount(Path mount, Process process, Path log) {
    Await.until(
        LIMIT,
        "mount of " + mount + " in " + host,
        () -> {
          if (!process.isAlive()) {
            throw new AssertionError("It ended: " + Files.readString(log));
          }
          return isMounted(mount);
        });
  }

  boolean isMounted(Path mount) throws IOException {
    return Files.readString(Path.of("/proc/" + anchor.pid() + "/mounts"))
        .lines()
        .anyMatch(line -> line.contains(" " + mount + " fuse"));
  }

  /** SIGTERM or SIGINT, and the exit code. */
  static int stop(Process process, String signal) throws InterruptedException {
    Command.of("kill", "-" + signal, process.pid()).ok();
    assertThat(process.waitFor(LIMIT.toSeconds(), TimeUnit.SECONDS)).as("end of it").isTrue();
    return process.exitValue();
  }

  @Override
  public void close() {
    for (Process process : started) {
      List<ProcessHandle> family = process.descendants().toList();
      process.destroy();
      try {
        process.waitFor(15, TimeUnit.SECONDS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
      process.destroyForcibly();
      family.forEach(ProcessHandle::destroyForcibly);
    }
    anchor.destroyForcibly();
  }
}
