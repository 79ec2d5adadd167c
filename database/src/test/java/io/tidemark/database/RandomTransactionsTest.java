package io.tidemark.database;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.database.SqliteSimulator.Finalise;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Random transactions in random modes against a model that keeps every committed image. */
class RandomTransactionsTest {
  private static final String NAME = "app.db";
  private static final int[] PAGE_SIZES = {512, 1024, 4096, 8192, 32768, 65536};

  @TempDir Path directory;

  private TestStore bench;
  private SqliteSimulator sqlite;
  private Random random;

  /** The image at each TXID, from 0. */
  private final List<byte[]> model = new ArrayList<>();

  private int pageSize;
  private boolean wal;
  private final List<String> steps = new ArrayList<>();

  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16})
  void everyHistoryIsKeptWhateverHappens(long seed) throws Exception {
    run(seed, 35);
  }

  private void run(long seed, int steps) throws Exception {
    System.out.println("RandomTransactionsTest seed " + seed);
    random = new Random(seed);
    bench = new TestStore(directory).open();
    model.add(new byte[0]);
    pageSize = PAGE_SIZES[random.nextInt(PAGE_SIZES.length)];
    try (TestStore toClose = bench) {
      assertThat(toClose.store).isNotNull();
      restartSimulator();
      for (int step = 0; step < steps; step++) {
        oneStep();
        check();
      }
      bench.reopenCleanly();
      restartSimulator();
      check();
    }
  }

  private void restartSimulator() throws IOException {
    sqlite = new SqliteSimulator(bench.store, NAME, random);
    bench.disk.watch(new WriteAheadCheck(bench.disk, bench.root, NAME));
    wal = false; // every WAL is gone; the header still says what it says
  }

  private byte[] now() {
    return model.get(model.size() - 1);
  }

  private byte[] change(boolean walHeader) {
    int limit = Math.max(2, 60_000 / pageSize);
    int old = now().length / pageSize;
    int pages = Math.max(1, random.nextInt(3) == 0 ? 1 + random.nextInt(limit) : Math.max(1, old));
    return SqliteSimulator.next(random, now(), pageSize, pages, walHeader, random.nextInt(5));
  }

  private boolean walHeader() {
    return now().length > 0 && now()[18] == 2;
  }

  private void oneStep() throws Exception {
    int dice = random.nextInt(100);
    steps.add((wal ? "wal " : "rollback ") + dice);
    if (dice < 50) {
      if (wal) {
        walStep();
      } else {
        rollbackStep();
      }
    } else if (dice < 60) {
      switchMode();
    } else if (dice < 66) {
      refusedCommit();
    } else if (dice < 72) {
      vacuum();
    } else if (dice < 76) {
      drop();
    } else if (dice < 80) {
      bench.upkeep();
    } else if (dice < 84) {
      bench.store.databases().forEach(this::checkpoint);
    } else if (dice < 88) {
      bench.reopenCleanly();
      restartSimulator();
    } else if (dice < 94) {
      bench.crash();
      restartSimulator();
    } else {
      powerLoss();
    }
  }

  private void checkpoint(Database database) {
    try {
      database.checkpoint();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private void rollbackStep() throws Exception {
    byte[] after = change(walHeader());
    boolean sync = random.nextBoolean();
    Finalise how = Finalise.values()[random.nextInt(3)];
    switch (random.nextInt(4)) {
      case 0 -> {
        sqlite.writeUnderJournal(now(), after, sync);
        assertThat(bench.store.get(NAME).position().txid()).isEqualTo(model.size() - 1);
        if (random.nextInt(4) == 0) {
          bench.crash(); // a hot journal is thrown away
          restartSimulator();
        } else {
          sqlite.rollBack(now(), after, how);
        }
      }
      case 1 -> {
        sqlite.commitUnjournaled(now(), after, sync);
        model.add(after);
      }
      default -> {
        sqlite.commitJournaled(now(), after, how, sync);
        model.add(after);
        if (sync) {
          assertThat(sqlite.db.isDurable(model.size() - 1)).isTrue();
        }
      }
    }
  }

  private void walStep() throws Exception {
    if (random.nextInt(4) == 0 && sqlite.frames() > 0) {
      List<Integer> ends = sqlite.commitEnds();
      sqlite.checkpoint(ends.get(random.nextInt(ends.size())));
    } else {
      byte[] after = change(true);
      sqlite.commitWal(now(), after);
      model.add(after);
      if (random.nextBoolean()) {
        sqlite.syncWal();
      }
    }
  }

  private void switchMode() throws Exception {
    if (now().length == 0) {
      return;
    }
    if (wal) {
      sqlite.leaveWal();
      wal = false;
    }
    boolean next = random.nextBoolean();
    byte[] after = SqliteSimulator.next(random, now(), pageSize, now().length / pageSize, next, 0);
    sqlite.commitJournaled(now(), after, Finalise.UNLINK, true);
    model.add(after);
    wal = next;
  }

  private void refusedCommit() throws Exception {
    if (now().length == 0) {
      return;
    }
    bench.store.authority(
        () -> {
          throw new RefusedException(RefusedException.Kind.READ_ONLY, "not now");
        });
    byte[] after = change(wal);
    boolean refused = false;
    try {
      if (wal) {
        sqlite.commitWal(now(), after);
      } else {
        sqlite.commitJournaled(now(), after, Finalise.UNLINK, true);
      }
    } catch (RefusedException e) {
      refused = true;
    }
    assertThat(refused).isTrue();
    if (!wal) {
      // still refused, but a rollback must be possible
      sqlite.rollBack(now(), after, Finalise.UNLINK);
    }
    bench.store.authority(WriteAuthority.ALWAYS);
  }

  private void vacuum() throws Exception {
    if (wal || now().length == 0) {
      return;
    }
    int size = PAGE_SIZES[random.nextInt(PAGE_SIZES.length)];
    byte[] after =
        SqliteSimulator.image(random, size, 1 + random.nextInt(60_000 / size + 1), walHeader());
    sqlite.commitJournaled(now(), after, Finalise.TRUNCATE, true);
    if (!Arrays.equals(after, now())) {
      model.add(after);
    }
    pageSize = size;
  }

  private void drop() throws Exception {
    if (now().length > 0) {
      assertThat(bench.store.drop(NAME)).isTrue();
      model.add(new byte[0]);
      restartSimulator();
    }
  }

  private void powerLoss() throws Exception {
    long durable = sqlite.db.position().txid();
    while (durable > 0 && !sqlite.db.isDurable(durable)) {
      durable--;
    }
    bench.powerLoss(random);
    restartSimulator();
    Database database = bench.store.get(NAME);
    long txid = database == null ? 0 : database.position().txid();
    assertThat(txid).as("transactions after power loss").isBetween(durable, model.size() - 1L);
    while (model.size() - 1 > txid) {
      model.remove(model.size() - 1);
    }
    if (now().length > 0) {
      pageSize = SqliteSimulator.pageSize(now());
    }
  }

  private void check() throws IOException {
    Database database = bench.store.get(NAME);
    assertThat(database.failure()).isNull();
    DatabasePosition position = database.position();
    assertThat(position.txid()).isEqualTo(model.size() - 1L);
    assertThat(position.pageCount() * position.pageSize()).isEqualTo(now().length);
    if (position.txid() > 0) {
      int size = Math.max(512, position.pageSize());
      assertThat(position.checksum()).isEqualTo(LogFold.checksum(now(), size));
    }
    byte[] visible = sqlite.visible();
    int different = Arrays.mismatch(visible, now());
    assertThat(different)
        .as("first byte of %s where programs see something else, after %s", visible.length, steps)
        .isEqualTo(-1);
    if (position.txid() > 0) {
      List<LogFold.Image> images = LogFold.fold(bench.root, NAME);
      assertThat(images).hasSize(model.size() - 1);
      for (LogFold.Image image : images) {
        assertThat(Arrays.equals(image.bytes(), model.get((int) image.txid())))
            .as("image at transaction " + image.txid())
            .isTrue();
      }
    }
  }

  /** The database file gets only bytes of transactions whose records are on the medium. */
  static final class WriteAheadCheck implements FaultyDisk.WriteWatcher {
    private final FaultyDisk disk;
    private final Path root;
    private final String name;

    WriteAheadCheck(FaultyDisk disk, Path root, String name) {
      this.disk = disk;
      this.root = root;
      this.name = name;
    }

    @Override
    public void beforeWrite(Path path, ByteBuffer src, long offset) throws IOException {
      Path home = DataDirectory.databaseDirectory(root, name);
      if (!path.equals(home.resolve("database"))) {
        return;
      }
      List<LogFold.Image> images = LogFold.fold(root, name);
      byte[] bytes = new byte[src.remaining()];
      src.get(bytes);
      int step = 512;
      for (int at = 0; at < bytes.length; at += step) {
        long start = offset + at;
        // Blocks are larger than pages: what lies behind the end of an image may be zeros for a
        // while.
        boolean found =
            Arrays.equals(bytes, at, at + step, new byte[step], 0, step)
                && images.stream().anyMatch(image -> image.bytes().length <= start);
        for (int i = images.size() - 1; i >= 0 && !found; i--) {
          LogFold.Image image = images.get(i);
          Path segment = LogSegment.pathOf(home.resolve("log"), image.segment());
          int from = (int) offset + at;
          found =
              from + step <= image.bytes().length
                  && Arrays.equals(image.bytes(), from, from + step, bytes, at, at + step)
                  && disk.isDurable(segment, 0, image.end());
        }
        if (!found) {
          List<Long> equal = new ArrayList<>();
          for (LogFold.Image image : images) {
            if (start + step <= image.bytes().length
                && Arrays.equals(
                    image.bytes(), (int) start, (int) start + step, bytes, at, at + step)) {
              equal.add(image.txid());
            }
          }
          throw new AssertionError(
              String.format(
                  "offset %d of %s is in no durable transaction; %d transactions, it is in %s",
                  start, name, images.size(), equal));
        }
      }
    }
  }
}
