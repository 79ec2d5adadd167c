package io.tidemark.it;

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;

/** An ordinary use of SQLite from Java, run as a program: DATABASE JOURNAL_MODE. */
final class JdbcProgram {
  private JdbcProgram() {}

  public static void main(String[] arguments) throws SQLException {
    String url = "jdbc:sqlite:" + arguments[0];
    try (Connection connection = DriverManager.getConnection(url);
        Statement statement = connection.createStatement()) {
      statement.execute("PRAGMA busy_timeout=30000");
      try (ResultSet mode = statement.executeQuery("PRAGMA journal_mode=" + arguments[1])) {
        check(mode.getString(1).equalsIgnoreCase(arguments[1]), "journal mode");
      }
      statement.execute("CREATE TABLE note(id INTEGER PRIMARY KEY, body TEXT)");
      connection.setAutoCommit(false);
      try (PreparedStatement insert =
          connection.prepareStatement("INSERT INTO note(body) VALUES(?)")) {
        for (int i = 0; i < 500; i++) {
          insert.setString(1, "note " + i);
          insert.addBatch();
        }
        insert.executeBatch();
      }
      connection.commit();
      statement.execute("DELETE FROM note WHERE id > 100");
      connection.rollback();
    }
    try (Connection connection = DriverManager.getConnection(url);
        Statement statement = connection.createStatement();
        ResultSet count = statement.executeQuery("SELECT count(*) FROM note")) {
      check(count.getInt(1) == 500, "500 rows, not " + count.getInt(1));
    }
  }

  private static void check(boolean condition, String what) {
    if (!condition) {
      throw new AssertionError(what);
    }
  }
}
