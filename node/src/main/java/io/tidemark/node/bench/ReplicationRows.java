package io.tidemark.node.bench;

import io.tidemark.node.config.SizeText;
import java.io.IOException;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;

/** The rows of the replication benchmark. */
final class ReplicationRows {
  private static final int STEADY = 500;
  private static final long LIMIT_NANOS = TimeUnit.MINUTES.toNanos(2);
  private static final String WARM_UP = "tidemark-bench-warm-up.db";

  private final BenchCluster cluster;
  private final ReplicationSizes sizes;

  ReplicationRows(BenchCluster cluster, ReplicationSizes sizes) {
    this.cluster = cluster;
    this.sizes = sizes;
  }

  /**
   * @param replicas how many there are
   * @param sizes what is measured, for the descriptions
   */
  List<ReplicationRow> all(int replicas) {
    String big = SizeText.format(sizes.big());
    String count = String.format(Locale.ROOT, "%,d", sizes.missed());
    return List.of(
        new ReplicationRow(
            "apply", "single-row transactions shown on a replica", "tx/s", this::apply),
        visible("visible-wal", "from COMMIT to a reader of the replica, WAL", "WAL"),
        visible("visible-delete", "from COMMIT to a reader of the replica, DELETE", "DELETE"),
        new ReplicationRow(
            "first-sync",
            "first start of a replica, " + big + " database",
            "tx/s",
            this::firstSync),
        new ReplicationRow("catch-up", count + " missed transactions", "tx/s", this::catchUp),
        commits("commits-full", "commits with and without " + replicas + " replica(s)", "FULL"),
        commits("commits-normal", "commits with and without " + replicas + " replica(s)", "NORMAL"),
        new ReplicationRow(
            "memory", "replica, resident memory at its peak", "bytes", this::memory));
  }

  // ------------------------------------------------------------ preparations

  private SteadyWriter writer(String name, String mode, String synchronous) throws SQLException {
    BenchDatabase database =
        BenchDatabase.open(cluster.primary().mount().resolve(name), mode, synchronous);
    return new SteadyWriter(database);
  }

  private ReplicaReader reader(String name) throws SQLException, IOException {
    cluster.awaitFollowed(name);
    return new ReplicaReader(cluster.replica().mount().resolve(name));
  }

  /** With so many replicas, all processes warm. */
  private void prepare(int replicas) throws SQLException, IOException {
    cluster.keepReplicas(replicas);
    warmUp();
  }

  private void warmUp() throws SQLException, IOException {
    long missing = sizes.warmUpCommits() - cluster.primary().warmUpCommits;
    for (BenchNode replica : cluster.replicas()) {
      if (replica.isRunning()) {
        missing = Math.max(missing, sizes.warmUpCommits() - replica.warmUpCommits);
      }
    }
    if (missing <= 0) {
      return;
    }
    try (SteadyWriter writer = writer(WARM_UP, "WAL", "NORMAL")) {
      writer.commit();
      cluster.awaitFollowed(WARM_UP);
      List<ReplicaReader> readers = new ArrayList<>();
      try {
        for (BenchNode replica : cluster.replicas()) {
          if (replica.isRunning()) {
            readers.add(new ReplicaReader(replica.mount().resolve(WARM_UP)));
            readers.get(readers.size() - 1).newest();
          }
        }
        writer.commits((int) missing);
        cluster.awaitFollowed(WARM_UP);
      } finally {
        for (ReplicaReader reader : readers) {
          reader.close();
        }
      }
    }
    cluster.primary().warmUpCommits += missing;
    for (BenchNode replica : cluster.replicas()) {
      replica.warmUpCommits += replica.isRunning() ? missing : 0;
    }
  }

  // -------------------------------------------------------------------- rows

  private void apply(ReplicationLine line) throws SQLException, IOException {
    prepare(cluster.replicas().size());
    List<BenchRound> committed = new ArrayList<>();
    List<BenchRound> shown = new ArrayList<>();
    try (SteadyWriter writer = writer("apply.db", "WAL", "NORMAL")) {
      writer.commit();
      try (ReplicaReader reader = reader("apply.db")) {
        for (int i = 0; i < sizes.rounds(); i++) {
          long before = writer.last();
          long start = System.nanoTime();
          committed.add(
              new BenchRound(writer.flatOut(sizes.roundNanos()).perSecond(), new long[0]));
          long seen = reader.await(writer.last(), LIMIT_NANOS);
          shown.add(new BenchRound((writer.last() - before) * 1e9 / (seen - start), new long[0]));
        }
      }
    }
    line.rounds("replica", shown).rounds("primary", committed);
    line.number("ratio", BenchResult.of(shown).median() / BenchResult.of(committed).median());
  }

