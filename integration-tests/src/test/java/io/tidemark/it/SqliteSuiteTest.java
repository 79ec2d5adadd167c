package io.tidemark.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** SQLite's own tests on the mount; sqlite-suite/run.sh runs more of them by hand. */
class SqliteSuiteTest {
  private static final Path SUITE = Settings.module().resolve("sqlite-suite");

  @RegisterExtension final Workbench bench = new Workbench();

  @Test
  void theQuickPartOfSqlitesOwnSuitePassesAsOnAPlainDirectory() {
    Requirements.mount();
    Requirements.root();
    Requirements.programs("setpriv", "timeout");
    build();
    TidemarkProcess tidemark = bench.tidemark("suite").optimised().start();
    Command.Result result =
        Command.of(SUITE.resolve("run.sh"), "quick", tidemark.mount())
            .with("TIDEMARK_SUITE_LOGS", bench.scratch("suite-output").toString())
            .within(Duration.ofMinutes(8))
            .run();
    System.out.println(result.out());
    assertThat(result.exit()).as("%s", result).isZero();
    assertThat(result.out()).contains(" 0 failed,");
  }

  @ParameterizedTest
  @ValueSource(strings = {"WAL", "DELETE"})
  void theShellRecoversADatabaseFromTheMount(String mode) {
    Requirements.mount();
    Path shell = build().resolve("full-shell");
    TidemarkProcess tidemark = bench.tidemark("recover").start();
    Path db = tidemark.file("damaged.db");
    Command.sqlite(
            db,
            "PRAGMA journal_mode=" + mode + ";",
            "CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT);",
            "INSERT INTO t SELECT value, 'value ' || value FROM generate_series(1, 500);")
        .ok();
    String sql = Command.of(shell, db, ".recover").ok();
    Path recovered = tidemark.file("recovered.db");
    Command.sqlite(recovered, sql, "PRAGMA integrity_check;").ok();
    assertThat(Command.sqlite(recovered, "SELECT count(*), max(v) FROM t;").ok())
        .isEqualTo("500|value 99");
    tidemark.verifyLog("recovered.db");
  }

  /** The directory of the built suite. */
  private static Path build() {
    Command.Result build =
        Command.of(SUITE.resolve("build.sh")).within(Duration.ofMinutes(15)).run();
    Requirements.require(build.exit() != 3, "SQLite's suite cannot be built: " + build.err());
    assertThat(build.exit()).as("%s", build).isZero();
    return Path.of(build.text());
  }
}
