package io.tidemark.database;

import io.tidemark.database.SqliteSimulator.Finalise;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

/** For tests of one database on a primary and on a replica. */
abstract class ReplicaFixture {
  static final String NAME = "app.db";

  @TempDir Path directory;

  final Random random;
  ReplicaBench bench;

  /** What the primary has; empty = no database. */
  byte[] image = new byte[0];

  ReplicaFixture(long seed) {
    random = new Random(seed);
  }

  @BeforeEach
  void openBench() throws IOException {
    bench = new ReplicaBench(directory);
  }

  @AfterEach
  void closeBench() {
    FaultPoint.disarm();
    bench.close();
  }

  /** A program on the primary commits this content in rollback mode. */
  final void commit(byte[] after) throws IOException {
    new SqliteSimulator(bench.primary.store, NAME, random)
        .commitJournaled(image, after, Finalise.UNLINK, true);
    image = after;
  }

  /** Two pages change, and the database has so many then. */
  final void commit(int pages) throws IOException {
    commit(SqliteSimulator.next(random, image, 4096, pages, false, 2));
  }
}
