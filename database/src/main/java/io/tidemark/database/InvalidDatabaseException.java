package io.tidemark.database;

import java.io.IOException;

/** A file that was given as a SQLite database is none, or not a whole one. The message says why. */
public final class InvalidDatabaseException extends IOException {
  private static final long serialVersionUID = 1;

  public InvalidDatabaseException(String message) {
    super(message);
  }
}
