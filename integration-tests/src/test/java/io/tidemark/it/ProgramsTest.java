package io.tidemark.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Programs that know nothing of Tidemark, over its mount. */
class ProgramsTest {
  @RegisterExtension final Workbench bench = new Workbench();
  private TidemarkProcess tidemark;

  @BeforeEach
  void needsAMount() {
    Requirements.mount();
    Requirements.programs("sqlite3", Settings.python());
  }

  static Stream<String> modes() {
    return Stream.of("WAL", "DELETE");
  }

  static Stream<Arguments> modesAndTransports() {
    return modes()
        .flatMap(
            mode ->
                Stream.of(TidemarkProcess.Transport.values())
                    .map(transport -> Arguments.of(mode, transport)));
  }

  @ParameterizedTest
  @MethodSource("modesAndTransports")
  void theSqliteShellWorks(String mode, TidemarkProcess.Transport transport) throws IOException {
    tidemark = bench.tidemark("node").transport(transport).start();
    Path db = tidemark.file("shell.db");
    assertThat(
            Command.sqlite(
                    db,
                    "PRAGMA journal_mode=" + mode + ";",
                    "CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT);",
                    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<1000)"
                        + " INSERT INTO t SELECT i, 'value ' || i FROM n;",
                    "BEGIN; DELETE FROM t; ROLLBACK;",
                    "SELECT count(*) FROM t;")
                .ok())
        .isEqualTo(mode.toLowerCase(java.util.Locale.ROOT) + "\n1000");
    check("shell.db", "t", 1000);

    // Backup into the mount and restore from a file beside it.
    Command.sqlite(db, ".backup '" + tidemark.file("backup.db") + "'").ok();
    check("backup.db", "t", 1000);
    Path outside = bench.scratch("outside.db");
    Command.sqlite(outside, "CREATE TABLE other(a);", "INSERT INTO other VALUES(1),(2),(3);").ok();
    Command.sqlite(tidemark.file("backup.db"), ".restore '" + outside + "'").ok();
    check("backup.db", "other", 3);

    // A dump is SQL that another database in the mount can be made of.
    Command.sqlite(tidemark.file("dumped.db"), Command.sqlite(db, ".dump").ok()).ok();
    check("dumped.db", "t", 1000);

    Command.sqlite(db, "DELETE FROM t WHERE id % 2;", "VACUUM;").ok();
    check("shell.db", "t", 500);
    Command.sqlite(db, "VACUUM INTO '" + tidemark.file("compact.db") + "';").ok();
    check("compact.db", "t", 500);

