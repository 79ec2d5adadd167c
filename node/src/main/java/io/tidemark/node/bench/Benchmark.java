package io.tidemark.node.bench;

import io.tidemark.node.json.Json;
import java.io.IOException;
import java.nio.file.Path;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;

/**
 * Runs rows in two directories in turn, so that whatever else the machine does hits both alike, and
 * compares the medians.
 */
public final class Benchmark {
  private static final int ROUNDS = 5;

  /**
   * So many commits until the compiler of the daemon's JVM has done its work, or so many seconds.
   */
  private static final int WARM_UP_COMMITS = 15_000;

  private static final long WARM_UP_NANOS = 30_000_000_000L;

  private final Path dir;
  private final Path against;
  private final long seconds;
  private final List<BenchRow> rows;
  private final CacheDropper cache;

  /** A finished row. */
  public record Line(
      String name,
      String about,
      String unit,
      double dirRate,
      double againstRate,
      double ratio,
      String dirText,
      String againstText,
      Map<String, Object> json) {}

  /**
   * A benchmark of a directory against another one.
   *
   * @param seconds measuring time of each row in each directory
   * @param bigSize bytes of the large database
   * @param only names of rows; empty for all
   * @param backing where the node keeps the file behind each database, for cold reads; may be null
   * @throws IllegalArgumentException when a name is unknown
   */
  public Benchmark(
      Path dir,
      Path against,
      long seconds,
      long bigSize,
      Set<String> only,
      UnaryOperator<Path> backing) {
    this.cache = new CacheDropper(backing);
    this.dir = dir;
    this.against = against;
    this.seconds = seconds;
    List<BenchRow> all = new BenchRows(bigSize, cache).all();
    Set<String> unknown = new TreeSet<>(only);
    all.forEach(row -> unknown.remove(row.name()));
    if (!unknown.isEmpty()) {
      List<String> names = all.stream().map(BenchRow::name).toList();
      throw unknownRows(unknown, names);
    }
    this.rows = all.stream().filter(row -> only.isEmpty() || only.contains(row.name())).toList();
  }

  static IllegalArgumentException unknownRows(Set<String> unknown, List<String> names) {
    return new IllegalArgumentException(
        "There is no row "
            + String.join(", ", unknown)
            + ". Rows: "
            + String.join(", ", names)
            + ".");
  }

  /** How cold reads are made cold. */
  public String cacheNote() {
    return cache.about();
  }

  /**
   * Commits in the mount until its daemon runs at full speed.
   *
   * @return how many commits it took
   */
  public long warmUp() throws SQLException, IOException {
    return BenchRows.warmUp(dir, WARM_UP_COMMITS, WARM_UP_NANOS);
  }

  /** Runs every row; each is handed over as soon as it is done. */
  public void run(Consumer<String> progress, Consumer<Line> lines)
      throws SQLException, IOException {
    try {
      for (BenchRow row : rows) {
        progress.accept(row.about());
        lines.accept(measure(row));
      }
    } finally {
      cleanUp();
    }
  }

  /** Removes every file of a benchmark from both directories. */
  public void cleanUp() throws IOException {
    BenchDatabase.deleteAll(dir);
    BenchDatabase.deleteAll(against);
  }

  private Line measure(BenchRow row) throws SQLException, IOException {
    List<BenchRound> ours = new ArrayList<>();
    List<BenchRound> theirs = new ArrayList<>();
    long nanos = seconds * 1_000_000_000L / ROUNDS;
    try (BenchRow.Run a = row.opener().open(dir);
        BenchRow.Run b = row.opener().open(against)) {
      // Unmeasured: the caches, and the JIT for what is new in this row.
      a.round(nanos / 4);
      b.round(nanos / 4);
      for (int i = 0; i < ROUNDS; i++) {
        // Taking turns at going first: what one leaves for the disk to do hits both alike.
        if (i % 2 == 0) {
          ours.add(a.round(nanos));
        }
        theirs.add(b.round(nanos));
        if (i % 2 == 1) {
          ours.add(a.round(nanos));
        }
      }
    }
    return line(row, BenchResult.of(ours), BenchResult.of(theirs));
  }

  private static Line line(BenchRow row, BenchResult ours, BenchResult theirs) {
    double ratio = ours.median() / theirs.median();
    return new Line(
        row.name(),
        row.about(),
        row.unit(),
        ours.median(),
        theirs.median(),
        ratio,
        BenchText.of(row.unit(), ours),
        BenchText.of(row.unit(), theirs),
        Json.object(
            "name", row.name(),
            "about", row.about(),
            "unit", row.unit(),
            "dir", ours.toJson(),
            "against", theirs.toJson(),
            "ratio", ratio));
  }
}
