package io.tidemark.node.bench;

import io.tidemark.database.FileTree;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A primary and its replicas, processes on this machine, in a directory of their own. */
final class BenchCluster implements AutoCloseable {
  private static final long FOLLOW_SECONDS = 300;

  private final List<String> program;
  private final Path directory;
  private final BenchNode primary;
  private final List<BenchNode> replicas = new ArrayList<>();
  private boolean closed;

  /**
   * Nodes that are not started yet.
   *
   * @param program words that start the program, a sub-command follows
   * @param parent gets a new directory
   */
  BenchCluster(List<String> program, Path parent, int replicas) throws IOException {
    this.program = program;
    this.directory =
        Files.createTempDirectory(
            parent,
            "tidemark-bench-",
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
    int port = BenchNode.freePort();
    this.primary = BenchNode.of("primary", directory.resolve("primary"), port, null);
    for (int i = 1; i <= replicas; i++) {
      String name = "replica-" + i;
      this.replicas.add(BenchNode.of(name, directory.resolve(name), 0, port));
    }
  }

  Path directory() {
    return directory;
  }

  BenchNode primary() {
    return primary;
  }

  List<BenchNode> replicas() {
    return replicas;
  }

  BenchNode replica() {
    return replicas.get(0);
  }

  /**
   * Starts a node that does not run.
   *
   * @return nanoseconds until it was mounted, 0 if it runs
   */
  synchronized long start(BenchNode node) throws IOException {
    if (closed) {
      throw new IOException("the benchmark has ended");
    }
    return node.isRunning() ? 0 : node.start(program);
  }

  /** Starts the first so many replicas and stops the others. */
  void keepReplicas(int count) throws IOException {
    start(primary);
    for (BenchNode replica : replicas) {
      if (replicas.indexOf(replica) < count) {
        start(replica);
      } else {
        replica.stop();
      }
    }
  }

  /**
   * Returns when a node shows what the primary has of a database.
   *
   * @throws IOException when it takes longer than {@link #FOLLOW_SECONDS}
   */
  void awaitFollowed(BenchNode node, String database) throws IOException {
    String wanted = primary.position(database);
    long begin = System.nanoTime();
    for (String shown = node.position(database);
        !shown.equals(wanted);
        shown = node.position(database)) {
      if (TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - begin) > FOLLOW_SECONDS) {
        throw new IOException(
            database + " is at '" + shown + "' on a replica, at '" + wanted + "' on the primary");
      }
      BenchNode.pause();
    }
  }

  /** All running replicas show what the primary has of a database. */
  void awaitFollowed(String database) throws IOException {
    for (BenchNode replica : replicas) {
      if (replica.isRunning()) {
        awaitFollowed(replica, database);
      }
    }
  }

  /** Ends all processes and deletes everything; again does nothing. */
  @Override
  public synchronized void close() throws IOException {
    if (closed) {
      return;
    }
    closed = true;
    IOException failure = null;
    List<BenchNode> all = new ArrayList<>(replicas);
    all.add(primary);
    for (BenchNode node : all) {
      try {
        node.stop();
      } catch (IOException e) {
        failure = e;
      }
    }
    if (failure != null) {
      throw failure; // nothing is deleted below a mount
    }
    FileTree.delete(directory);
  }
}
