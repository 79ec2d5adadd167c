package io.tidemark.node;

import io.tidemark.database.Database;
import io.tidemark.database.DatabaseMetrics;
import io.tidemark.database.DatabaseStatus;
import java.io.IOException;
import java.nio.channels.WritableByteChannel;
import java.util.function.LongConsumer;

/** A database as the API needs it; see {@link Database} for the meaning of each method. */
public interface ServedDatabase {
  String name();

  DatabaseStatus status();

  DatabaseMetrics metrics();

  /** Bytes of the committed image. */
  long size();

  /** Writes a consistent copy and never blocks writers; reports the bytes written so far. */
  void exportTo(WritableByteChannel out, LongConsumer progress) throws IOException;

  /** The view of a real database. */
  static ServedDatabase of(Database database) {
    return new ServedDatabase() {
      @Override
      public String name() {
        return database.name();
      }

      @Override
      public DatabaseStatus status() {
        return database.status();
      }

      @Override
      public DatabaseMetrics metrics() {
        return database.metrics();
      }

      @Override
      public long size() {
        return database.size();
      }

      @Override
      public void exportTo(WritableByteChannel out, LongConsumer progress) throws IOException {
        database.exportTo(out, progress);
      }
    };
  }
}
