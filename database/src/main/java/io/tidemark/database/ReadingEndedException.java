package io.tidemark.database;

import java.io.IOException;

/**
 * What was being read is not what the database is any more: it was replaced, dropped or taken out
 * of service meanwhile. Nothing is wrong with it; who still wants it begins again.
 */
public final class ReadingEndedException extends IOException {
  private static final long serialVersionUID = 1;

  ReadingEndedException(String message) {
    super(message);
  }

  /** The database object has ended; another one may serve the name, or the store is closed. */
  static ReadingEndedException notServed(String databaseName) {
    return new ReadingEndedException(
        "'"
            + databaseName
            + "' is not served by this object any more; look the database up and begin again");
  }
}
