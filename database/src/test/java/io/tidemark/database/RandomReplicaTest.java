package io.tidemark.database;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.database.SqliteSimulator.Finalise;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Random transactions on a primary, carried to a replica in random portions. At each TXID the
 * replica shows what the primary had at that TXID, whatever its programs have open, and whenever it
 * is restarted or loses power.
 */
class RandomReplicaTest {
  private static final String NAME = "app.db";
  private static final int[] PAGE_SIZES = {512, 1024, 4096, 8192, 65536};

  @TempDir Path directory;

  private ReplicaBench bench;
  private SqliteSimulator sqlite;
  private FakeReaders readers;
  private Random random;
  private final List<byte[]> model = new ArrayList<>();
  private final List<String> steps = new ArrayList<>();
  private int pageSize;
  private boolean wal;

  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})
  void aReplicaShowsAPrefixOfThePrimarysHistory(long seed) throws Exception {
    System.out.println("RandomReplicaTest seed " + seed);
    random = new Random(seed);
    bench = new ReplicaBench(directory);
    try (ReplicaBench toClose = bench) {
      assertThat(toClose).isNotNull();
      model.add(new byte[0]);
      pageSize = PAGE_SIZES[random.nextInt(PAGE_SIZES.length)];
      sqlite = new SqliteSimulator(bench.primary.store, NAME, random);
      restarted();
      for (int step = 0; step < 120; step++) {
        if (random.nextBoolean()) {
          onPrimary();
        } else {
          onReplica();
        }
        check();
      }
      readers.reading = false;
      bench.follow(NAME);
      check();
      assertThat(shownTxid()).isEqualTo(model.size() - 1L);
      bench.replica.powerLoss(random);
      restarted();
      check();
      assertThat(shownTxid()).isEqualTo(model.size() - 1L);
    } catch (AssertionError | Exception e) {
      throw new AssertionError("after " + steps, e);
    }
  }

  private byte[] now() {
    return model.get(model.size() - 1);
  }

  private void committed(byte[] after) {
    if (sqlite.db.position().txid() > model.size() - 1) {
      model.add(after);
    }
    assertThat(sqlite.db.position().txid()).isEqualTo(model.size() - 1L);
  }

  private void onPrimary() throws Exception {
    int dice = random.nextInt(20);
    steps.add("primary " + dice);
    byte[] before = now();
    boolean walHeader = before.length > 0 && before[18] == 2;
    if (dice < 14) {
      int old = before.length / pageSize;
      int pages =
          old > 0 && random.nextInt(3) > 0 ? old : 1 + random.nextInt(60_000 / pageSize + 1);
      byte[] after =
          SqliteSimulator.next(
              random, before, pageSize, pages, wal || walHeader, random.nextInt(5));
      if (wal) {
        sqlite.commitWal(before, after);
        if (random.nextInt(4) == 0) {
          sqlite.checkpoint(sqlite.frames());
        }
      } else if (random.nextInt(4) == 0) {
        sqlite.commitUnjournaled(before, after, random.nextBoolean());
      } else {
        sqlite.commitJournaled(
            before, after, Finalise.values()[random.nextInt(3)], random.nextBoolean());
      }
      committed(after);
    } else if (dice < 17 && before.length > 0) {
      if (wal) {
        sqlite.leaveWal();
      }
      wal = random.nextBoolean();
      int pages = before.length / pageSize;
      byte[] after = SqliteSimulator.next(random, before, pageSize, pages, wal, 0);
      sqlite.commitJournaled(before, after, Finalise.UNLINK, true);
      committed(after);
    } else if (dice < 19 && before.length > 0 && !wal) {
      int size = PAGE_SIZES[random.nextInt(PAGE_SIZES.length)];
      byte[] after =
          SqliteSimulator.image(random, size, 1 + random.nextInt(60_000 / size + 1), walHeader);
      sqlite.commitJournaled(before, after, Finalise.TRUNCATE, true);
      pageSize = size;
      committed(after);
    } else if (dice == 19 && before.length > 0) {
      bench.primary.store.drop(NAME);
      sqlite = new SqliteSimulator(bench.primary.store, NAME, random);
      wal = false;
      committed(new byte[0]);
    }
  }

  private void onReplica() throws Exception {
    int dice = random.nextInt(20);
    steps.add("replica " + dice);
    Database database = bench.onReplica(NAME);
    if (dice < 6) {
      bench.carry(NAME, 1 + random.nextInt(5), random);
    } else if (dice < 13) {
      long received = database.replicaLog().received().txid();
      if (random.nextInt(4) > 0) {
        database.replicaLog().awaitDurable(received);
      }
      long shown = shownTxid();
      long wanted = shown + random.nextInt((int) (received - shown) + 1);
      DatabasePosition position = database.applier().apply(wanted);
      assertThat(position.txid()).isBetween(shown, wanted);
      if (!readers.reading && database.isDurable(wanted)) {
        assertThat(position.txid()).isEqualTo(wanted);
      }
    } else if (dice < 15) {
      if (readers.isOpen()) {
        readers.close();
        readers.reading = false;
      } else if (database.mainFile() != null) {
        readers.open();
        readers.reading = random.nextInt(3) == 0;
      }
    } else if (dice < 16) {
      bench.replica.upkeep();
    } else if (dice < 17) {
      if (database.failure() == null) {
        database.checkpoint();
      }
    } else {
      long durable = database.replicaLog().durableTxid();
      long received = database.replicaLog().received().txid();
      readers.close();
      if (dice == 17) {
        bench.replica.reopenCleanly();
      } else if (dice == 18) {
        bench.replica.crash();
      } else {
        bench.replica.powerLoss(random);
      }
      restarted();
      assertThat(bench.onReplica(NAME).replicaLog().received().txid())
          .isBetween(dice == 19 ? durable : received, received);
    }
  }

  private void restarted() throws Exception {
    readers = new FakeReaders(bench.onReplica(NAME));
    bench.replica.store.readerAccess(readers);
    bench.replica.store.readerTimeout(
        random.nextBoolean() ? Duration.ZERO : Duration.ofSeconds(30));
    bench.replica.disk.watch(
        new RandomTransactionsTest.WriteAheadCheck(bench.replica.disk, bench.replica.root, NAME));
  }

  private long shownTxid() {
    Database database = bench.replica.store.get(NAME);
    return database == null ? 0 : database.position().txid();
  }

  private void check() throws Exception {
    Database database = bench.replica.store.get(NAME);
    if (database == null) {
      return;
    }
    assertThat(database.failure()).isNull();
    byte[] expected = model.get((int) shownTxid());
    assertThat(Arrays.mismatch(bench.replica.read(NAME), expected)).isEqualTo(-1);
    assertThat(database.size()).isEqualTo(expected.length);
    if (shownTxid() > 0) {
      assertThat(database.position().checksum())
          .isEqualTo(LogFold.checksum(expected, Math.max(512, database.position().pageSize())));
    }
    if (readers.isOpen() && readers.file().isLive()) {
      assertThat(Arrays.mismatch(readers.cached(), expected)).as("in the cache").isEqualTo(-1);
    }
  }
}
