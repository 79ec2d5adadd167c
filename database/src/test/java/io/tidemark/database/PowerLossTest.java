package io.tidemark.database;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.database.SqliteSimulator.Finalise;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The power goes at each disk call of a scenario in turn. Afterwards every database is at some
 * point of its history, at or after the last one that was promised, and a group is whole or absent.
 */
class PowerLossTest {
  @TempDir Path directory;

  private final Random random = new Random(4711);
  private int runs;

  /** What may be found afterwards. */
  private static final class History {
    final Map<String, List<byte[]>> images = new TreeMap<>();
    final Map<String, Integer> promised = new TreeMap<>();

    /** An image that a call is about to commit. */
    void attempt(String name, byte[] image) {
      images.computeIfAbsent(name, key -> new ArrayList<>(List.of(new byte[0]))).add(image);
    }

    void promise(String name) {
      promised.put(name, images.get(name).size() - 1);
    }

    byte[] now(String name) {
      List<byte[]> all = images.get(name);
      return all == null ? new byte[0] : all.get(all.size() - 1);
    }

    int at(String name, byte[] image) {
      List<byte[]> all = images.getOrDefault(name, List.of(new byte[0]));
      for (int i = all.size() - 1; i >= 0; i--) {
        if (Arrays.equals(all.get(i), image)) {
          return i;
        }
      }
      return -1;
    }
  }

  private interface Scenario {
    void run(TestStore bench, History history) throws Exception;
  }

  private interface Check {
    void check(TestStore bench, History history) throws Exception;
  }

  private int stride = 1;

  private void everyCut(Scenario prepare, Scenario scenario, Check check) throws Exception {
    for (int cut = 0; ; cut += 1 + random.nextInt(stride)) {
      Path home = Files.createDirectory(directory.resolve("run" + runs++));
      TestStore bench =
          new TestStore(home, random.nextBoolean(), Duration.ofMillis(1), 300_000).open();
      History history = new History();
      prepare.run(bench, history);
      bench.disk.cutPowerAt(cut);
      boolean finished = false;
      try {
        scenario.run(bench, history);
        finished = true;
      } catch (FaultyDisk.PowerCut e) {
        assertThat(bench.disk.isDead()).isTrue();
      } catch (Exception e) {
        if (!bench.disk.isDead()) {
          throw e;
        }
      }
      finished &= !bench.disk.isDead();
      List<String> trace = bench.disk.trace();
      bench.powerLoss(random);
      try {
        verify(bench, history);
        check.check(bench, history);
        // and it goes on
        for (Database database : bench.store.databases()) {
          byte[] before = bench.read(database.name());
          byte[] after = SqliteSimulator.next(random, before, 512, 4, false, 2);
          new SqliteSimulator(bench.store, database.name(), random)
              .commitJournaled(before, after, Finalise.UNLINK, true);
          bench.powerLoss(random);
          assertThat(bench.read(database.name())).isEqualTo(after);
        }
      } catch (AssertionError | Exception e) {
        throw new AssertionError("power cut after " + cut + " calls: " + trace, e);
      } finally {
        bench.close();
        FileTree.delete(home);
      }
      if (finished) {
        System.out.println("PowerLossTest: " + cut + " cuts");
        return;
      }
    }
  }

  private void everyCut(Scenario prepare, Scenario scenario) throws Exception {
    everyCut(prepare, scenario, (bench, history) -> {});
  }

  private void verify(TestStore bench, History history) throws Exception {
    for (String name : history.images.keySet()) {
      Database database = bench.store.get(name);
      if (database != null) {
        assertThat(database.failure()).isNull();
      }
      byte[] found = bench.read(name);
      assertThat(history.at(name, found))
          .as("place of " + name + " in its history of " + history.images.get(name).size())
          .isGreaterThanOrEqualTo(history.promised.getOrDefault(name, 0));
      if (database != null && database.position().txid() > 0 && firstTxid(bench, name) == 1) {
        List<LogFold.Image> folded = LogFold.fold(bench.root, name);
        assertThat(folded.get(folded.size() - 1).bytes()).isEqualTo(found);
      }
    }
  }

  private static long firstTxid(TestStore bench, String name) throws Exception {
    try (LogReader log = LogReader.open(bench.root, name)) {
      LogRecord first = log.next();
      return first == null ? 0 : first.header().minTxid();
    }
  }

  private byte[] next(byte[] before, int pages) {
    return SqliteSimulator.next(random, before, 512, pages, false, 2);
  }

