package io.tidemark.node.bench;

import io.tidemark.node.bench.BenchRow.Run;
import io.tidemark.node.config.SizeText;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.List;

/** The rows of the benchmark. */
final class BenchRows {
  private static final int ROW = 100;
  private static final int SELECT_ROWS = 10_000;
  private static final int BULK_ROWS = 100_000;
  private static final long LONG_WAL = 64L << 20;

  private final long bigSize;
  private final CacheDropper cache;

  BenchRows(long bigSize, CacheDropper cache) {
    this.bigSize = bigSize;
    this.cache = cache;
  }

  List<BenchRow> all() {
    String big = SizeText.format(bigSize);
    return List.of(
        insert("wal-full", "insert, WAL, synchronous=FULL", "WAL", "FULL"),
        insert("wal-normal", "insert, WAL, synchronous=NORMAL", "WAL", "NORMAL"),
        insert("delete-full", "insert, DELETE, synchronous=FULL", "DELETE", "FULL"),
        select("select-wal", "point SELECT, WAL", "WAL"),
        select("select-delete", "point SELECT, DELETE", "DELETE"),
        new BenchRow("bulk", "one transaction of 100,000 rows, WAL", "rows/s", BenchRows::bulk),
        new BenchRow("cold-read", "cold scan of " + big, "bytes/s", this::coldRead),
        new BenchRow("commit-small", "commit, 1 MiB database", "tx/s", d -> commit(d, 1L << 20)),
        new BenchRow("commit-big", "commit, " + big + " database", "tx/s", d -> commit(d, bigSize)),
        new BenchRow("commit-wal-short", "commit, short WAL", "tx/s", d -> commitWal(d, 0)),
        new BenchRow("commit-wal-long", "commit, 64 MiB WAL", "tx/s", d -> commitWal(d, LONG_WAL)));
  }

  /** Commits so often, or for so long; returns how often. */
  static long warmUp(Path directory, int commits, long nanos) throws SQLException, IOException {
    Path file = BenchDatabase.file(directory, "warm-up");
    long end = System.nanoTime() + nanos;
    long done = 0;
    try {
      try (BenchDatabase database = BenchDatabase.open(file, "WAL", "FULL");
          PreparedStatement insert = database.prepare("INSERT INTO t (v) VALUES (?)")) {
        while (done < commits && System.nanoTime() - end < 0) {
          insert.setBytes(1, database.blob(ROW));
          insert.executeUpdate();
          done++;
        }
      }
      return done;
    } finally {
      BenchDatabase.delete(file);
    }
  }

  private static BenchRow insert(String name, String about, String mode, String synchronous) {
    return new BenchRow(
        name,
        about,
        "tx/s",
        directory -> {
          Path file = BenchDatabase.file(directory, name);
          return inserts(BenchDatabase.open(file, mode, synchronous), file, false);
        });
  }

  private Run commit(Path directory, long bytes) throws SQLException {
    boolean shared = bytes == bigSize;
    Path file = shared ? bigFile(directory) : BenchDatabase.file(directory, "commit-small");
    boolean filled = Files.exists(file);
    BenchDatabase database = BenchDatabase.open(file, "WAL", "FULL");
    if (!filled) {
      database.fill(bytes);
    }
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)");
    return inserts(database, file, shared);
  }

  private static Run commitWal(Path directory, long walBytes) throws SQLException {
    Path file = BenchDatabase.file(directory, "commit-wal-" + walBytes);
    BenchDatabase database = BenchDatabase.open(file, "WAL", "FULL");
    if (walBytes > 0) {
      database.execute("PRAGMA wal_autocheckpoint=0");
      database.fill(walBytes);
    }
    return inserts(database, file, false);
  }

  private static Run inserts(BenchDatabase database, Path file, boolean keep) throws SQLException {
    PreparedStatement insert = database.prepare("INSERT INTO t (v) VALUES (?)");
    return run(
        database,
        keep ? null : file,
        nanos ->
            repeat(
                nanos,
                () -> {
                  insert.setBytes(1, database.blob(ROW));
                  insert.executeUpdate();
                }));
  }

  private static BenchRow select(String name, String about, String mode) {
    return new BenchRow(
        name,
        about,
        "reads/s",
        directory -> {
          Path file = BenchDatabase.file(directory, name);
          BenchDatabase database = BenchDatabase.open(file, mode, "FULL");
          database.insertRows(SELECT_ROWS, ROW);
          PreparedStatement select = database.prepare("SELECT v FROM t WHERE id = ?");
          return run(database, file, nanos -> repeat(nanos, () -> read(database, select)));
        });
  }

  /** One statement, one read transaction: it ends when the result is closed. */
  private static void read(BenchDatabase database, PreparedStatement select) throws SQLException {
    select.setInt(1, 1 + database.below(SELECT_ROWS));
    try (ResultSet result = select.executeQuery()) {
      if (!result.next() || result.getBytes(1).length != ROW) {
        throw new SQLException("a row is missing");
      }
    }
  }

  private static Run bulk(Path directory) throws SQLException {
    Path file = BenchDatabase.file(directory, "bulk");
    BenchDatabase database = BenchDatabase.open(file, "WAL", "FULL");
    return run(
        database,
        file,
        nanos -> {
          database.execute("DELETE FROM t");
          long start = System.nanoTime();
          database.insertRows(BULK_ROWS, ROW);
          return new BenchRound(BULK_ROWS * 1e9 / (System.nanoTime() - start), new long[0]);
        });
  }

  private Run coldRead(Path directory) throws SQLException {
    Path file = bigFile(directory);
    if (!Files.exists(file)) {
      try (BenchDatabase database = BenchDatabase.open(file, "WAL", "FULL")) {
        database.fill(bigSize);
      }
    }
    return new Run() {
      @Override
      public BenchRound round(long nanos) throws SQLException, IOException {
        cache.drop(file);
        long start = System.nanoTime();
        try (BenchDatabase database = BenchDatabase.open(file, "WAL", "FULL");
            PreparedStatement scan = database.prepare("SELECT sum(length(v)) FROM t");
            ResultSet result = scan.executeQuery()) {
          result.next();
        }
        double seconds = (System.nanoTime() - start) / 1e9;
        return new BenchRound(Files.size(file) / seconds, new long[0]);
      }

      @Override
      public void close() {}
    };
  }

  /** Shared by the rows that need a large database, because it takes long to fill. */
  static Path bigFile(Path directory) {
    return BenchDatabase.file(directory, "big");
  }

  private interface Measure {
    BenchRound round(long nanos) throws SQLException;
  }

  private interface Operation {
    void run() throws SQLException;
  }

  private static Run run(BenchDatabase database, Path delete, Measure measure) {
    return new Run() {
      @Override
      public BenchRound round(long nanos) throws SQLException {
        return measure.round(nanos);
      }

      @Override
      public void close() throws SQLException, IOException {
        database.close();
        if (delete != null) {
          BenchDatabase.delete(delete);
        }
      }
    };
  }

  private static BenchRound repeat(long nanos, Operation operation) throws SQLException {
    Samples samples = new Samples();
    long start = System.nanoTime();
    long now = start;
    long done = 0;
    do {
      operation.run();
      long end = System.nanoTime();
      samples.add(end - now);
      now = end;
      done++;
    } while (now - start < nanos);
    return new BenchRound(done * 1e9 / (now - start), samples.toArray());
  }
}
