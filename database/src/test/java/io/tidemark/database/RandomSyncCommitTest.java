package io.tidemark.database;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.database.RefusedException.Kind;
import io.tidemark.database.SqliteSimulator.Finalise;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.channels.Channels;
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
 * Random transactions of a primary whose other nodes confirm at once, late, never, or are too few,
 * with crashes and power losses; a model says what must be visible.
 */
class RandomSyncCommitTest {
  private static final String NAME = "app.db";
  private static final int PAGE = 512;

  @TempDir Path directory;

  private final RandomGate gate = new RandomGate();
  private TestStore bench;
  private SqliteSimulator sqlite;
  private Random random;

  /** The committed image at each TXID, from 0. */
  private final List<byte[]> model = new ArrayList<>(List.of(new byte[0]));

  private boolean wal;
  private final List<String> steps = new ArrayList<>();

  /** What becomes of the next commit. */
  private enum Fate {
    CONFIRMED,
    LATE,
    REFUSED,
    LEASE_ENDED,
    TIMED_OUT
  }

  private final class RandomGate implements CommitGate {
    volatile Fate fate = Fate.CONFIRMED;

    @Override
    public boolean waits() {
      return true;
    }

    @Override
    public void check() throws RefusedException {
      if (fate == Fate.REFUSED) {
        throw new RefusedException(Kind.BUSY, "too few nodes");
      }
    }

    @Override
    public void durable(Database database, long epoch, long txid) {
      assertThat(database.position().txid()).as("shown before").isLessThan(txid);
      switch (fate) {
        case LATE -> new Thread(() -> later(database, epoch, txid)).start();
        case TIMED_OUT -> {}
        default -> database.committedUpTo(epoch, txid);
      }
    }

    private void later(Database database, long epoch, long txid) {
      try {
        Thread.sleep(2);
        assertThat(database.position().txid()).isLessThan(txid);
        database.status();
      } catch (InterruptedException e) {
        throw new AssertionError(e);
      } finally {
        database.committedUpTo(epoch, txid);
      }
    }

    @Override
    public boolean holds(long epoch) {
      return fate != Fate.LEASE_ENDED;
    }