  private void commit(TestStore bench, History history, String name, int pages, boolean sync)
      throws Exception {
    byte[] before = history.now(name);
    byte[] after = next(before, pages);
    history.attempt(name, after);
    new SqliteSimulator(bench.store, name, random)
        .commitJournaled(before, after, Finalise.values()[random.nextInt(3)], sync);
    if (sync) {
      history.promise(name);
    }
  }

  @Test
  void commitsOfANewDatabaseSurvive() throws Exception {
    for (int i = 0; i < 2; i++) {
      everyCut(
          (bench, history) -> {},
          (bench, history) -> {
            commit(bench, history, "a", 5, true);
            commit(bench, history, "a", 3, false);
            commit(bench, history, "a", 8, true);
          });
    }
  }

  @Test
  void walCommitsAndCheckpointsSurvive() throws Exception {
    for (int i = 0; i < 2; i++) {
      everyCut(
          (bench, history) -> commit(bench, history, "a", 5, true),
          (bench, history) -> {
            SqliteSimulator sqlite = new SqliteSimulator(bench.store, "a", random);
            for (int step = 0; step < 3; step++) {
              byte[] before = history.now("a");
              byte[] after = SqliteSimulator.next(random, before, 512, 5 + step, true, 3);
              history.attempt("a", after);
              sqlite.commitWal(before, after);
              if (step != 1) {
                sqlite.syncWal();
                history.promise("a");
              }
            }
            sqlite.checkpoint(sqlite.commitEnds().get(0));
            bench.store.get("a").checkpoint();
            sqlite.checkpoint(sqlite.frames());
            bench.store.get("a").checkpoint();
          });
    }
  }

  @Test
  void segmentRollAndRetentionLoseNothing() throws Exception {
    stride = 14; // most calls are the zeros of a prepared segment
    everyCut(
        (bench, history) -> {
          for (int i = 0; i < 3; i++) {
            commit(bench, history, "a", 100, true);
          }
        },
        (bench, history) -> {
          for (int i = 0; i < 12; i++) {
            byte[] before = history.now("a");
            byte[] after = SqliteSimulator.next(random, before, 512, 100, false, 90);
            history.attempt("a", after);
            new SqliteSimulator(bench.store, "a", random)
                .commitJournaled(before, after, Finalise.UNLINK, true);
            history.promise("a");
            bench.settle();
            if (i % 5 == 4) {
              bench.store.enforceRetention();
              if (bench.disk.isDead()) {
                return;
              }
            }
          }
          assertThat(bench.store.get("a").metrics().segmentsReaped.sum()).isPositive();
        });
  }

  @Test
  void importDropAndNewStartAreAllOrNothing() throws Exception {
    for (int i = 0; i < 2; i++) {
      everyCut(
          (bench, history) -> commit(bench, history, "a", 5, true),
          (bench, history) -> {
            byte[] imported = SqliteSimulator.image(random, 1024, 3, false);
            Path file = bench.root.resolveSibling("backup.db");
            Files.write(file, imported);
            history.attempt("a", imported);
            bench.store.importDatabase("a", file);
            history.promise("a");
            history.attempt("a", new byte[0]);
            bench.store.drop("a");
            history.promise("a");
            commit(bench, history, "a", 2, true);
            bench.reopenCleanly();
            if (bench.disk.isDead()) {
              return;
            }
            commit(bench, history, "a", 4, true);
          });
    }
  }

  @Test
  void groupsAreWholeOrAbsent() throws Exception {
    for (boolean fresh : new boolean[] {false, true, true}) {
      everyCut(
          (bench, history) -> {
            commit(bench, history, "a", 3, true);
            if (!fresh) {
              commit(bench, history, "b", 3, true);
            }
          },
          (bench, history) -> {
            for (int i = 0; i < 2; i++) {
              for (String name : List.of("a", "b")) {
                byte[] before = history.now(name);
                byte[] after = next(before, 4);
                history.attempt(name, after);
                SqliteSimulator sqlite = new SqliteSimulator(bench.store, name, random);
                sqlite.writeUnderJournal(before, after, true);
                sqlite.nameSuperJournal("/mnt/a-mj0123");
              }
              bench.store.commitGroup("a-mj0123");
              history.promise("a");
              history.promise("b");
              for (String name : List.of("a", "b")) {
                bench.store.get(name).unlinkJournal();
              }
            }
          },
          (bench, history) -> {
            int extra = fresh ? 1 : 0;
            assertThat(history.at("a", bench.read("a")) - extra)
                .as("a and b are at the same group")
                .isEqualTo(
                    Math.max(extra == 0 ? 0 : 1, history.at("b", bench.read("b")) + extra) - extra);
          });
    }
  }
}
