package io.tidemark.node.cli;

import io.tidemark.node.bench.FileSystems;
import io.tidemark.node.bench.ReplicationBenchmark;
import io.tidemark.node.bench.ReplicationLine;
import io.tidemark.node.bench.ReplicationSizes;
import io.tidemark.node.json.Json;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;

/** {@code tidemark bench --replication}. */
final class ReplicationBenchRun {
  private final ToolCommand.Context context;
  private final Path parent;
  private final int replicas;
  private final ReplicationSizes sizes;
  private final boolean json;

  /**
   * @param parent of everything it makes; null for the system's temporary directory
   */
  ReplicationBenchRun(
      ToolCommand.Context context,
      Path parent,
      int replicas,
      ReplicationSizes sizes,
      boolean json) {
    this.context = context;
    this.parent = parent == null ? Path.of(System.getProperty("java.io.tmpdir")) : parent;
    this.replicas = replicas;
    this.sizes = sizes;
    this.json = json;
  }

  void run(Set<String> only) throws Failure, IOException {
    if (!Files.isDirectory(parent)) {
      throw new Failure("There is no directory " + parent + ".");
    }
    FileSystems fileSystem = FileSystems.of(parent);
    if (fileSystem.isTidemark()) {
      throw new Failure(
          parent + " is in a mount of Tidemark. Choose a plain directory with --dir.");
    }
    ReplicationBenchmark benchmark;
    try {
      benchmark =
          new ReplicationBenchmark(OwnProgram.words(), parent.toRealPath(), replicas, sizes, only);
    } catch (IllegalArgumentException e) {
      throw new Failure(Failure.USAGE, e.getMessage(), e);
    }
    AtomicBoolean interrupted = new AtomicBoolean();
    Thread afterInterrupt =
        new Thread(
            () -> {
              interrupted.set(true);
              close(benchmark);
            },
            "bench-cleanup");
    Runtime.getRuntime().addShutdownHook(afterInterrupt);
    try {
      measure(benchmark, fileSystem);
    } catch (SQLException | IOException e) {
      throw new Failure(
          interrupted.get() ? "Interrupted." : "The benchmark failed: " + e.getMessage() + ".", e);
    } finally {
      close(benchmark);
      if (!interrupted.get()) {
        Runtime.getRuntime().removeShutdownHook(afterInterrupt);
      }
    }
  }

  private void close(ReplicationBenchmark benchmark) {
    try {
      benchmark.close();
    } catch (IOException e) {
      context.err().println("Cannot remove " + benchmark.directory() + ": " + e.getMessage() + ".");
    }
  }

  private void measure(ReplicationBenchmark benchmark, FileSystems fileSystem)
      throws SQLException, IOException {
    PrintStream out = context.out();
    List<Map<String, Object>> results = new ArrayList<>();
    if (!json) {
      out.printf("dir       %s  %s%n", benchmark.directory(), fileSystem);
      out.printf(
          "replicas  %d, on the CPUs and the disk of the primary (%d CPUs)%n%n",
          replicas, Runtime.getRuntime().availableProcessors());
    }
    benchmark.run(
        row -> BenchCommand.progress(context.err(), row),
        line -> {
          results.add(line.json());
          BenchCommand.progress(context.err(), null);
          if (!json) {
            print(out, line);
          }
        });
    if (json) {
      out.println(
          Json.write(
              Json.object(
                  "dir",
                  parent.toString(),
                  "fileSystem",
                  fileSystem.toString(),
                  "replicas",
                  replicas,
                  "rows",
                  results)));
    }
  }

  private static void print(PrintStream out, ReplicationLine line) {
    out.printf("%s  [%s, %s]%n", line.about(), line.name(), line.unit());
    int width = line.figures().stream().mapToInt(figure -> figure.label().length()).max().orElse(0);
    for (ReplicationLine.Figure figure : line.figures()) {
      out.printf("  %-" + Math.max(8, width) + "s %s%n", figure.label(), figure.text());
    }
    out.flush();
  }
}
