package io.tidemark.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.database.FaultPoint;
import java.io.IOException;
import java.util.EnumSet;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
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
    for (int i = 0; i < Integer.getInteger("tidemark.it.kills", 4); i++) {
      rounds.round(rounds.killAtARandomMoment());
    }
    assertThat(rounds.acknowledged()).isPositive();
  }

  /** Steps that the load of this test passes by itself. */
  static Stream<Arguments> pointsOfACommit() {
    Set<FaultPoint> points =
        EnumSet.of(
            FaultPoint.COMMIT_BEFORE_APPEND,
            FaultPoint.COMMIT_RECORD_TORN,
            FaultPoint.COMMIT_BEFORE_SYNC,
            FaultPoint.COMMIT_AFTER_SYNC);
    return Stream.concat(
        points.stream()
            .flatMap(
                point ->
                    Stream.of(CrashRounds.Mode.WAL, CrashRounds.Mode.DELETE)
                        .map(mode -> Arguments.of(point, mode))),
        Stream.of(
            Arguments.of(FaultPoint.COMMIT_APPLYING, CrashRounds.Mode.TRUNCATE),
            Arguments.of(FaultPoint.COMMIT_BEFORE_FINALISE, CrashRounds.Mode.PERSIST),
            Arguments.of(FaultPoint.GROUP_PARTLY_APPENDED, CrashRounds.Mode.ATTACH),
            Arguments.of(FaultPoint.GROUP_AFTER_SYNC, CrashRounds.Mode.ATTACH),
            Arguments.of(FaultPoint.WAL_CHECKPOINT_PAGE, CrashRounds.Mode.WAL)));
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
    tidemark.environment("TIDEMARK_FAULT", point + ":" + (3 + Math.floorMod(seed, 20))).start();
    // The faulty start ends itself; the next one is sound.
    rounds.round(
        workers -> {
          rounds.deathAtTheArmedFaultPoint().happen(workers);
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
          assertThat(tidemark.output()).isNotNull();
          tidemark.environment("TIDEMARK_FAULT", null);
        });
  }
}
