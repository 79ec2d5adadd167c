package io.tidemark.node.bench;

import java.io.IOException;
import java.nio.file.Path;
import java.sql.SQLException;

/**
 * One row of the benchmark: something that is measured in both directories.
 *
 * @param name short, for --only
 * @param unit what {@link BenchRound#perSecond} counts
 */
record BenchRow(String name, String about, String unit, Opener opener) {
  /** Prepares the row in a directory. */
  interface Opener {
    Run open(Path directory) throws SQLException, IOException;
  }

  /** The row in one directory, ready to measure. */
  interface Run extends AutoCloseable {
    /** Measures for about that long; rows with fixed work do it once. */
    BenchRound round(long nanos) throws SQLException, IOException;

    @Override
    void close() throws SQLException, IOException;
  }
}
