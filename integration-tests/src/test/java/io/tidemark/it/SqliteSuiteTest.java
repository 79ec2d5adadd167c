package io.tidemark.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** SQLite's own tests on the mount; sqlite-suite/run.sh runs more of them by hand. */
class SqliteSuiteTest {
  @RegisterExtension final Workbench bench = new Workbench();

  @Test
  void theQuickPartOfSqlitesOwnSuitePassesAsOnAPlainDirectory() {
    Requirements.mount();
    Requirements.root();
    Requirements.programs("setpriv", "timeout");
    Path suite = Settings.module().resolve("sqlite-suite");
    Command.Result build =
        Command.of(suite.resolve("build.sh")).within(Duration.ofMinutes(15)).run();
    Requirements.require(build.exit() != 3, "SQLite's suite cannot be built: " + build.err());
    assertThat(build.exit()).as("%s", build).isZero();
    TidemarkProcess tidemark = bench.tidemark("suite").start();
    Command.Result result =
        Command.of(suite.resolve("run.sh"), "quick", tidemark.mount())
            .with("TIDEMARK_SUITE_LOGS", bench.scratch("suite-output").toString())
            .within(Duration.ofMinutes(8))
            .run();
    System.out.println(result.out());
    assertThat(result.exit()).as("%s", result).isZero();
    assertThat(result.out()).contains(" 0 failed,");
  }
}
