package io.tidemark.mount;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;

/** Runs one SQL statement for each line of standard input; the argument is the database. */
final class JdbcMain {
  private JdbcMain() {}

  public static void main(String[] args) throws SQLException, IOException {
    try (Connection connection = DriverManager.getConnection("jdbc:sqlite:" + args[0]);
        Statement statement = connection.createStatement()) {
      System.out.println("\u0004");
      BufferedReader in =
          new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        try {
          if (statement.execute(line.replace('\u001f', '\n'))) {
            print(statement.getResultSet());
          }
        } catch (SQLException e) {
          System.out.println("!" + e.getMessage());
        }
        System.out.println("\u0004");
      }
    }
  }

  private static void print(ResultSet rows) throws SQLException {
    int columns = rows.getMetaData().getColumnCount();
    while (rows.next()) {
      StringBuilder line = new StringBuilder();
      for (int i = 1; i <= columns; i++) {
        line.append(i > 1 ? "|" : "").append(rows.getString(i));
      }
      System.out.println(line);
    }
  }
}
