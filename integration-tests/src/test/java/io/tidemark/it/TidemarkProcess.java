package io.tidemark.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.node.cli.CommandLineTool;
import io.tidemark.node.json.Json;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;

/**
 * The real program as a child process, over one data directory and one mount point, through any
 * number of starts.
 *
 * <p>{@link #start} returns when the mount is there: the kernel lists it and it answers. {@link
 * #close} leaves neither process nor mount behind, whatever state they are in, and touches only
 * processes that descend from this one. Since a hung mount would hang its clients and so the test,
 * each start has a longest life, after which the connection is aborted and the process killed.
 */
final class TidemarkProcess implements AutoCloseable {
  /** How the program talks to the kernel. */
  enum Transport {
    KERNEL,
    LIBFUSE;

    String option() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  private static final Duration START_LIMIT = Duration.ofSeconds(60);
  private static final Duration STOP_LIMIT = Duration.ofSeconds(60);
  private static final Duration GUARD_LIMIT = Duration.ofSeconds(15);

  private final String name;
  private final Path mount;
  private final Path data;
  private final Path logs;
  private final Map<String, String> environment = new LinkedHashMap<>();
  private final List<String> extraOptions = new ArrayList<>();
  private final Map<String, Map<String, String>> settings = new LinkedHashMap<>();
  private Host host;
  private Transport transport = Settings.plain() ? Transport.KERNEL : Settings.transport();
  private boolean optimised;
  private Duration longestLife = Duration.ofMinutes(10);
  private int port;
  private int starts;
  private Process process;
  private String connection;
  private final Set<ProcessHandle> family = new LinkedHashSet<>();
  private Thread watchdog;
  private volatile String abortedBecause;

  /**
   * @param logs directory for the configuration and the output of each start
   */
  TidemarkProcess(String name, Path mount, Path data, Path logs) {
    this.name = name;
    this.mount = mount;
    this.data = data;
    this.logs = logs;
    setting("fuse.dir", mount.toString());
    setting("fuse.allow-other", "true");
    setting("data.dir", data.toString());
    setting("data.retention", "24h");
  }

  TidemarkProcess transport(Transport value) {
    transport = value;
    return this;
  }

  /** Compiled as for users, for tests with a load that lasts. */
  TidemarkProcess optimised() {
    optimised = true;
    return this;
  }

  TidemarkProcess longestLife(Duration value) {
    longestLife = value;
    return this;
  }

  /** For the next starts; null removes the variable. */
  TidemarkProcess environment(String variable, String value) {
    if (value == null) {
      environment.remove(variable);
    } else {
      environment.put(variable, value);
    }
    return this;
  }

  TidemarkProcess option(String... words) {
    extraOptions.addAll(List.of(words));
    return this;
  }

  /**
   * A line of the configuration file, for the next starts.
   *
   * @param key section and name, such as {@code data.retention}
   * @param value null to leave it out
   */
  final TidemarkProcess setting(String key, String value) {
    int dot = key.indexOf('.');
    Map<String, String> section =
        settings.computeIfAbsent(key.substring(0, dot), k -> new LinkedHashMap<>());
    if (value == null) {
      section.remove(key.substring(dot + 1));
    } else {
      section.put(key.substring(dot + 1), value);
    }
    return this;
  }

  /** Every start listens on the same port, so that others find this node again. */
  TidemarkProcess keepPort() {
    return setting("http.addr", "127.0.0.1:" + Ports.free());
  }

  /** Runs on a host of a network, with a port of its own that other hosts reach. */
  TidemarkProcess on(Host newHost) {
    host = newHost;
    setting("http.insecure", "true");
    return setting("http.addr", newHost.address() + ":20202");
  }

  /** Null if it runs on the machine of the tests itself. */
  Host host() {
    return host;
  }

  /** A replica of that node, which keeps its port. */
  TidemarkProcess follow(TidemarkProcess primary) {
    setting("lease.candidate", "false");
    return setting("lease.advertise-url", "http://" + primary.settings.get("http").get("addr"));
  }

  /** A primary that follows nobody. */
  TidemarkProcess lead() {
    setting("lease.candidate", "true");
    return setting("lease.advertise-url", null);
  }

  /** One of several that elect their primary; {@link #keepPort} or {@link #on} comes first. */
  TidemarkProcess elect(String etcdEndpoints) {
    setting("lease.ttl", "3s");
    return elect("etcd", "{endpoints: [" + etcdEndpoints + "]}");
  }

