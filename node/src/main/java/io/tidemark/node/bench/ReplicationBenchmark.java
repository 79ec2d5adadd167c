package io.tidemark.node.bench;

import java.io.IOException;
import java.nio.file.Path;
import java.sql.SQLException;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;

/**
 * Starts a primary and replicas as processes on this machine, and measures what replication does.
 * They share its CPUs and its disk, and so do the programs that write and read.
 */
public final class ReplicationBenchmark implements AutoCloseable {
  private final BenchCluster cluster;
  private final List<ReplicationRow> rows;

  /**
   * A benchmark whose processes are not started yet.
   *
   * @param program words that start the program, a sub-command follows
   * @param parent gets a directory for all data and mounts, which is deleted at the end
   * @param replicas at least 1
   * @param only names of rows; empty for all
   * @throws IllegalArgumentException when a name is unknown
   */
  public ReplicationBenchmark(
      List<String> program, Path parent, int replicas, ReplicationSizes sizes, Set<String> only)
      throws IOException {
    checkNames(replicas, sizes, only);
    this.cluster = new BenchCluster(program, parent, replicas);
    this.rows =
        new ReplicationRows(cluster, sizes)
            .all(replicas).stream()
                .filter(row -> only.isEmpty() || only.contains(row.name()))
                .toList();
  }

  /** Before anything is made. */
  private static void checkNames(int replicas, ReplicationSizes sizes, Set<String> only) {
    List<String> names =
        new ReplicationRows(null, sizes).all(replicas).stream().map(ReplicationRow::name).toList();
    Set<String> unknown = new TreeSet<>(only);
    names.forEach(unknown::remove);
    if (!unknown.isEmpty()) {
      throw Benchmark.unknownRows(unknown, names);
    }
  }

  /** Where everything is. */
  public Path directory() {
    return cluster.directory();
  }

  /** Runs every row; each is handed over as soon as it is done. */
  public void run(Consumer<String> progress, Consumer<ReplicationLine> lines)
      throws SQLException, IOException {
    for (ReplicationRow row : rows) {
      progress.accept(row.about());
      lines.accept(row.measure());
    }
  }

  /** Ends all processes and deletes everything. From any thread; again does nothing. */
  @Override
  public void close() throws IOException {
    cluster.close();
  }
}