  private ReplicationRow visible(String name, String about, String mode) {
    return new ReplicationRow(name, about, "tx/s", line -> visible(name + ".db", mode, line));
  }

  private void visible(String file, String mode, ReplicationLine line)
      throws SQLException, IOException {
    prepare(cluster.replicas().size());
    List<BenchRound> rounds = new ArrayList<>();
    try (SteadyWriter writer = writer(file, mode, "NORMAL")) {
      writer.commit();
      try (ReplicaReader reader = reader(file)) {
        visibleRound(writer, reader); // unmeasured: the compiler, for what is new in this row
        for (int i = 0; i < sizes.rounds(); i++) {
          rounds.add(visibleRound(writer, reader));
        }
      }
    }
    line.rounds("replica", rounds);
  }

  private BenchRound visibleRound(SteadyWriter writer, ReplicaReader reader)
      throws SQLException, IOException {
    int count = (int) Math.max(10, sizes.roundNanos() * STEADY / 1_000_000_000L);
    long first = writer.last() + 1;
    long[] committed = new long[count];
    long[] seen = new long[count];
    AtomicReference<Exception> failure = new AtomicReference<>();
    Thread thread =
        new Thread(
            () -> {
              try {
                watch(reader, first, seen);
              } catch (SQLException | RuntimeException e) {
                failure.set(e);
              }
            },
            "bench-reader");
    thread.start();
    BenchRound round =
        writer.steadily(
            STEADY,
            (id, nanos) -> {
              committed[(int) (id - first)] = nanos;
              return id - first + 1 < count;
            });
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
    if (failure.get() != null) {
      throw new IOException("the reader failed: " + failure.get().getMessage(), failure.get());
    }
    long[] latencies = new long[count];
    for (int i = 0; i < count; i++) {
      latencies[i] = Math.max(0, seen[i] - committed[i]);
    }
    return new BenchRound(round.perSecond(), latencies);
  }

  /** Notes when each row is there first. */
  private static void watch(ReplicaReader reader, long first, long[] seen) throws SQLException {
    long begin = System.nanoTime();
    int done = 0;
    while (done < seen.length) {
      long newest = reader.newest();
      long now = System.nanoTime();
      if (now - begin > LIMIT_NANOS) {
        throw new SQLException("row " + (first + done) + " did not come");
      }
      while (done < seen.length && first + done <= newest) {
        seen[done++] = now;
      }
      Pace.pause();
    }
  }

  private void firstSync(ReplicationLine line) throws SQLException, IOException {
    prepare(0);
    String big = "big.db";
    try (BenchDatabase database =
        BenchDatabase.open(cluster.primary().mount().resolve(big), "WAL", "NORMAL")) {
      database.fill(sizes.big());
      database.execute("PRAGMA wal_checkpoint(TRUNCATE)");
    }
    List<BenchRound> alone = new ArrayList<>();
    List<BenchRound> meanwhile = new ArrayList<>();
    double[] took = new double[sizes.rounds()];
    double[] mounted = new double[sizes.rounds()];
    try (SteadyWriter writer = writer("other.db", "WAL", "FULL")) {
      steadily(writer); // unmeasured
      for (int i = 0; i < sizes.rounds(); i++) {
        cluster.keepReplicas(0);
        cluster.replica().clear();
        alone.add(steadily(writer));
        long begin = System.nanoTime();
        Background commits = new Background(writer);
        try {
          mounted[i] = cluster.start(cluster.replica()) / 1e9;
          cluster.awaitFollowed(cluster.replica(), big);
          took[i] = (System.nanoTime() - begin) / 1e9;
        } finally {
          meanwhile.add(commits.stop());
        }
      }
    }
    seconds(line, "until shown", took);
    seconds(line, "mounted", mounted);
    double rate = sizes.big() / Statistics.median(took);
    line.text("bytes", SizeText.format((long) rate) + "/s", rate);
    line.rounds("commits", meanwhile).rounds("alone", alone);
    line.number(
        "p99 ratio",
        (double) BenchResult.of(meanwhile).p99Nanos() / BenchResult.of(alone).p99Nanos());
  }

  private BenchRound steadily(SteadyWriter writer) throws SQLException {
    long end = System.nanoTime() + sizes.roundNanos();
    return writer.steadily(STEADY, (id, nanos) -> nanos - end < 0);
  }