  /**
   * The same with any store.
   *
   * @param type of the lease
   * @param options the section of that type, as a flow mapping
   */
  TidemarkProcess elect(String type, String options) {
    setting("lease.type", type);
    setting("lease.hostname", name);
    setting("lease." + type, options);
    return setting("lease.advertise-url", "http://" + settings.get("http").get("addr"));
  }

  String name() {
    return name;
  }

  private String configuration() {
    StringBuilder text = new StringBuilder();
    settings.forEach(
        (section, values) -> {
          text.append(section).append(":\n");
          values.forEach((key, value) -> text.append("  " + key + ": " + value + "\n"));
        });
    return text.toString();
  }

  Path mount() {
    return mount;
  }

  Path file(String fileName) {
    return mount.resolve(fileName);
  }

  Path data() {
    return data;
  }

  String url() {
    return "http://" + (host == null ? "127.0.0.1" : host.address()) + ":" + port;
  }

  boolean plain() {
    return Settings.plain();
  }

  long pid() {
    return process.pid();
  }

  /** Starts the program and waits until its mount is really there. */
  TidemarkProcess start() {
    launch();
    return awaitStarted();
  }

  /** The rest of {@link #start} after {@link #launch}. */
  TidemarkProcess awaitStarted() {
    if (plain()) {
      return this;
    }
    Await.until(
        START_LIMIT,
        "mount of " + this,
        () -> {
          if (!process.isAlive()) {
            throw new AssertionError(
                "The program ended with exit code " + process.exitValue() + "\n" + output());
          }
          return Mounts.isFuse(mount);
        });
    if (host == null) {
      // The port may open a moment after the mount.
      Await.until(
          START_LIMIT,
          "port of " + this,
          () -> {
            try (Socket socket = new Socket()) {
              socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 1000);
              return true;
            } catch (ConnectException e) {
              return !process.isAlive(); // then what comes next says why
            }
          });
    } else {
      // Only then its guard is there, which removes the mount if it is killed.
      Await.until(
          START_LIMIT,
          "word of " + this + " that it is mounted",
          () -> output().contains(" mounted ") || !process.isAlive());
    }
    connection = Mounts.at(mount).connection();
    assertThat(Mounts.answers(mount)).as("%s is mounted but does not answer", mount).isTrue();
    rememberFamily();
    return this;
  }

