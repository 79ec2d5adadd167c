package io.tidemark.node.bench;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.SplittableRandom;

/** A SQLite file for one row, with one connection. */
final class BenchDatabase implements AutoCloseable {
  private static final int FILL_BLOB = 3900;
  private static final long FILL_TRANSACTION = 16L << 20;

  private final SplittableRandom random = new SplittableRandom(42);
  private final Connection connection;

  private BenchDatabase(Connection connection) {
    this.connection = connection;
  }

  /** Opens or creates the file. */
  static BenchDatabase open(Path file, String journalMode, String synchronous) throws SQLException {
    Connection connection = DriverManager.getConnection("jdbc:sqlite:" + file);
    BenchDatabase database = new BenchDatabase(connection);
    database.execute("PRAGMA journal_mode=" + journalMode);
    database.execute("PRAGMA synchronous=" + synchronous);
    database.execute("CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, v BLOB)");
    return database;
  }

  static Path file(Path directory, String name) {
    return directory.resolve("tidemark-bench-" + name + ".db");
  }

  /** Removes a database with its journals. */
  static void delete(Path file) throws IOException {
    for (String suffix : new String[] {"", "-journal", "-wal", "-shm"}) {
      Files.deleteIfExists(Path.of(file + suffix));
    }
  }

  /** Removes the databases of all rows, also those that an interrupted benchmark left. */
  static void deleteAll(Path directory) throws IOException {
    try (DirectoryStream<Path> files = Files.newDirectoryStream(directory, "tidemark-bench-*.db")) {
      for (Path file : files) {
        delete(file);
      }
    }
  }

  void execute(String sql) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      statement.execute(sql);
    }
  }

  PreparedStatement prepare(String sql) throws SQLException {
    return connection.prepareStatement(sql);
  }

  byte[] blob(int length) {
    byte[] bytes = new byte[length];
    random.nextBytes(bytes);
    return bytes;
  }

  int below(int bound) {
    return random.nextInt(bound);
  }

  /** Fills up to about that many bytes, a page per row. */
  void fill(long bytes) throws SQLException {
    long done = 0;
    while (done < bytes) {
      long step = Math.min(bytes - done, FILL_TRANSACTION);
      insertRows((int) Math.max(1, step / 4096), FILL_BLOB);
      done += step;
    }
  }

  /** Inserts rows in one transaction. */
  void insertRows(int rows, int blobLength) throws SQLException {
    connection.setAutoCommit(false);
    try (PreparedStatement insert = prepare("INSERT INTO t (v) VALUES (?)")) {
      for (int i = 0; i < rows; i++) {
        insert.setBytes(1, blob(blobLength));
        insert.executeUpdate();
      }
      connection.commit();
    } finally {
      connection.setAutoCommit(true);
    }
  }

  @Override
  public void close() throws SQLException {
    connection.close();
  }
}
