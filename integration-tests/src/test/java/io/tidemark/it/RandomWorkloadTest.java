package io.tidemark.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * The log tells the truth: whatever applications do, folding the log gives at each position exactly
 * what they saw there.
 *
 * <p>{@code -Dtidemark.it.steps=20000} makes it a campaign.
 */
class RandomWorkloadTest {
  @RegisterExtension final Workbench bench = new Workbench();

  @BeforeEach
  void needsAMount() {
    Requirements.mount();
    Requirements.programs(Settings.python());
  }

  @ParameterizedTest
  @EnumSource(TidemarkProcess.Transport.class)
  void theLogFoldsToWhatTheApplicationsSawAtEachPosition(TidemarkProcess.Transport transport)
      throws IOException {
    long seed = Settings.seed("random workload over " + transport);
    int steps = Integer.getInteger("tidemark.it.steps", 400);
    TidemarkProcess tidemark =
        bench
            .tidemark("node")
            .transport(transport)
            .optimised()
            .longestLife(Duration.ofSeconds(300 + steps))
            .start();
    run(tidemark, seed, steps);
    check(tidemark, seed);
  }

  @Test
  void theLogStaysTrueAcrossKillsBetweenWorkloads() throws IOException {
    long seed = Settings.seed("random workload with restarts");
    TidemarkProcess tidemark = bench.tidemark("node").start();
    run(tidemark, seed, 100);
    for (String name : List.of("a.db", "b.db")) {
      Position before = tidemark.position(name);
      String digest = digestOf(tidemark.file(name));
      tidemark.killAndRestart();
      assertThat(tidemark.position(name)).isEqualTo(before);
      assertThat(digestOf(tidemark.file(name))).isEqualTo(digest);
    }
    check(tidemark, seed);
  }

  private void run(TidemarkProcess tidemark, long seed, int steps) {
    Command.python(
            "random_workload.py",
            seed,
            steps,
            tidemark.mount(),
            record(),
            tidemark.plain() ? "plain" : "mount")
        .within(Duration.ofSeconds(120 + steps))
        .ok();
  }

  private Path record() {
    return bench.scratch("workload.tsv");
  }

  private void check(TidemarkProcess tidemark, long seed) throws IOException {
    List<WorkloadRecord.Step> steps = WorkloadRecord.read(record());
    assertThat(steps).hasSizeGreaterThan(50);
    assertThat(TruthCheck.outcomes(steps)).as("seed %s", seed).isEmpty();
    if (tidemark.plain()) {
      return;
    }
    String[] names = {"a.db", "b.db"};
    for (int side = 0; side < names.length; side++) {
      String name = names[side];
      tidemark.verifyLog(name);
      Path copy = bench.scratch(name + "-in-the-mount");
      Command.of("cp", tidemark.file(name), copy).ok();
      Path scratch = bench.scratch("check");
      List<String> problems = TruthCheck.positions(steps, side);
      problems.addAll(TruthCheck.log(tidemark.data(), name, steps, side, copy, scratch));
      assertThat(problems).as("%s, seed %s, evidence in %s", name, seed, scratch).isEmpty();
      Path exported = bench.scratch(name + "-exported");
      tidemark.export(name, exported);
      assertThat(Files.mismatch(exported, copy)).as("export of %s", name).isEqualTo(-1);
    }
  }

  private static String digestOf(Path database) throws IOException {
    try (ImageChecker checker = new ImageChecker()) {
      ImageChecker.Answer answer = checker.check(database);
      assertThat(answer.integrity()).isEqualTo("ok");
      return answer.digest();
    }
  }
}
