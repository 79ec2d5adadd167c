package io.tidemark.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** What is done to one program by a library that it loads. Needs no mount. */
class FaultySystemTest {
  /** A pipe cannot be synced: who says it was has not tried. */
  private static final String SYNC_OF_A_PIPE =
      """
      import os, time
      begun = time.monotonic()
      try:
          os.fdatasync(os.pipe()[1])
          print("synced", end=" ")
      except OSError:
          print("refused", end=" ")
      print(int(1000 * (time.monotonic() - begun)))
      """;

  @RegisterExtension final Workbench bench = new Workbench();
  private FaultySystem system;

  @BeforeEach
  void needsACompiler() throws IOException {
    Requirements.programs("cc", Settings.python());
    system = new FaultySystem(bench.scratch("faults"));
  }

  private String python(String script) {
    return Command.of(system.with(Settings.python(), "-c", script)).ok().strip();
  }

  @Test
  void syncsAreDoneAndTakeTheirTimeAndThatMuchMore() throws IOException {
    assertThat(python(SYNC_OF_A_PIPE)).startsWith("refused ");
    system.syncsTake(Duration.ofMillis(300));
    String[] said = python(SYNC_OF_A_PIPE).split(" ");
    assertThat(said[0]).isEqualTo("refused");
    assertThat(Integer.parseInt(said[1])).isGreaterThanOrEqualTo(300);
  }

  @Test
  void syncsAreSaidToBeDoneAndAreNot() throws IOException {
    system.syncsDoNothing(true);
    assertThat(python(SYNC_OF_A_PIPE)).startsWith("synced ");
    system.syncsDoNothing(false);
    assertThat(python(SYNC_OF_A_PIPE)).startsWith("refused ");
  }

  @Test
  void theWallClockJumpsAndTheOtherClocksDoNot() throws IOException {
    long monotonic = clock("CLOCK_BOOTTIME");
    system.wallClockIsAhead(Duration.ofDays(-2));
    assertThat(clock("CLOCK_REALTIME"))
        .isBetween(
            Instant.now().minus(Duration.ofDays(3)).getEpochSecond(),
            Instant.now().minus(Duration.ofDays(1)).getEpochSecond());
    assertThat(clock("CLOCK_BOOTTIME")).isBetween(monotonic, monotonic + 3_600);
  }

  private long clock(String name) {
    return Long.parseLong(python("import time; print(int(time.clock_gettime(time." + name + ")))"));
  }

  @Test
  void aJavaProgramSeesThatWallClock() throws IOException {
    system.wallClockIsAhead(Duration.ofDays(400));
    String log =
        Command.of(
                system.with(
                    Settings.java(),
                    "-Xlog:startuptime",
                    "-Xlog:all=info:stdout:utctime",
                    "-version"))
            .ok();
    int year = Instant.now().plus(Duration.ofDays(400)).atZone(java.time.ZoneOffset.UTC).getYear();
    assertThat(log).startsWith("[" + year + "-");
  }
}