  /** A writer on a thread of its own. */
  private static final class Background {
    private final AtomicBoolean goOn = new AtomicBoolean(true);
    private final AtomicReference<BenchRound> round = new AtomicReference<>();
    private final AtomicReference<SQLException> failure = new AtomicReference<>();
    private final Thread thread;

    Background(SteadyWriter writer) {
      thread =
          new Thread(
              () -> {
                try {
                  round.set(writer.steadily(STEADY, (id, nanos) -> goOn.get()));
                } catch (SQLException e) {
                  failure.set(e);
                }
              },
              "bench-writer");
      thread.start();
    }

    BenchRound stop() throws SQLException, IOException {
      goOn.set(false);
      try {
        thread.join();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IOException("interrupted", e);
      }
      if (failure.get() != null) {
        throw failure.get();
      }
      return round.get();
    }
  }

  private static void seconds(ReplicationLine line, String label, double[] values) {
    double least = Double.POSITIVE_INFINITY;
    double greatest = 0;
    for (double value : values) {
      least = Math.min(least, value);
      greatest = Math.max(greatest, value);
    }
    double median = Statistics.median(values);
    line.text(
        label, String.format(Locale.ROOT, "%.2f s (%.2f..%.2f)", median, least, greatest), median);
  }

  private void catchUp(ReplicationLine line) throws SQLException, IOException {
    String file = "catch-up.db";
    List<BenchRound> rates = new ArrayList<>();
    double[] mounted = new double[sizes.rounds()];
    prepare(1);
    try (SteadyWriter writer = writer(file, "WAL", "NORMAL")) {
      for (int i = 0; i < sizes.rounds(); i++) {
        writer.commit();
        cluster.keepReplicas(1);
        cluster.awaitFollowed(file);
        cluster.keepReplicas(0);
        writer.commits(sizes.missed());
        long begin = System.nanoTime();
        mounted[i] = cluster.start(cluster.replica()) / 1e9;
        cluster.awaitFollowed(file);
        rates.add(new BenchRound(sizes.missed() * 1e9 / (System.nanoTime() - begin), new long[0]));
      }
    }
    line.rounds("replica", rates);
    seconds(line, "mounted", mounted);
  }

  private ReplicationRow commits(String name, String about, String synchronous) {
    return new ReplicationRow(
        name,
        about + ", WAL, synchronous=" + synchronous,
        "tx/s",
        line -> commits(name + ".db", synchronous, line));
  }

  /** Without, with, without: what the disk does meanwhile hits both. */
  private void commits(String file, String synchronous, ReplicationLine line)
      throws SQLException, IOException {
    List<BenchRound> without = new ArrayList<>();
    List<BenchRound> with = new ArrayList<>();
    try (SteadyWriter writer = writerOf(file, synchronous)) {
      prepare(0);
      double alone = flatOut(writer, without);
      prepare(cluster.replicas().size());
      cluster.awaitFollowed(file);
      double served = flatOut(writer, with);
      cluster.awaitFollowed(file);
      prepare(0);
      alone = (alone + flatOut(writer, without)) / 2;
      line.rounds("with", with).rounds("without", without);
      line.number("ratio", BenchResult.of(with).median() / BenchResult.of(without).median());
      line.text(
          "CPU of the primary",
          String.format(Locale.ROOT, "%.0f us per commit, %.0f without", served, alone),
          served / alone);
    }
  }

  private SteadyWriter writerOf(String file, String synchronous) throws SQLException, IOException {
    cluster.start(cluster.primary());
    return writer(file, "WAL", synchronous);
  }

  /**
   * @return microseconds of CPU that the primary took for a commit
   */
  private double flatOut(SteadyWriter writer, List<BenchRound> rounds)
      throws SQLException, IOException {
    writer.flatOut(sizes.roundNanos() / 4); // unmeasured
    long cpu = cluster.primary().cpuNanos();
    long before = writer.last();
    for (int i = 0; i < sizes.rounds(); i++) {
      rounds.add(writer.flatOut(sizes.roundNanos()));
    }
    return (cluster.primary().cpuNanos() - cpu) / 1e3 / (writer.last() - before);
  }

  private void memory(ReplicationLine line) throws SQLException, IOException {
    prepare(cluster.replicas().size());
    long peak = 0;
    for (BenchNode replica : cluster.replicas()) {
      peak = Math.max(peak, replica.peakMemory());
    }
    line.text("peak", SizeText.format(peak), peak);
  }
}
