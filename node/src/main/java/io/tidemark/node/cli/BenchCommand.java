package io.tidemark.node.cli;

import io.tidemark.node.bench.Benchmark;
import io.tidemark.node.bench.Benchmark.Line;
import io.tidemark.node.bench.FileSystems;
import io.tidemark.node.bench.ReplicationSizes;
import io.tidemark.node.config.SizeText;
import io.tidemark.node.json.Json;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.UnaryOperator;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Measures a mount against another directory of the same machine. */
@Command(
    name = "bench",
    description = {
      "Measures SQLite in a mount and in another directory in turn, and compares them.",
      "With --replication: starts a primary and replicas as processes on this machine, in a"
          + " directory that is removed at the end, and measures what comes to a replica and when."
    },
    footer = {
      "",
      "A ratio of 1.00 means: as fast as the other directory; above 1, faster.",
      "Rows of --replication: apply, visible-wal, visible-delete, first-sync, catch-up,"
          + " commits-full, commits-normal, memory.",
      "",
      "Examples:",
      "  tidemark bench",
      "  tidemark bench --dir /srv/db --against /tmp --seconds 10",
      "  tidemark bench --replication --replicas 2"
    })
final class BenchCommand extends ToolCommand {
  private static final int MOST_REPLICAS = 16;

  @Mixin private ApiOptions api;

  @Option(
      names = "--dir",
      paramLabel = "DIR",
      description =
          "In the mount; default: the node's mount. With --replication: for all data and mounts,"
              + " not in a mount; default: the system's temporary directory.")
  private Path dir;

  @Option(
      names = "--against",
      paramLabel = "DIR",
      description = "To compare with; default: a new directory beside the node's data directory.")
  private Path against;

  @Option(
      names = "--seconds",
      defaultValue = "5",
      paramLabel = "N",
      description = "Measuring time per row and directory (default 5).")
  private long seconds;

  @Option(
      names = "--size",
      defaultValue = "1GiB",
      paramLabel = "SIZE",
      description = "Size of the large database (default 1GiB).")
  private String size;

  @Option(names = "--only", split = ",", paramLabel = "ROW", description = "Only these rows.")
  private List<String> only = List.of();

  @Option(
      names = "--replication",
      description = "Measure a primary and replicas, which this starts and ends.")
  private boolean replication;

  @Option(
      names = "--replicas",
      paramLabel = "N",
      description = "With --replication: how many, 1 to 16 (default 1).")
  private Integer replicas;

  @Option(names = "--quick", description = "With --replication: small sizes, to see that it works.")
  private boolean quick;

  @Option(names = "--json", description = "Print one JSON object.")
  private boolean json;

  @Override
  int call(Context context) throws Failure, IOException {
    CommandLineTool.quietLog(debug);
    if (seconds < 1) {
      throw new Failure(Failure.USAGE, "--seconds must be at least 1.", null);
    }
    if (replication) {
      replication(context);
      return 0;
    }
    if (replicas != null || quick) {
      throw new Failure(
          Failure.USAGE, "--replicas and --quick are for --replication. Add it.", null);
    }
    Map<String, Object> node =
        dir == null || against == null ? api.client().getJson("/status") : Map.of();
    Path measured = dir != null ? dir : Path.of(String.valueOf(node.get("mount")));
    FileSystems fileSystem = directory(measured);
    if (!fileSystem.isTidemark()) {
      throw new Failure(
          measured + " is not in a mount of Tidemark but on " + fileSystem + ". Choose --dir.");
    }
    if (against != null) {
      run(context, measured, fileSystem, against, backing(node));
      return 0;
    }
    Path beside = besideData(node, fileSystem);
    try {
      run(context, measured, fileSystem, beside, backing(node));
    } finally {
      Files.deleteIfExists(beside);
    }
    return 0;
  }

  private void replication(Context context) throws Failure, IOException {
    int count = replicas == null ? 1 : replicas;
    if (count < 1 || count > MOST_REPLICAS) {
      throw new Failure(Failure.USAGE, "--replicas must be 1 to " + MOST_REPLICAS + ".", null);
    }
    if (against != null) {
      throw new Failure(
          Failure.USAGE, "--against means nothing with --replication. Leave it out.", null);
    }
    ReplicationSizes sizes;
    try {
      sizes =
          quick
              ? ReplicationSizes.quick()
              : ReplicationSizes.full((int) Math.min(seconds, 3600), SizeText.parse(size));
    } catch (IllegalArgumentException e) {
      throw new Failure(Failure.USAGE, e.getMessage(), e);
    }
    new ReplicationBenchRun(context, dir, count, sizes, json).run(Set.copyOf(only));
  }

