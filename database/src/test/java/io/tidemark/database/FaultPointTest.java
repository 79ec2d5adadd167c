package io.tidemark.database;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.database.SqliteSimulator.Finalise;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The process dies at each named step, and is started again, with and without a power loss. */
class FaultPointTest {
  private static final class Died extends Error {
    private static final long serialVersionUID = 1;
  }

  @TempDir Path directory;

  private final Random random = new Random(99);
  private final List<byte[]> a = new ArrayList<>(List.of(new byte[0]));
  private final List<byte[]> b = new ArrayList<>(List.of(new byte[0]));

  @AfterEach
  void disarm() {
    FaultPoint.disarm();
  }

  @ParameterizedTest
  @EnumSource(
      value = FaultPoint.class,
      mode = EnumSource.Mode.MATCH_NONE,
      names = {
        "APPLY_.*",
        "COMMIT_POSITION_.*",
        "COMMIT_OFFERED",
        "COMMIT_CONFIRMED",
        "CUT_.*",
        "SNAPSHOT_.*",
        "SET_ASIDE_.*",
        "ENDING_.*"
      }) // those have tests of their own
  void deathAtAStepLeavesAPointOfTheHistory(FaultPoint point) throws Exception {
    int reached = 0;
    for (int pass = 1; pass <= 2; pass++) {
      for (boolean power : new boolean[] {false, true}) {
        Path home = Files.createDirectory(directory.resolve(pass + "-" + power));
        reached += dieAt(point, pass, power, home) ? 1 : 0;
      }
    }
    assertThat(reached).as("scenario reaches " + point).isPositive();
  }

  private boolean dieAt(FaultPoint point, int pass, boolean power, Path home) throws Exception {
    a.subList(1, a.size()).clear();
    b.subList(1, b.size()).clear();
    TestStore bench = new TestStore(home, false, Duration.ofMillis(1), 300_000).open();
    boolean died = false;
    FaultPoint.arm(
        point,
        pass,
        () -> {
          bench.disk.die();
          if (point == FaultPoint.RECOVERY_APPLYING) {
            throw new IllegalStateException("an error would keep the lock of the directory");
          }
          throw new Died();
        });
    try {
      scenario(bench);
    } catch (Died e) {
      died = true;
    } catch (Exception e) {
      if (!bench.disk.isDead()) {
        throw e;
      }
      died = true;
    } finally {
      FaultPoint.disarm();
    }
    if (power) {
      bench.powerLoss(random);
    } else {
      bench.crash();
    }
    int atA = indexOf(a, bench.read("a"));
    int atB = indexOf(b, bench.read("b"));
    // Every step of the scenario is synced: only the last one may be missing.
    assertThat(atA).as("a").isBetween(a.size() - 2, a.size() - 1);
    assertThat(atB).as("b").isBetween(Math.max(0, b.size() - 2), b.size() - 1);
    for (Database database : bench.store.databases()) {
      assertThat(database.failure()).isNull();
      byte[] before = bench.read(database.name());
      byte[] after = SqliteSimulator.next(random, before, 512, 3, false, 2);
      new SqliteSimulator(bench.store, database.name(), random)
          .commitJournaled(before, after, Finalise.UNLINK, true);
      assertThat(bench.read(database.name())).isEqualTo(after);
    }
    bench.close();
    return died;
  }

  private static int indexOf(List<byte[]> images, byte[] image) {
    for (int i = images.size() - 1; i >= 0; i--) {
      if (Arrays.equals(images.get(i), image)) {
        return i;
      }
    }
    return -1;
  }

  private byte[] attempt(List<byte[]> images, int pages, int changes) {
    byte[] before = images.get(images.size() - 1);
    images.add(SqliteSimulator.next(random, before, 512, pages, false, changes));
    return before;
  }

  private void scenario(TestStore bench) throws Exception {
    for (int i = 0; i < 3; i++) {
      byte[] before = attempt(a, 400, 300); // records of more than the buffer
      byte[] after = a.get(a.size() - 1);
      new SqliteSimulator(bench.store, "a", random)
          .commitJournaled(before, after, Finalise.TRUNCATE, true);
      bench.settle();
    }
    byte[] beforeLarge = attempt(a, 1200, 0);
    new SqliteSimulator(bench.store, "a", random)
        .commitJournaled(beforeLarge, a.get(a.size() - 1), Finalise.UNLINK, true);
    bench.settle();
    SqliteSimulator inWal = new SqliteSimulator(bench.store, "a", random);
    for (int i = 0; i < 3; i++) {
      byte[] before = attempt(a, 300, 10);
      inWal.commitWal(before, a.get(a.size() - 1));
      inWal.syncWal();
    }
    inWal.checkpoint(inWal.frames());
    inWal.leaveWal();
    for (int i = 0; i < 3; i++) {
      for (int k = 0; k < 8; k++) {
        byte[] before = attempt(a, 300, 290);
        new SqliteSimulator(bench.store, "a", random)
            .commitJournaled(before, a.get(a.size() - 1), Finalise.ZERO_HEADER, true);
        bench.settle();
      }
      bench.store.get("a").checkpoint();
      // as the upkeep thread does, but a death there must reach the test
      bench.store.get("a").enforceRetention(System.currentTimeMillis() + 10_000);
    }
    for (int i = 0; i < 3; i++) {
      byte[] beforeA = attempt(a, 5, 2);
      byte[] beforeB = attempt(b, 5, 2);
      SqliteSimulator one = new SqliteSimulator(bench.store, "a", random);
      SqliteSimulator two = new SqliteSimulator(bench.store, "b", random);
      one.writeUnderJournal(beforeA, a.get(a.size() - 1), true);
      one.nameSuperJournal("/mnt/x-mj0001");
      two.writeUnderJournal(beforeB, b.get(b.size() - 1), true);
      two.nameSuperJournal("/mnt/x-mj0001");
      bench.store.commitGroup("x-mj0001");
      one.finalise(Finalise.UNLINK);
      two.finalise(Finalise.UNLINK);
    }
    for (int i = 0; i < 3; i++) {
      byte[] image = SqliteSimulator.image(random, 1024, 3 + i, false);
      Path file = bench.root.resolveSibling("import.db");
      Files.write(file, image);
      a.add(image);
      bench.store.importDatabase("a", file);
      a.add(new byte[0]);
      bench.store.drop("a");
      byte[] before = attempt(a, 3, 2);
      new SqliteSimulator(bench.store, "a", random)
          .commitJournaled(before, a.get(a.size() - 1), Finalise.UNLINK, true);
    }
    // recovery itself; the last commit is not in any checkpoint
    for (int i = 0; i < 3; i++) {
      bench.disk.die();
      bench.kill();
      try {
        bench.open();
        if (bench.disk.isDead()) {
          throw new Died();
        }
      } finally {
        a.add(a.get(a.size() - 1));
        b.add(b.get(b.size() - 1));
      }
    }
  }
}
