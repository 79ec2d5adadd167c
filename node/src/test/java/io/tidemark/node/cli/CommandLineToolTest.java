package io.tidemark.node.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.node.config.HostPort;
import io.tidemark.node.config.NodeConfig;
import io.tidemark.node.http.ApiLimits;
import io.tidemark.node.http.ApiServer;
import io.tidemark.node.http.FakeNode;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.Statement;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CommandLineToolTest {
  @TempDir Path dir;
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();

  private int run(String... args) {
    out.reset();
    err.reset();
    return CommandLineTool.run(args, new PrintStream(out, true), new PrintStream(err, true));
  }

  private String out() {
    return out.toString(StandardCharsets.UTF_8);
  }

  private String err() {
    return err.toString(StandardCharsets.UTF_8);
  }

  private Path database() throws Exception {
    Path file = dir.resolve("source.db");
    try (Connection connection = DriverManager.getConnection("jdbc:sqlite:" + file);
        Statement statement = connection.createStatement()) {
      statement.execute("CREATE TABLE t(x)");
    }
    return file;
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "nonsense",
        "--nonsense",
        "status --nonsense",
        "export",
        "export --name a",
        "import x",
        "ltx",
        "ltx nonsense",
        "ltx ls",
        "ltx ls --data-dir a b",
        "status --url ftp://x",
        "status -- x",
        "bench --seconds none",
        "bench --seconds 0",
        "bench --quick",
        "bench --replicas 2",
        "bench --replication --replicas 0",
        "bench --replication --replicas 17",
        "bench --replication --replicas many",
        "bench --replication --against /tmp",
        "bench --replication --size much",
        "bench --replication --only apply,nonsense",
        "mount --config /nonexistent.yml",
        "mount --config /dev/null",
        "mount --config /dev/null --fuse-dir /a --data-dir /a",
        "mount --config /dev/null --fuse-dir /a --data-dir /b --transport warp",
        "mount --config /dev/null --fuse-dir /a --data-dir /b --http-addr :1",
        "mount --config /dev/null --fuse-dir /a --data-dir /b --",
        "run",
        "promote now",
        "promote --to x",
        "handoff --to",
        "handoff x",
        "divergent",
        "divergent nonsense",
        "divergent export --to x",
        "divergent export --name x",
        "ltx ls x --from 9 --to 3",
      })
  void wrongUsageExitsWithTwoAndFewWords(String line) {
    assertThat(run(line.isEmpty() ? new String[0] : line.split(" "))).isEqualTo(2);
    assertThat(out()).isEmpty();
    assertThat(err()).isNotBlank().doesNotContain("Exception").doesNotContain("\tat ");
  }

  @ParameterizedTest
  @ValueSource(strings = {"help", "--help", "mount --help", "ltx --help", "help status", "version"})
  void helpExitsWithZero(String line) {
    assertThat(run(line.split(" "))).isZero();
    assertThat(out()).containsIgnoringCase("tidemark");
    assertThat(err()).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "status --url http://127.0.0.1:1",
        "status -url http://127.0.0.1:1",
        "export --url http://127.0.0.1:1 -name x none.db",
        "import -name x /nonexistent/x.db",
        "ltx ls /nonexistent/data",
        "ltx verify /nonexistent/data",
        "divergent ls --url http://127.0.0.1:1",
        "divergent ls --data-dir /nonexistent/data",
        "divergent export --name x --to y --data-dir /nonexistent/data",
        "bench --dir /nonexistent/mount --against /tmp",
        "bench --replication --dir /nonexistent",
      })
  void workThatFailsExitsWithOneAndTheNextStep(String line) {
    assertThat(run(line.split(" "))).isEqualTo(1);
    assertThat(err().lines().count()).isBetween(1L, 2L);
    assertThat(err()).doesNotContain("Exception");
  }

  @Test
  void debugShowsTheStack() {
    assertThat(run("status", "--url", "http://127.0.0.1:1", "--debug")).isEqualTo(1);
    assertThat(err()).contains("\tat ");
  }

  @Test
  void oneDashIsEnoughForLongOptions() {
    Set<String> known = Set.of("--config", "--name", "-h");
    assertThat(
            Arguments.of(
                new String[] {"x", "-config", "f", "-name=a", "-h", "-other", "-5", "--", "-name"},
                known))
        .isEqualTo(
            new Arguments(
                List.of("x", "--config", "f", "--name=a", "-h", "-other", "-5"), List.of("-name")));
  }

  @Test
  void databasesTravelInAndOut() throws Exception {
    Path data = Files.createDirectory(dir.resolve("data"));
    FakeNode node = new FakeNode(data);
    NodeConfig.Http http = new NodeConfig.Http(new HostPort("127.0.0.1", 0), null, "tok", false);
    try (ApiServer server = ApiServer.start(http, node, ApiLimits.defaults())) {
      String url = "http://127.0.0.1:" + server.port();
      Path source = database();
      Path target = dir.resolve("copy.db");
      Files.writeString(target, "old");
      Files.writeString(Path.of(target + "-wal"), "of the old one");

      assertThat(
              run("import", "--url", url, "--token", "tok", "--name", "a b.db", source.toString()))
          .as(err())
          .isZero();
      assertThat(
              run("export", "--url", url, "--token", "tok", "--name", "a b.db", target.toString()))
          .as(err())
          .isZero();
      assertThat(Files.readAllBytes(target)).isEqualTo(Files.readAllBytes(source));
      assertThat(Path.of(target + "-wal")).doesNotExist();
      assertThat(Path.of(target + ".tmp")).doesNotExist();
      assertThat(run("status", "--url", url, "--token", "tok")).isZero();
      assertThat(out()).contains("role      primary").contains("a b.db");
      assertThat(run("status", "--url", url, "--token", "tok", "--json")).isZero();
      assertThat(out()).startsWith("{\"version\"");

      node.put("broken.db", new byte[4096]);
      assertThat(
              run(
                  "export",
                  "--url",
                  url,
                  "--token",
                  "tok",
                  "--name",
                  "broken.db",
                  target.toString()))
          .isEqualTo(1);
      assertThat(err()).contains("not a SQLite database");
      assertThat(Files.readAllBytes(target)).isEqualTo(Files.readAllBytes(source));

      node.primary = false;
      assertThat(run("import", "--url", url, "--token", "tok", "--name", "n", source.toString()))
          .isEqualTo(1);
      assertThat(err()).contains("not the primary");
      node.primary = true;
      assertThat(run("drop", "--url", url, "--token", "tok", "--name", "a b.db")).isZero();
      assertThat(run("drop", "--url", url, "--token", "tok", "--name", "a b.db")).isEqualTo(1);
      assertThat(err()).contains("there is no database a b.db").contains("GET /status");
      assertThat(run("status", "--url", url)).isEqualTo(1);
      assertThat(err()).contains("token");
    }
  }

  @Test
  void aFileThatIsNoWholeDatabaseIsNoticedBeforeItIsSent() throws Exception {
    byte[] good = Files.readAllBytes(database());
    assertThat(SqliteFile.problem(good, good.length)).isNull();
    assertThat(SqliteFile.problem(good, good.length - 1)).contains("cut off");
    assertThat(SqliteFile.problem(good, good.length - 4096)).contains("its header says");
    assertThat(SqliteFile.problem(new byte[10], 10)).contains("not a SQLite database");
    byte[] badPage = good.clone();
    ByteBuffer.wrap(badPage).putShort(16, (short) 1000);
    assertThat(SqliteFile.problem(badPage, good.length)).contains("page size");
    Files.writeString(Path.of(dir.resolve("source.db") + "-wal"), "x");
    assertThat(SqliteFile.problem(dir.resolve("source.db"))).contains("-wal");
  }

  @Test
  void tablesAlignTheirColumns() {
    TextTable table = new TextTable("NAME", ">SIZE");
    table.row("a\u001b[2J", 5);
    table.row("long name", null);
    assertThat(table).hasToString("NAME       SIZE\na?[2J         5\nlong name     -\n");
  }

  @Test
  void progressIsOneLine() {
    assertThat(Progress.line("export a", 1 << 20, 4 << 20, 1_000_000_000L))
        .isEqualTo("export a 25 %  1.0 MiB  1.0 MiB/s");
    try (Progress none = Progress.of(new PrintStream(err, true), "x", 1)) {
      none.update(1);
    }
    assertThat(err()).isEmpty();
  }

  @Test
  void theScriptsAreValidShell() throws Exception {
    for (String script :
        Arrays.asList("tidemark", "tidemark-test", "scripts/common.sh", ".ci/run")) {
      Process check = new ProcessBuilder("bash", "-n", "../" + script).inheritIO().start();
      assertThat(check.waitFor()).as(script).isZero();
    }
  }
}
