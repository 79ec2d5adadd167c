package io.tidemark.node.bench;

import java.io.IOException;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;

/** A program that looks for the newest row of a database on a replica. */
final class ReplicaReader implements AutoCloseable {
  private final Connection connection;
  private final PreparedStatement newest;

  /** Opens a database that is there. */
  ReplicaReader(Path file) throws SQLException {
    connection = DriverManager.getConnection("jdbc:sqlite:" + file);
    newest = connection.prepareStatement("SELECT max(id) FROM t");
  }

  /** The greatest id, 0 if there is none. One statement, one read transaction. */
  long newest() throws SQLException {
    try (ResultSet result = newest.executeQuery()) {
      result.next();
      return result.getLong(1);
    }
  }

  /**
   * Waits for a row.
   *
   * @return {@link System#nanoTime} when it was there
   */
  long await(long id, long limitNanos) throws SQLException, IOException {
    long begin = System.nanoTime();
    while (newest() < id) {
      if (System.nanoTime() - begin > limitNanos) {
        throw new IOException("row " + id + " did not come to the replica");
      }
      Pace.pause();
    }
    return System.nanoTime();
  }

  @Override
  public void close() throws SQLException {
    connection.close();
  }
}