    @Override
    public Duration ackTimeout() {
      return fate == Fate.TIMED_OUT ? Duration.ofMillis(2) : Duration.ofSeconds(30);
    }
  }

  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})
  void whatIsVisibleIsCommittedAndWhatIsCommittedStays(long seed) throws Exception {
    random = new Random(seed);
    bench = new TestStore(directory).with(gate).open();
    try (TestStore toClose = bench) {
      assertThat(toClose.store).isNotNull();
      restartSimulator();
      for (int step = 0; step < 60; step++) {
        oneStep();
        check();
      }
      bench.reopenCleanly();
      restartSimulator();
      assertThat(db().inDoubt()).as("after a clean end").isNull();
      check();
    }
  }

  private void restartSimulator() throws IOException {
    sqlite = new SqliteSimulator(bench.store, NAME, random);
  }

  private Database db() {
    return bench.store.get(NAME);
  }

  private byte[] now() {
    return model.get(model.size() - 1);
  }

  private boolean walHeader() {
    return now().length > 0 && now()[18] == 2;
  }

  private void oneStep() throws Exception {
    int dice = random.nextInt(100);
    steps.add((wal ? "wal " : "rollback ") + dice + " " + gate.fate);
    if (dice < 66) {
      transaction();
    } else if (dice < 74) {
      switchMode();
    } else if (dice < 80 && wal && sqlite.frames() > 0) {
      List<Integer> ends = sqlite.commitEnds();
      sqlite.checkpoint(ends.get(random.nextInt(ends.size())));
    } else if (dice < 86) {
      bench.upkeep();
    } else if (dice < 88) {
      db().checkpoint();
    } else if (dice < 94) {
      bench.crash();
      afterRestart(model.size() - 1);
    } else {
      bench.powerLoss(random);
      afterRestart(model.size() - 1);
    }
  }

  /** All that programs were told is still in the log; what is not shown is in doubt. */
  private void afterRestart(long tail) throws IOException {
    restartSimulator();
    Database database = bench.store.getOrCreate(NAME);
    assertThat(database.failure()).isNull();
    assertThat(database.appended().txid()).as("end of the log after %s", steps).isEqualTo(tail);
    int shown = (int) database.position().txid();
    assertThat(shown).isLessThanOrEqualTo((int) tail);
    assertThat(Arrays.equals(bench.read(NAME), model.get(shown))).as("image %s", shown).isTrue();
    assertThat(database.inDoubt() != null).isEqualTo(shown < tail);
    assertThat(database.settleCommitted(model.size() - 1)).isTrue();
    wal = false;
  }

  private void transaction() throws Exception {
    int pages = Math.max(1, now().length / PAGE + random.nextInt(3) - 1);
    byte[] after =
        SqliteSimulator.next(random, now(), PAGE, pages, wal || walHeader(), 1 + random.nextInt(4));
    Finalise how = Finalise.values()[random.nextInt(3)];
    boolean journaled = wal || random.nextInt(4) > 0;
    if (!wal && journaled) {
      sqlite.writeUnderJournal(now(), after, random.nextBoolean());
    }
    gate.fate = Fate.values()[random.nextInt(Fate.values().length)];
    RefusedException refused = null;
    try {
      if (wal) {
        sqlite.commitWal(now(), after);
      } else if (journaled) {
        sqlite.finalise(how);
      } else {
        sqlite.commitUnjournaled(now(), after, true);
      }
    } catch (RefusedException e) {
      refused = e;
    }
    Fate fate = gate.fate;
    gate.fate = Fate.CONFIRMED;
    steps.add(fate + (journaled ? "" : " unjournaled"));
    if (refused == null) {
      assertThat(fate).isIn(Fate.CONFIRMED, Fate.LATE);
      model.add(after);
      return;
    }
    assertThat(refused.kind()).isEqualTo(fate == Fate.REFUSED ? Kind.BUSY : Kind.IN_DOUBT);
    if (!wal && journaled) {
      sqlite.rollBack(now(), after, how);
    }
    if (fate == Fate.REFUSED) {
      assertThat(bench.store.getOrCreate(NAME).inDoubt()).isNull();
    } else {
      settle(after);
    }
  }

  private void settle(byte[] after) throws Exception {
    long txid = model.size();
    boolean restart = random.nextInt(3) == 0;
    checkVisible();
    if (restart) {
      if (random.nextBoolean()) {
        bench.crash();
      } else {
        bench.powerLoss(random);
      }
      restartSimulator();
      wal = false;
    }
    assertThat(db().appended().txid()).isEqualTo(txid);
    if (random.nextBoolean()) {
      steps.add("settled");
      assertThat(db().settleCommitted(txid)).isTrue();
      model.add(after);
      if (wal || txid == 1) {
        // Nobody had the WAL open, so it is gone; and what a first transaction had begun to make is
        // another file now.
        restartSimulator();
      }
    } else {
      steps.add("cut");
      bench.store.becomePrimary(bench.store.epoch() + 1);
      db().settleCommitted(txid - 1);
      db().cutAfter(txid - 1);
      if (random.nextInt(3) == 0) {
        bench.crash();
        afterRestart(txid - 1);
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
    byte[] after = SqliteSimulator.next(random, now(), PAGE, now().length / PAGE, next, 0);
    sqlite.commitJournaled(now(), after, Finalise.UNLINK, true);
    model.add(after);
    wal = next;
  }

  /** What a program that comes now can find. */
  private void checkVisible() throws IOException {
    Database database = bench.store.getOrCreate(NAME);
    assertThat(database.failure()).isNull();
    assertThat(database.position().txid()).as("%s", steps).isEqualTo(model.size() - 1L);
    if (database.exists()) {
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      database.exportTo(Channels.newChannel(out), bytes -> {});
      assertThat(Arrays.equals(out.toByteArray(), now())).as("export after %s", steps).isTrue();
    }
  }

  private void check() throws IOException {
    checkVisible();
    assertThat(Arrays.equals(sqlite.visible(), now())).as("visible after %s", steps).isTrue();
    assertThat(bench.store.getOrCreate(NAME).inDoubt()).isNull();
  }
}