  private static FileSystems directory(Path directory) throws Failure, IOException {
    if (!Files.isDirectory(directory)) {
      throw new Failure("There is no directory " + directory + ".");
    }
    return FileSystems.of(directory);
  }

  /** A new directory on the disk of the node's data, for a fair comparison. */
  private static Path besideData(Map<String, Object> node, FileSystems fileSystem)
      throws Failure, IOException {
    if (!fileSystem.mountPoint().equals(node.get("mount"))) {
      throw new Failure(
          "The node at --url serves "
              + node.get("mount")
              + ", not "
              + fileSystem.mountPoint()
              + ". Give --against a directory on the disk of the data directory.");
    }
    Path data = Path.of(String.valueOf(node.get("path")));
    return Files.createTempDirectory(data.toAbsolutePath().getParent(), "tidemark-bench-");
  }

  /** Where the node keeps what the mount shows; null when there is no node to ask. */
  private static UnaryOperator<Path> backing(Map<String, Object> node) {
    if (!(node.get("path") instanceof String data && node.get("mount") instanceof String mount)) {
      return null;
    }
    return file -> {
      Path top = Path.of(mount);
      Path absolute = file.toAbsolutePath();
      return absolute.startsWith(top)
          ? Path.of(data, "dbs", top.relativize(absolute).toString(), "database")
          : null;
    };
  }

  private void run(
      Context context,
      Path measured,
      FileSystems fileSystem,
      Path other,
      UnaryOperator<Path> backing)
      throws Failure, IOException {
    FileSystems otherSystem = directory(other);
    Benchmark benchmark;
    try {
      benchmark =
          new Benchmark(measured, other, seconds, SizeText.parse(size), Set.copyOf(only), backing);
    } catch (IllegalArgumentException e) {
      throw new Failure(Failure.USAGE, e.getMessage(), e);
    }
    List<Map<String, Object>> results = new ArrayList<>();
    PrintStream out = context.out();
    if (!json) {
      out.printf("dir      %s  %s%n", measured, fileSystem);
      out.printf("against  %s  %s%n", other, otherSystem);
      out.printf("%s%n", benchmark.cacheNote());
    }
    AtomicBoolean interrupted = new AtomicBoolean();
    Thread afterInterrupt =
        new Thread(
            () -> {
              interrupted.set(true);
              cleanUp(benchmark, other);
            },
            "bench-cleanup");
    Runtime.getRuntime().addShutdownHook(afterInterrupt);
    long warmUp;
    try {
      progress(context.err(), "warm-up");
      warmUp = benchmark.warmUp();
      if (!json) {
        progress(context.err(), null);
        out.printf("warm-up: %d commits in dir, until its compiler has done its work%n%n", warmUp);
      }
      benchmark.run(
          row -> progress(context.err(), row),
          line -> {
            results.add(line.json());
            progress(context.err(), null);
            if (!json) {
              print(out, line);
            }
          });
    } catch (SQLException | IOException e) {
      if (interrupted.get()) {
        throw new Failure("Interrupted.", e);
      }
      throw new Failure("The benchmark failed: " + e.getMessage() + ".", e);
    } finally {
      if (!interrupted.get()) {
        Runtime.getRuntime().removeShutdownHook(afterInterrupt);
      }
    }
    if (json) {
      out.println(
          Json.write(
              Json.object(
                  "dir", measured.toString(),
                  "dirFileSystem", fileSystem.toString(),
                  "against", other.toString(),
                  "againstFileSystem", otherSystem.toString(),
                  "cache", benchmark.cacheNote(),
                  "warmUpCommits", warmUp,
                  "rows", results)));
    }
  }

  /** After Ctrl-C. */
  private void cleanUp(Benchmark benchmark, Path other) {
    try {
      benchmark.cleanUp();
      if (against == null) {
        Files.deleteIfExists(other);
      }
    } catch (IOException e) {
      System.err.println("Cannot remove tidemark-bench-*.db: " + e.getMessage());
    }
  }

  private static void print(PrintStream out, Line line) {
    out.printf("%s  [%s, %s]%n", line.about(), line.name(), line.unit());
    out.printf("  dir      %s%n", line.dirText());
    out.printf("  against  %s%n", line.againstText());
    out.printf(Locale.ROOT, "  ratio    %.2f%n", line.ratio());
    out.flush();
  }

  static void progress(PrintStream err, String row) {
    if (err == System.err && Progress.isTerminal()) {
      err.print(row == null ? "\r\u001b[K" : "\r" + row + " ...\u001b[K");
      err.flush();
    }
  }
}
