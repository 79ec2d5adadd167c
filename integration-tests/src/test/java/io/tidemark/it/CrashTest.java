package io.tidemark.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.database.FaultPoint;
import java.io.IOException;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Kills of the program under load; {@link CrashCampaign} does the same by the hundred. */
class CrashTest {
  @RegisterExtension final Workbench bench = new Workbench();

  @BeforeEach
  void needsAMount() {
    Requirements.mount();
    Requirements.programs(Settings.python());
  }

  @ParameterizedTest
  @EnumSource
  void whatWasAcknowledgedSurvivesKillsAtRandomMoments(CrashRounds.Mode mode) throws IOException {
    long seed = Settings.seed("random kills, " + mode);
    CrashRounds rounds = new CrashRounds(bench, bench.tidemark("node").start(), mode, seed);
    rounds.newDatabases();
    for (int i = 0; i < Integer.getInteger("tidemark.it.kills", 2); i++) {
      rounds.round(rounds.killAtARandomMoment());
    }
    assertThat(rounds.acknowledged()).isPositive();
  }

  /** Steps that the load of this test passes by itself. */
  static Stream<Arguments> pointsOfACommit() {
    return Stream.of(
        Arguments.of(FaultPoint.COMMIT_BEFORE_APPEND, CrashRounds.Mode.WAL),
        Arguments.of(FaultPoint.COMMIT_BEFORE_APPEND, CrashRounds.Mode.DELETE),
        Arguments.of(FaultPoint.COMMIT_RECORD_TORN, CrashRounds.Mode.WAL),
        Arguments.of(FaultPoint.COMMIT_RECORD_TORN, CrashRounds.Mode.TRUNCATE),
        Arguments.of(FaultPoint.COMMIT_BEFORE_SYNC, CrashRounds.Mode.DELETE),
        Arguments.of(FaultPoint.COMMIT_AFTER_SYNC, CrashRounds.Mode.PERSIST),
        Arguments.of(FaultPoint.COMMIT_APPLYING, CrashRounds.Mode.TRUNCATE),
        Arguments.of(FaultPoint.COMMIT_BEFORE_FINALISE, CrashRounds.Mode.PERSIST),
        Arguments.of(FaultPoint.GROUP_PARTLY_APPENDED, CrashRounds.Mode.ATTACH),
        Arguments.of(FaultPoint.GROUP_AFTER_SYNC, CrashRounds.Mode.ATTACH),
        Arguments.of(FaultPoint.WAL_CHECKPOINT_PAGE, CrashRounds.Mode.WAL),
        Arguments.of(FaultPoint.SEGMENT_ROLL, CrashRounds.Mode.WAL),
        Arguments.of(FaultPoint.SEGMENT_HEADER_WRITTEN, CrashRounds.Mode.DELETE));
  }

  @ParameterizedTest
  @MethodSource("pointsOfACommit")
  void whatWasAcknowledgedSurvivesADeathAt(FaultPoint point, CrashRounds.Mode mode)
      throws IOException {
    Requirements.realMount();
    long seed = Settings.seed("death at " + point + ", " + mode);
    TidemarkProcess tidemark = bench.tidemark("node").start();
    CrashRounds rounds = new CrashRounds(bench, tidemark, mode, seed);
    rounds.newDatabases();
    tidemark.terminate();
    // New segments and records larger than the log's buffer are rare.
    boolean rare = point.name().startsWith("SEGMENT") || point == FaultPoint.COMMIT_RECORD_TORN;
    long pass = rare ? 1 : 3 + Math.floorMod(seed, 20);
    tidemark.environment("TIDEMARK_FAULT", point + ":" + pass).start();
    // The faulty start ends itself; the next one is sound.
    rounds.round(
        workers -> {
          rounds.deathAtTheArmedFaultPoint().happen(workers);
          tidemark.environment("TIDEMARK_FAULT", null);
        });
  }

  @ParameterizedTest
  @EnumSource(names = {"CHECKPOINT_AFTER_SYNC", "CHECKPOINT_BEFORE_RENAME"})
  void aCheckpointThatIsKilledIsHarmless(FaultPoint point) throws IOException {
    Requirements.realMount();
    long seed = Settings.seed("death at " + point);
    TidemarkProcess tidemark = bench.tidemark("node").start();
    CrashRounds rounds = new CrashRounds(bench, tidemark, CrashRounds.Mode.DELETE, seed);
    rounds.newDatabases();
    rounds.round(
        workers -> {
          CrashRounds.awaitAcknowledgements(workers, 20);
          tidemark.kill();
          // Recovery, or else the clean stop after it, writes a checkpoint.
          tidemark.environment("TIDEMARK_FAULT", point.name()).launch();
          tidemark.awaitMountOrExit();
          tidemark.askToStop();
          tidemark.awaitKilled();
          tidemark.environment("TIDEMARK_FAULT", null);
        });
  }

