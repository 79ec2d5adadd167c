package io.tidemark.node.bench;

import java.sql.PreparedStatement;
import java.sql.SQLException;

/** Commits single rows to a database of the primary. */
final class SteadyWriter implements AutoCloseable {
  private static final int ROW = 100;

  private final BenchDatabase database;
  private final PreparedStatement insert;
  private long last;

  SteadyWriter(BenchDatabase database) throws SQLException {
    this.database = database;
    this.insert = database.prepare("INSERT INTO t (v) VALUES (?)");
  }

  /** Commits one row; its id is {@link #last}. */
  void commit() throws SQLException {
    insert.setBytes(1, database.blob(ROW));
    insert.executeUpdate();
    last++;
  }

  /** Id of the last row, if nobody else wrote to the empty table. */
  long last() {
    return last;
  }

  void commits(int count) throws SQLException {
    for (int i = 0; i < count; i++) {
      commit();
    }
  }

  /** Commits one after the other for so long. */
  BenchRound flatOut(long nanos) throws SQLException {
    Samples samples = new Samples();
    long start = System.nanoTime();
    long now = start;
    do {
      commit();
      long end = System.nanoTime();
      samples.add(end - now);
      now = end;
    } while (now - start < nanos);
    return round(samples, now - start);
  }

  /** Told of each commit. */
  interface Listener {
    /**
     * Returns false to stop.
     *
     * @param id of the row
     * @param nanos {@link System#nanoTime} when COMMIT had returned
     */
    boolean committed(long id, long nanos);
  }

  /** Commits at a steady rate until told to stop; the latencies are those of the statements. */
  BenchRound steadily(int perSecond, Listener listener) throws SQLException {
    Samples samples = new Samples();
    Pace pace = new Pace(perSecond);
    long start = System.nanoTime();
    boolean goOn = true;
    long end = start;
    while (goOn) {
      pace.await();
      long begin = System.nanoTime();
      commit();
      end = System.nanoTime();
      samples.add(end - begin);
      goOn = listener.committed(last, end);
    }
    return round(samples, end - start);
  }

  private static BenchRound round(Samples samples, long nanos) {
    long[] latencies = samples.toArray();
    return new BenchRound(latencies.length * 1e9 / nanos, latencies);
  }

  @Override
  public void close() throws SQLException {
    database.close();
  }
}