  /** Starts the program without waiting for anything. */
  void launch() {
    if (process != null && process.isAlive()) {
      throw new IllegalStateException(this + " runs already");
    }
    try {
      Files.createDirectories(mount);
      Files.createDirectories(logs);
      if (plain()) {
        return;
      }
      starts++;
      if (!settings.containsKey("http")) {
        port = Ports.free();
      } else {
        String address = settings.get("http").get("addr");
        port = Integer.parseInt(address.substring(address.indexOf(':') + 1));
      }
      Path config = logs.resolve(name + ".yml");
      Files.writeString(
          config,
          configuration()
              + (settings.containsKey("http") ? "" : "http:\n  addr: 127.0.0.1:" + port + "\n"));
      List<String> words = new ArrayList<>(enter());
      words.addAll(Launcher.node(optimised));
      words.addAll(
          List.of("mount", "--config", config.toString(), "--transport", transport.option()));
      words.addAll(extraOptions);
      ProcessBuilder builder = new ProcessBuilder(words);
      builder.environment().putAll(environment);
      builder.redirectErrorStream(true).redirectOutput(log().toFile());
      process = builder.start();
      process.getOutputStream().close();
      startWatchdog(process);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private List<String> enter() {
    return host == null ? List.of() : host.enter();
  }

  /**
   * A run of the program, on the same host, that asks this node.
   *
   * @param subcommand one that takes {@code --url}
   */
  Command ask(String subcommand, Object... arguments) {
    List<Object> words = new ArrayList<>(enter());
    words.addAll(Launcher.tool());
    words.addAll(List.of(subcommand, "--url", url()));
    words.addAll(List.of(arguments));
    return Command.of(words.toArray());
  }

  /** What this node answers to a GET; asked on its own host. */
  String get(String path) {
    return host == null ? Download.text(url() + path) : getOnHost(path).ok();
  }

  private void get(String path, Path file) {
    if (host == null) {
      Download.toFile(url() + path, file);
    } else {
      getOnHost(path, file).ok();
    }
  }

  private Command getOnHost(String path, Object... file) {
    List<Object> words = new ArrayList<>(enter());
    words.addAll(List.of(Settings.python(), Settings.script("http_get.py"), url() + path));
    words.addAll(List.of(file));
    return Command.of(words.toArray());
  }

  /** The answer of {@code /status}. */
  Map<?, ?> status() {
    return (Map<?, ?>) Json.parse(get("/status"));
  }

  /**
   * The sum of a metric over all databases that it names.
   *
   * @param name of a metric without its labels
   */
  long metric(String name) {
    return metric(line -> line.startsWith(name + "{") || line.startsWith(name + " "));
  }

  /** A metric of one database. */
  long metric(String name, String database) {
    return metric(line -> line.startsWith(name + "{db=\"" + database + "\""));
  }

  private long metric(Predicate<String> wanted) {
    return (long)
        get("/metrics")
            .lines()
            .filter(wanted)
            .mapToDouble(line -> Double.parseDouble(line.substring(line.lastIndexOf(' '))))
            .sum();
  }

  /** A run of the program that ends by itself. */
  static Command tidemark(Object... arguments) {
    List<Object> words = new ArrayList<>(Launcher.tool());
    words.addAll(List.of(arguments));
    return Command.of(words.toArray());
  }

  private void startWatchdog(Process watched) {
    long deadline = System.nanoTime() + longestLife.toNanos();
    watchdog =
        new Thread(
            () -> {
              try {
                long left = deadline - System.nanoTime();
                if (!watched.waitFor(Math.max(left, 0), TimeUnit.NANOSECONDS)) {
                  abortedBecause = this + " ran longer than " + longestLife + " and was killed";
                  System.err.println(abortedBecause);
                  Mounts.Entry entry = Mounts.at(mount);
                  if (entry != null) {
                    Mounts.abort(entry.connection());
                  }
                  watched.destroyForcibly();
                }
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
            },
            "watchdog of " + name);
    watchdog.setDaemon(true);
    watchdog.start();
  }

  /** For starts that may be meant to fail: until the mount is there or the process is gone. */
  void awaitMountOrExit() {
    Await.until(
        START_LIMIT, "mount or end of " + this, () -> !process.isAlive() || Mounts.isFuse(mount));
  }

  /** SIGTERM without expectations. */
  void askToStop() {
    rememberFamily();
    process.destroy();
  }

  private void rememberFamily() {
    if (process != null && process.isAlive()) {
      process.toHandle().descendants().forEach(family::add);
    }
  }

  /** SIGKILL, then waits until process and mount are gone. */
  void kill() {
    if (plain()) {
      return;
    }
    rememberFamily();
    process.destroyForcibly();
    awaitKilled();
  }

  /**
   * Waits until a process that was or will be killed by a signal is gone and its mount with it. The
   * program's own guard should unmount; if it does not, that is reported as a failure.
   */
  void awaitKilled() {
    int exit = awaitExit(STOP_LIMIT);
    assertThat(exit).as("exit code of a killed program\n%s", output()).isEqualTo(137);
    boolean guarded = Await.within(GUARD_LIMIT, () -> Mounts.at(mount) == null);
    if (!guarded) {
      clearMount();
      throw new AssertionError(
          "The mount outlived its killed program for " + GUARD_LIMIT.toSeconds() + " s: " + mount);
    }
    awaitFamily();
  }

  /** SIGTERM; expects a clean exit that leaves no mount. */
  void terminate() {
    terminate(0, 143);
  }

  /** SIGTERM while programs use the mount: they may have to be cut off, which is an exit code 1. */
  void terminateUnderLoad() {
    terminate(0, 1, 143);
  }

  private void terminate(Object... exitCodes) {
    if (plain()) {
      return;
    }
    rememberFamily();
    process.destroy();
    int exit = awaitExit(STOP_LIMIT);
    assertThat(Mounts.at(mount)).as("mount after SIGTERM, exit code %s", exit).isNull();
    assertThat((Object) exit).as("exit code after SIGTERM\n%s", output()).isIn(exitCodes);
    awaitFamily();
  }

  boolean isAlive() {
    return plain() || (process != null && process.isAlive());
  }

  /** Exit code of a program that ends by itself; what hangs is aborted and reported. */
  int awaitExit(Duration limit) {
    try {
      if (!process.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS)) {
        String state =
            "still alive after %d s\n%s\n%s".formatted(limit.toSeconds(), threads(), output());
        clearMount();
        process.destroyForcibly();
        process.waitFor(20, TimeUnit.SECONDS);
        throw new AssertionError(this + " " + state);
      }
      return process.exitValue();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError("interrupted", e);
    }
  }

  /** Where each thread waits in the kernel: a process that does not die says nothing itself. */
  private String threads() {
    String each = "cd $t && echo $(cat comm): $(cut -d' ' -f3-9 stat) $(cat wchan) $(cat stack)";
    return Command.of("sh", "-c", "for t in /proc/" + pid() + "/task/*; do (" + each + "); done")
        .run()
        .toString();
  }

  /** SIGSTOP: nothing of it runs, and whoever uses its mount hangs, until {@link #thaw}. */
  void freeze() {
    Command.of("kill", "-STOP", pid()).ok();
    // One that is in the middle of something in the kernel ends that first.
    Await.within(GUARD_LIMIT, this::isFrozen);
  }

  private boolean isFrozen() throws IOException {
    try (var tasks = Files.list(Path.of("/proc/" + pid() + "/task"))) {
      for (Path task : tasks.toList()) {
        String stat = Files.readString(task.resolve("stat"));
        if (stat.charAt(stat.lastIndexOf(')') + 2) != 'T') {
          return false;
        }
      }
    } catch (NoSuchFileException e) {
      return false; // a thread that ended meanwhile
    }
    return true;
  }

  /** SIGCONT. */
  void thaw() {
    Command.of("kill", "-CONT", pid()).ok();
  }

  /** Memory of the process that is in RAM. */
  long residentBytes() {
    try (var lines = Files.lines(Path.of("/proc/" + pid() + "/status"))) {
      return lines
          .filter(line -> line.startsWith("VmRSS:"))
          .mapToLong(line -> 1024 * Long.parseLong(line.replaceAll("[^0-9]", "")))
          .sum();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Kill and start again on the same data directory. */
  void killAndRestart() {
    kill();
    start();
  }

  /** What the current start printed so far. */
  String output() {
    try {
      return plain() || !Files.exists(log()) ? "" : Files.readString(log());
    } catch (IOException e) {
      return "(log cannot be read: " + e + ")";
    }
  }

  private Path log() {
    return logs.resolve(name + "-" + starts + ".log");
  }

  /** Text of NAME-pos: {@code TXID/checksum}; all zero if there is no such database. */
  Position position(String database) {
    if (plain()) {
      return Position.NONE;
    }
    Command.Result result = Command.of("cat", file(database + "-pos")).run();
    return result.exit() == 0 ? Position.parse(result.text()) : Position.NONE;
  }

  /**
   * {@code tidemark ltx verify} of a database whose program may run or not. It runs in this
   * process: the start of another one would take longer than the work.
   */
  void verifyLog(String database) {
    if (plain()) {
      return;
    }
    String[] words = {"ltx", "verify", "--data-dir", data.toString(), "--name", database};
    ByteArrayOutputStream said = new ByteArrayOutputStream();
    PrintStream out = new PrintStream(said, true, StandardCharsets.UTF_8);
    assertThat(CommandLineTool.run(words, out, out))
        .as("%s: %s", List.of(words), said.toString(StandardCharsets.UTF_8))
        .isZero();
  }

  /** A consistent copy through the HTTP port; on a plain directory SQLite's own. */
  void export(String database, Path to) {
    if (plain()) {
      Command.sqlite(file(database), ".backup '" + to + "'").ok();
    } else {
      get("/export?name=" + database, to);
    }
  }

  @Override
  public void close() {
    if (plain()) {
      return;
    }
    rememberFamily();
    List<Throwable> problems = new ArrayList<>();
    if (process != null && process.isAlive()) {
      Command.of("kill", "-CONT", pid()).run(); // it may have been frozen
      process.destroy();
      try {
        if (!process.waitFor(20, TimeUnit.SECONDS)) {
          problems.add(new AssertionError(this + " ignored SIGTERM for 20 s\n" + output()));
          if (connection != null) {
            Mounts.abort(connection);
          }
          process.destroyForcibly();
          process.waitFor(20, TimeUnit.SECONDS);
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        process.destroyForcibly();
      }
    }
    clearMount();
    family.stream().filter(ProcessHandle::isAlive).forEach(ProcessHandle::destroyForcibly);
    if (abortedBecause != null) {
      problems.add(new AssertionError(abortedBecause));
    }
    if (!problems.isEmpty()) {
      AssertionError error = new AssertionError("Could not stop cleanly");
      problems.forEach(error::addSuppressed);
      throw error;
    }
  }

  private void clearMount() {
    Mounts.Entry entry = Mounts.at(mount);
    if (entry != null && entry.type().startsWith("fuse")) {
      Mounts.abort(entry.connection());
    }
    Mounts.clear(mount);
  }

  private void awaitFamily() {
    Await.until(
        GUARD_LIMIT,
        "end of the processes that " + this + " had started: " + family,
        () -> family.stream().noneMatch(ProcessHandle::isAlive));
    family.clear();
  }

  @Override
  public String toString() {
    return "tidemark " + name + " (" + transport.option() + ", " + mount + ")";
  }
}