  @ParameterizedTest
  @EnumSource(names = {"WAL", "ATTACH"})
  void recoveryThatIsKilledItselfRecoversTheNextTime(CrashRounds.Mode mode) throws IOException {
    Requirements.realMount();
    long seed = Settings.seed("death during recovery, " + mode);
    TidemarkProcess tidemark = bench.tidemark("node").start();
    CrashRounds rounds = new CrashRounds(bench, tidemark, mode, seed);
    rounds.newDatabases();
    rounds.round(
        workers -> {
          rounds.killAtARandomMoment().happen(workers);
          tidemark.environment("TIDEMARK_FAULT", FaultPoint.RECOVERY_APPLYING + ":1");
          tidemark.launch();
          tidemark.awaitKilled();
          tidemark.environment("TIDEMARK_FAULT", null);
        });
  }

  @ParameterizedTest
  @EnumSource(names = {"WAL", "DELETE"})
  void whatWasAcknowledgedSurvivesATerminationUnderLoad(CrashRounds.Mode mode) throws IOException {
    long seed = Settings.seed("termination under load, " + mode);
    // The workers do not end by themselves, so all of this time is waited.
    TidemarkProcess tidemark = bench.tidemark("node").setting("fuse.unmount-timeout", "2s").start();
    CrashRounds rounds = new CrashRounds(bench, tidemark, mode, seed);
    rounds.newDatabases();
    rounds.round(
        workers -> {
          CrashRounds.awaitAcknowledgements(workers, 20);
          tidemark.terminateUnderLoad();
        });
  }

  @ParameterizedTest
  @EnumSource(names = {"IMPORT_AFTER_SYNC", "IMPORT_APPLYING"})
  void anImportWhoseRecordIsDurableIsThereAsAWholeAfterADeathAt(FaultPoint point)
      throws IOException {
    Requirements.realMount();
    Requirements.programs("sqlite3");
    TidemarkProcess tidemark = bench.tidemark("node").start();
    Path file = bench.scratch("new.db");
    Command.sqlite(file, "CREATE TABLE fresh(a);", "INSERT INTO fresh VALUES(zeroblob(50000));")
        .ok();
    Command.sqlite(tidemark.file("i.db"), "CREATE TABLE old(a);", "INSERT INTO old VALUES(1);")
        .ok();
    Position before = tidemark.position("i.db");
    tidemark.terminate();
    tidemark.environment("TIDEMARK_FAULT", point.name()).start();
    Command.Result result = tidemark.ask("import", "--name", "i.db", file).run();
    assertThat(result.exit()).as("import into a program that dies: %s", result).isEqualTo(1);
    tidemark.awaitKilled();
    tidemark.environment("TIDEMARK_FAULT", null).start();
    assertThat(tidemark.position("i.db").txid()).isEqualTo(before.txid() + 1);
    assertThat(Command.sqlite(tidemark.file("i.db"), "SELECT count(*) FROM fresh;").ok())
        .isEqualTo("1");
    tidemark.verifyLog("i.db");
  }

  @Test
  void aDropWhoseRecordIsDurableHoldsAfterADeath() throws IOException {
    Requirements.realMount();
    Requirements.programs("sqlite3");
    TidemarkProcess tidemark = bench.tidemark("node").start();
    Command.sqlite(tidemark.file("d.db"), "CREATE TABLE old(a);", "INSERT INTO old VALUES(1);")
        .ok();
    Position before = tidemark.position("d.db");
    tidemark.terminate();
    tidemark.environment("TIDEMARK_FAULT", FaultPoint.DROP_AFTER_SYNC.name()).start();
    Command.Result result = tidemark.ask("drop", "--name", "d.db").run();
    assertThat(result.exit()).as("drop in a program that dies: %s", result).isEqualTo(1);
    tidemark.awaitKilled();
    tidemark.environment("TIDEMARK_FAULT", null).start();
    assertThat(Command.of("ls", tidemark.mount()).ok()).doesNotContain("d.db");
    // Its TXIDs go on when the name is used again.
    Command.sqlite(tidemark.file("d.db"), "CREATE TABLE again(a);").ok();
    assertThat(tidemark.position("d.db").txid()).isEqualTo(before.txid() + 2);
    tidemark.verifyLog("d.db");
  }
}
