package io.tidemark.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * Rounds of load, crash, restart and check over one data directory.
 *
 * <p>After each restart: every acknowledged transaction is there, none is there by half, none that
 * was rolled back is seen; integrity_check and {@code ltx verify} are content; the checksum
 * recomputed from an exported image is the position's; and the log folds to that image.
 */
final class CrashRounds {
  /** How the applications write. */
  enum Mode {
    WAL("WAL", 1),
    DELETE("DELETE", 1),
    TRUNCATE("TRUNCATE", 1),
    PERSIST("PERSIST", 1),
    /** One transaction over two databases, committed by a super-journal. */
    ATTACH("DELETE", 2);

    final String journalMode;
    final int databases;

    Mode(String journalMode, int databases) {
      this.journalMode = journalMode;
      this.databases = databases;
    }
  }

  /** Makes the program die while the workers run, and returns when it is gone. */
  interface Crash {
    void happen(CrashWorkers workers) throws IOException;
  }

  private static final int WORKERS = 3;
  private static final Duration LOAD_LIMIT = Duration.ofSeconds(60);

  private final Workbench bench;
  private final Mode mode;
  private final Random random;
  private TidemarkProcess tidemark;
  private List<String> names;
  private int generation;
  private int rounds;
  private long acknowledged;
  private final Map<Integer, Long> lastOfEachWorker = new TreeMap<>();

  CrashRounds(Workbench bench, TidemarkProcess tidemark, Mode mode, long seed) {
    this.bench = bench;
    this.tidemark = tidemark;
    this.mode = mode;
    this.random = new Random(seed);
  }

  /** The program over the same data, if a crash needed another one. */
  void use(TidemarkProcess other) {
    tidemark = other;
  }

  TidemarkProcess tidemark() {
    return tidemark;
  }

  /** Creates databases under new names; the program must run. */
  void newDatabases() {
    generation++;
    lastOfEachWorker.clear();
    names = new ArrayList<>();
    for (int i = 0; i < mode.databases; i++) {
      names.add("crash-%d-%c.db".formatted(generation, 'a' + i));
    }
    List<Object> arguments = new ArrayList<>(List.of(mode.journalMode));
    arguments.addAll(files());
    Command.python("crash_setup.py", arguments.toArray()).ok();
  }

  private List<Path> files() {
    return names.stream().map(tidemark::file).toList();
  }

  /** A kill after a random time under load, counted from the first acknowledgement. */
  Crash killAtARandomMoment() {
    int acknowledgements = 1 + random.nextInt(40);
    long extraMicros = random.nextInt(20_000);
    return workers -> {
      awaitAcknowledgements(workers, acknowledgements);
      long until = System.nanoTime() + extraMicros * 1000;
      while (System.nanoTime() < until) {
        Thread.onSpinWait();
      }
      tidemark.kill();
    };
  }

  static void awaitAcknowledgements(CrashWorkers workers, int count) {
    Await.until(
        LOAD_LIMIT,
        count + " acknowledgements; workers: " + workers.ends(),
        () -> {
          if (!workers.anyAlive()) {
            throw new AssertionError("all workers ended: " + workers.ends());
          }
          return workers.acknowledgements() >= count;
        });
  }

  /** Waits until a fault point makes the program kill itself. */
  Crash deathAtTheArmedFaultPoint() {
    return workers -> tidemark.awaitKilled();
  }

  /** One round; the program runs before and after it. */
  void round(Crash crash) throws IOException {
    load(crash);
    tidemark.start();
    check();
  }

  /** Load and crash; the caller starts the program again and calls {@link #check}. */
  void load(Crash crash) throws IOException {
    rounds++;
    try (CrashWorkers workers =
        CrashWorkers.start(mode.journalMode, WORKERS, random.nextInt(), files())) {
      crash.happen(workers);
      lastOfEachWorker.putAll(workers.stop());
      acknowledged += workers.acknowledgements();
    }
  }

  void check() throws IOException {
    String context = mode + " round " + rounds + ", data in " + tidemark.data();
    String expected =
        lastOfEachWorker.entrySet().stream()
            .map(entry -> entry.getKey() + "=" + entry.getValue())
            .collect(Collectors.joining(","));
    List<Object> arguments = new ArrayList<>(List.of(expected));
    arguments.addAll(files());
    Command.Result result = Command.python("crash_check.py", arguments.toArray()).run();
    assertThat(result.exit()).as("%s: %s", context, result).isZero();
    if (tidemark.plain()) {
      return;
    }
    for (String name : names) {
      Path image = bench.scratch("exported");
      tidemark.verifyLog(name);
      tidemark.export(name, image);
      Image exported = Image.read(image);
      Position position = tidemark.position(name);
      assertThat(exported.computeChecksum())
          .as("%s: checksum of the exported %s at %s", context, name, position)
          .isEqualTo(position.checksum());
      Image folded = LogFold.fold(tidemark.data(), name, (entry, ltx, step) -> {});
      assertThat(folded.position())
          .as("%s: end of the log of %s", context, name)
          .isEqualTo(position);
      assertThat(TruthCheck.difference(folded, exported)).as("%s: %s", context, name).isEmpty();
      Files.delete(image);
    }
  }

  long acknowledged() {
    return acknowledged;
  }

  int rounds() {
    return rounds;
  }
}