    // Copies into and out of the mount, and renames inside it.
    Command.of("cp", outside, tidemark.file("copied.db")).ok();
    check("copied.db", "other", 3);
    Path out = bench.scratch("out.db");
    Command.of("cp", tidemark.file("copied.db"), out).ok();
    assertThat(Files.mismatch(outside, out)).isEqualTo(-1);
    Command.of("mv", tidemark.file("copied.db"), tidemark.file("moved.db")).ok();
    check("moved.db", "other", 3);
    assertThat(Command.of("ls", tidemark.file("copied.db")).run().exit()).isNotZero();
    Command.sqlite(tidemark.file("moved.db"), "INSERT INTO other VALUES(4);").ok();
    check("moved.db", "other", 4);
    Command.of("rm", tidemark.file("moved.db")).ok();
    assertThat(Command.of("ls", tidemark.file("moved.db")).run().exit()).isNotZero();
  }

  @ParameterizedTest
  @MethodSource("modes")
  void everythingIsThereAfterACleanRestart(String mode) throws IOException {
    tidemark = bench.tidemark("node").start();
    Command.sqlite(
            tidemark.file("r.db"),
            "PRAGMA journal_mode=" + mode + ";",
            "CREATE TABLE t(a);",
            "INSERT INTO t VALUES(1),(2);")
        .ok();
    Position before = tidemark.position("r.db");
    if (!tidemark.plain()) {
      tidemark.terminate();
      tidemark.start();
    }
    assertThat(tidemark.position("r.db")).isEqualTo(before);
    check("r.db", "t", 2);
  }

  @ParameterizedTest
  @MethodSource("modes")
  void pythonsSqliteModuleWorks(String mode) throws IOException {
    tidemark = bench.tidemark("node").start();
    Command.python("python_program.py", tidemark.file("python.db"), mode).ok();
    check("python.db", "note", 500);
  }

  @ParameterizedTest
  @MethodSource("modes")
  void sqliteJdbcWorks(String mode) throws Exception {
    tidemark = bench.tidemark("node").start();
    Command.of(
            Settings.java(),
            "-cp",
            classPathOf(JdbcProgram.class, org.sqlite.JDBC.class, org.slf4j.Logger.class),
            JdbcProgram.class.getName(),
            tidemark.file("jdbc.db"),
            mode)
        .ok();
    check("jdbc.db", "note", 500);
  }

  private static String classPathOf(Class<?>... classes) throws URISyntaxException {
    StringBuilder path = new StringBuilder();
    for (Class<?> c : classes) {
      URI location = c.getProtectionDomain().getCodeSource().getLocation().toURI();
      path.append(path.length() == 0 ? "" : File.pathSeparator).append(Path.of(location));
    }
    return path.toString();
  }

  @ParameterizedTest
  @MethodSource("modes")
  void aDjangoSiteWorks(String mode) throws IOException {
    Requirements.pythonModule("django");
    tidemark = bench.tidemark("node").start();
    Command.sqlite(tidemark.file("site.db"), "PRAGMA journal_mode=" + mode + ";").ok();
    String out =
        Command.python("django_site.py", bench.scratch("site"), tidemark.file("site.db"), 50)
            .within(Duration.ofMinutes(2))
            .ok();
    assertThat(out).endsWith("groups 51");
    check("site.db", "auth_group", 51);
    check("site.db", "auth_user", 1);
  }

  @ParameterizedTest
  @MethodSource("modes")
  void aFossilRepositoryWorks(String mode) throws Exception {
    Requirements.programs("fossil");
    tidemark = bench.tidemark("node").start();
    Path repository = tidemark.file("project.fossil");
    Path checkout = bench.scratchDirectory("checkout");
    String home = bench.scratchDirectory("home").toString();
    fossil(home, checkout, "init", "--admin-user", "admin", repository.toString());
    Command.sqlite(repository, "PRAGMA journal_mode=" + mode + ";").ok();
    fossil(home, checkout, "open", repository.toString(), "--user", "admin");
    for (int i = 1; i <= 3; i++) {
      Files.writeString(checkout.resolve("file" + i + ".txt"), "contents " + i + "\n");
      fossil(home, checkout, "add", "file" + i + ".txt");
      fossil(home, checkout, "commit", "--no-warnings", "-m", "commit number " + i);
    }
    int port = Ports.free();
    Process server =
        new ProcessBuilder(
                "fossil",
                "server",
                "--localhost",
                "--nojail",
                "--port",
                "" + port,
                repository.toString())
            .redirectErrorStream(true)
            .redirectOutput(bench.scratch("fossil-server.log").toFile())
            .start();
    try {
      HttpClient client = HttpClient.newHttpClient();
      HttpRequest request =
          HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/timeline"))
              .timeout(Duration.ofSeconds(20))
              .build();
      StringBuilder page = new StringBuilder();
      Await.until(
          Duration.ofSeconds(30),
          "timeline of the fossil server",
          () -> {
            try {
              page.append(client.send(request, HttpResponse.BodyHandlers.ofString()).body());
              return true;
            } catch (java.net.ConnectException notYet) {
              return false;
            }
          });
      assertThat(page).contains("commit number 1").contains("commit number 3");
    } finally {
      List<ProcessHandle> children = server.descendants().toList();
      server.destroy();
      children.forEach(ProcessHandle::destroy);
      assertThat(server.waitFor(20, TimeUnit.SECONDS)).isTrue();
    }
    // The initial empty check-in and three of ours.
    check("project.fossil", "event WHERE type='ci'", 4);
  }

  private static void fossil(String home, Path checkout, String... arguments) {
    List<Object> words = new java.util.ArrayList<>(List.of("fossil"));
    words.addAll(List.of(arguments));
    Command.of(words.toArray()).in(checkout).with("HOME", home).with("USER", "admin").ok();
  }

  @ParameterizedTest
  @MethodSource("modesAndTransports")
  void threeWritersAndTwoReadersAsProcessesOfTheirOwnGetAlong(
      String mode, TidemarkProcess.Transport transport) throws IOException {
    tidemark = bench.tidemark("node").transport(transport).start();
    Command.python("many_processes.py", tidemark.file("many.db"), mode, 100)
        .within(Duration.ofMinutes(2))
        .ok();
    check("many.db", "t", 900);
  }

  /** Sound for SQLite, the right number of rows, and the log agrees with the file. */
  private void check(String name, String table, int rows) throws IOException {
    assertThat(
            Command.sqlite(
                    tidemark.file(name),
                    ".timeout 30000",
                    "PRAGMA integrity_check;",
                    "SELECT count(*) FROM " + table + ";")
                .ok())
        .as("integrity and rows of %s", name)
        .isEqualTo("ok\n" + rows);
    if (tidemark.plain()) {
      return;
    }
    tidemark.verifyLog(name);
    Image folded = LogFold.fold(tidemark.data(), name, (entry, ltx, image) -> {});
    assertThat(folded.position())
        .as("end of the log of %s", name)
        .isEqualTo(tidemark.position(name));
    Path image = bench.scratch("folded.db");
    folded.write(image);
    try (ImageChecker checker = new ImageChecker()) {
      assertThat(checker.check(image).integrity())
          .as("image from the log of %s", name)
          .isEqualTo("ok");
    }
    assertThat(Command.sqlite(image, "SELECT count(*) FROM " + table + ";").ok())
        .as("rows in the image from the log of %s", name)
        .isEqualTo("" + rows);
  }
}
