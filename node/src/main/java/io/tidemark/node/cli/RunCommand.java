package io.tidemark.node.cli;

import java.io.IOException;
import java.io.PrintStream;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Runs a command while this node may write a database of which another node is primary. */
@Command(
    name = "run",
    description = "Runs a command on a node: on the primary, or with the right to write there.",
    customSynopsis = "tidemark run [OPTIONS] -- COMMAND...",
    footer = {
      "",
      "With --with-halt-lock-on the primary's own writers of that database wait, and what COMMAND",
      "writes on this node's mount is committed by the primary. On the primary itself there is",
      "nothing to do: COMMAND writes like any other program. The exit code is that of COMMAND.",
      "",
      "Examples:",
      "  tidemark run --with-halt-lock-on /srv/db/app.db -- ./migrate /srv/db/app.db",
      "  tidemark run --promote --if-candidate -- ./migrate /srv/db/app.db"
    })
final class RunCommand extends ToolCommand {
  private static final long RENEW_MILLIS = 2_000;

  /** A little less than the lock lives. */
  private static final long LIFE_NANOS = TimeUnit.SECONDS.toNanos(9);

  private static final Duration TAKE_TIMEOUT = Duration.ofSeconds(30);
  private static final Duration TIMEOUT = Duration.ofSeconds(8);
  private static final long STOP_SECONDS = 10;

  @Mixin private ApiOptions api;

  @Option(
      names = "--with-halt-lock-on",
      paramLabel = "PATH",
      description = "Database file in the mount of this node.")
  private Path database;

  @Option(
      names = "--promote",
      description = "Makes this node primary first, as 'tidemark promote' does.")
  private boolean promote;

  @Option(
      names = "--if-candidate",
      description = "Runs nothing, successfully, on a node that may not be primary.")
  private boolean ifCandidate;

  @Override
  int call(Context context) throws Failure, InterruptedException {
    CommandLineTool.quietLog(debug);
    if (context.command() == null || context.command().isEmpty()) {
      throw new Failure(Failure.USAGE, "There is no command. Write it after --.", null);
    }
    if (ifCandidate && !Boolean.TRUE.equals(api.client().getJson("/status").get("candidate"))) {
      context.err().println("Not run: this node may not be primary (lease.candidate is false).");
      return 0;
    }
    if (promote && !Boolean.TRUE.equals(api.client().getJson("/status").get("isPrimary"))) {
      api.client().post("/promote");
    }
    Lock lock = database == null ? null : lock(context.err());
    try {
      if (lock != null) {
        lock.take();
      }
      return run(context, lock);
    } finally {
      if (lock != null) {
        lock.release();
      }
    }
  }

  private int run(Context context, Lock lock) throws Failure, InterruptedException {
    Process process;
    try {
      process = new ProcessBuilder(context.command()).inheritIO().start();
    } catch (IOException e) {
      throw new Failure(
          "Cannot start '" + context.command().get(0) + "': " + e.getMessage() + ".", e);
    }
    Thread end = new Thread(() -> stop(process, lock), "stop-command");
    Runtime.getRuntime().addShutdownHook(end);
    while (!process.waitFor(RENEW_MILLIS, TimeUnit.MILLISECONDS)) {
      if (lock != null) {
        lock.renew();
      }
    }
    try {
      Runtime.getRuntime().removeShutdownHook(end);
    } catch (IllegalStateException e) {
      end.join(); // a signal has ended the command: the hook gives the lock back
    }
    return process.exitValue();
  }

  /** A signal came: the command ends first, then others may write. */
  private static void stop(Process process, Lock lock) {
    process.destroy();
    try {
      if (!process.waitFor(STOP_SECONDS, TimeUnit.SECONDS)) {
        process.destroyForcibly();
      }
    } catch (InterruptedException e) {
      process.destroyForcibly();
    }
    if (lock != null) {
      lock.release();
    }
  }

  /**
   * @return null on the primary
   */
  private Lock lock(PrintStream err) throws Failure {
    ApiClient client = api.client();
    Map<String, Object> status = client.getJson("/status");
    String name = nameOf(database, Path.of(String.valueOf(status.get("mount"))));
    if (Boolean.TRUE.equals(status.get("isPrimary"))) {
      return null;
    }
    return new Lock(client, name, err);
  }

  /** The name of a database file, which need not exist yet. */
  static String nameOf(Path file, Path mount) throws Failure {
    try {
      Path real =
          Files.exists(file)
              ? file.toRealPath()
              : file.toAbsolutePath().getParent().toRealPath().resolve(file.getFileName());
      Path base = mount.toRealPath();
      if (real.startsWith(base) && !real.equals(base)) {
        return base.relativize(real).toString();
      }
    } catch (IOException e) {
      throw new Failure("Cannot find " + file + ": " + e.getMessage() + ".", e);
    }
    throw new Failure(
        Failure.USAGE,
        file + " is not in the mount " + mount + " of this node. Check the path and --url.",
        null);
  }

  /** The halt lock of one database, as the node of this machine gets it. */
  private static final class Lock {
    private final ApiClient client;
    private final String name;
    private final String path;
    private final PrintStream err;
    private boolean held;
    private Object term;

    /** When the last renewal that succeeded was asked for. */
    private long renewed;

    Lock(ApiClient client, String name, PrintStream err) {
      this.client = client;
      this.name = name;
      this.err = err;
      this.path =
          ApiClient.withName("/halt", name)
              + "&id="
              + String.format("%016x", new SecureRandom().nextLong());
    }

    synchronized void take() throws Failure {
      held = true; // also if the answer is lost
      term = post(TAKE_TIMEOUT);
    }

    private Object post(Duration timeout) throws Failure {
      renewed = System.nanoTime();
      return client
          .json(
              client.send(
                  client.request(path).timeout(timeout).POST(BodyPublishers.noBody()).build(),
                  BodyHandlers.ofString()))
          .get("term");
    }

    synchronized void renew() {
      long before = renewed;
      if (!held) {
        return;
      }
      String problem = "It expired.";
      try {
        if (post(TIMEOUT).equals(term)) {
          return;
        }
      } catch (Failure e) {
        problem = e.getMessage();
        renewed = before;
        if (System.nanoTime() - before < LIFE_NANOS) {
          return; // once more
        }
      }
      // Not taken anew: somebody else may have written meanwhile.
      err.println("The halt lock on " + name + " is lost; further writes fail. " + problem);
      release();
    }

    synchronized void release() {
      if (!held) {
        return;
      }
      held = false;
      try {
        client.json(
            client.send(
                client.request(path).timeout(TIMEOUT).DELETE().build(), BodyHandlers.ofString()));
      } catch (Failure e) {
        err.println(
            "The halt lock on " + name + " was not given back and expires: " + e.getMessage());
      }
    }
  }
}
