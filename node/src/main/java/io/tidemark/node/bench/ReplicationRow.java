package io.tidemark.node.bench;

import java.io.IOException;
import java.sql.SQLException;

/**
 * One row of the replication benchmark.
 *
 * @param name short, for --only
 * @param unit of its rates
 */
record ReplicationRow(String name, String about, String unit, Work work) {
  /** Measures. */
  interface Work {
    void measure(ReplicationLine line) throws SQLException, IOException;
  }

  ReplicationLine measure() throws SQLException, IOException {
    ReplicationLine line = new ReplicationLine(this);
    work.measure(line);
    return line;
  }
}
