package io.tidemark.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** What the program says, returns and leaves alone when it is asked for something impossible. */
class BadInputTest {
  private static final int FAILED = 1;
  private static final int USAGE = 2;

  @RegisterExtension final Workbench bench = new Workbench();

  @BeforeEach
  void needsTheProgram() {
    Requirements.realMount();
  }

  @Test
  void aDataDirectoryInUseIsRefused() {
    TidemarkProcess first = bench.tidemark("first").start();
    Command.sqlite(first.file("a.db"), "CREATE TABLE t(a);").ok();
    Command.Result second = mount(bench.scratch("mount"), first.data()).run();
    assertRefused(second, FAILED, "in use");
    assertThat(Command.sqlite(first.file("a.db"), "SELECT count(*) FROM t;").ok()).isEqualTo("0");
  }

  @Test
  void aDataDirectoryOfAnotherVersionIsRefusedAndNotTouched() throws IOException {
    TidemarkProcess first = bench.tidemark("first").start();
    Command.sqlite(first.file("a.db"), "CREATE TABLE t(a);").ok();
    first.terminate();
    Path format = first.data().resolve("format");
    String text = Files.readString(format);
    String later = text.replaceFirst("(?m)^version( ?[=:] ?)\\d+", "version$19999");
    assertThat(later).as("version in %s", format).isNotEqualTo(text);
    Files.writeString(format, later);
    Map<String, String> before = fingerprint(first.data());
    assertRefused(mount(bench.scratch("mount"), first.data()).run(), FAILED, "version");
    assertThat(fingerprint(first.data())).isEqualTo(before);
  }

  @Test
  void aDataDirectoryThatCannotBeWrittenIsRefused() {
    Path data = bench.scratchDirectory("data");
    Command.of("mount", "-t", "tmpfs", "-o", "ro,size=1m", "none", data).ok();
    bench.closing(() -> Mounts.clear(data));
    assertRefused(mount(bench.scratch("mount"), data).run(), FAILED, data.toString());
  }

  @Test
  void aDirectoryOfSomethingElseIsNotTakenAsDataDirectory() throws IOException {
    Path data = bench.scratchDirectory("data");
    Files.writeString(data.resolve("thesis.txt"), "mine");
    Map<String, String> before = fingerprint(data);
    assertRefused(mount(bench.scratch("mount"), data).run(), FAILED, data.toString());
    assertThat(fingerprint(data)).isEqualTo(before);
  }

  @Test
  void aMissingFuseDeviceIsNamed() {
    Requirements.programs("unshare");
    // In a mount namespace of its own the device is hidden from the program only.
    String hide =
        "mount -t tmpfs none /dev"
            + " && mknod -m 666 /dev/null c 1 3 && mknod -m 666 /dev/urandom c 1 9"
            + " && exec \"$@\"";
    Command.Result result =
        Command.of(
                "unshare",
                "-m",
                "sh",
                "-c",
                hide,
                "sh",
                Settings.java(),
                "-jar",
                Settings.jar(),
                "mount",
                "--fuse-dir",
                bench.scratchDirectory("mount"),
                "--data-dir",
                bench.scratch("data"),
                "--http-addr",
                "127.0.0.1:" + Ports.free())
            .run();
    assertRefused(result, FAILED, "/dev/fuse");
  }

  @Test
  void aMountPointInUseIsRefused() {
    TidemarkProcess first = bench.tidemark("first").start();
    Command.Result second = mount(first.mount(), bench.scratch("other-data")).run();
    assertRefused(second, FAILED, first.mount().toString());
    assertThat(Mounts.isFuse(first.mount())).isTrue();
    Command.sqlite(first.file("a.db"), "CREATE TABLE t(a);").ok();
  }

  @Test
  void aMountPointWithFilesIsRefusedAndKeepsThem() throws IOException {
    Path mount = bench.scratchDirectory("mount");
    Files.writeString(mount.resolve("letter.txt"), "dear");
    assertRefused(mount(mount, bench.scratch("data")).run(), FAILED, "empty");
    assertThat(mount.resolve("letter.txt")).hasContent("dear");
    assertThat(Mounts.at(mount)).isNull();
  }

  @Test
  void aMountPointThatIsAFileIsRefused() throws IOException {
    Path mount = bench.scratch("mount");
    Files.writeString(mount, "a file");
    Command.Result result = mount(mount, bench.scratch("data")).run();
    assertThat(result.exit()).as("%s", result).isIn(FAILED, USAGE);
    assertOneClearMessage(result, mount.toString());
    assertThat(mount).hasContent("a file");
  }

  @Test
  void anAddressInUseIsRefused() {
    TidemarkProcess first = bench.tidemark("first").start();
    String address = first.url().substring("http://".length());
    Command.Result result =
        TidemarkProcess.tidemark(
                "mount",
                "--fuse-dir",
                bench.scratchDirectory("mount"),
                "--data-dir",
                bench.scratch("data"),
                "--http-addr",
                address)
            .run();
    assertRefused(result, FAILED, address);
    assertThat(Mounts.at(bench.scratch("mount"))).isNull();
  }

  @Test
  void anUnknownConfigurationKeyNamesTheNearestKnownOne() throws IOException {
    Path config = bench.scratch("tidemark.yml");
    Files.writeString(
        config,
        "fuse:\n  dir: "
            + bench.scratch("mount")
            + "\ndata:\n  dir: "
            + bench.scratch("data")
            + "\n  retenton: 5m\n");
    Command.Result result = TidemarkProcess.tidemark("mount", "--config", config).run();
    assertRefused(result, USAGE, "retenton");
    assertThat(result.err()).contains("retention");
    assertThat(bench.scratch("data")).doesNotExist();
  }

  @Test
  void aMissingConfigurationFileIsNamed() {
    Path config = bench.scratch("missing.yml");
    assertRefused(
        TidemarkProcess.tidemark("mount", "--config", config).run(), USAGE, config.toString());
  }

  @Test
  void anUnknownOptionOrCommandIsAUsageError() {
    assertRefused(TidemarkProcess.tidemark("mount", "--no-such-option").run(), USAGE, "option");
    assertRefused(TidemarkProcess.tidemark("mont").run(), USAGE, "mont");
  }

  @Test
  void aFileThatIsNoDatabaseIsNotImported() throws IOException {
    TidemarkProcess tidemark = bench.tidemark("node").start();
    Path text = bench.scratch("letter.txt");
    Files.writeString(text, "not a database, but longer than the header of one. ".repeat(20));
    assertImportRefused(tidemark, text, "not a SQLite database");
    Path empty = bench.scratch("empty.db");
    Files.writeString(empty, "");
    assertImportRefused(tidemark, empty, "empty");
    assertImportRefused(tidemark, bench.scratch("missing.db"), "missing.db");
  }

  @Test
  void aTruncatedDatabaseIsNotImported() throws IOException {
    TidemarkProcess tidemark = bench.tidemark("node").start();
    Path file = bench.scratch("short.db");
    Command.sqlite(file, "CREATE TABLE t(a);", "INSERT INTO t VALUES(zeroblob(50000));").ok();
    byte[] bytes = Files.readAllBytes(file);
    for (int length : new int[] {bytes.length - 4096, bytes.length - 100, 4096, 60}) {
      Files.write(file, java.util.Arrays.copyOf(bytes, length));
      assertImportRefused(tidemark, file, "short.db");
    }
  }

  private void assertImportRefused(TidemarkProcess tidemark, Path file, String says) {
    Command.sqlite(
            tidemark.file("kept.db"),
            "CREATE TABLE IF NOT EXISTS kept(a);",
            "INSERT INTO kept VALUES(1);")
        .ok();
    Position before = tidemark.position("kept.db");
    for (String name : new String[] {"kept.db", "new.db"}) {
      Command.Result result = tidemark.ask("import", "--name", name, file).run();
      assertThat(result.exit()).as("%s", result).isIn(FAILED, USAGE);
      assertOneClearMessage(result, says);
    }
    assertThat(tidemark.position("kept.db")).isEqualTo(before);
    assertThat(Command.of("ls", tidemark.mount()).ok())
        .contains("kept.db")
        .doesNotContain("new.db");
  }

  @Test
  void namesThatLeadOutOfTheMountAreRefused() throws IOException {
    TidemarkProcess tidemark = bench.tidemark("node").start();
    Path file = bench.scratch("good.db");
    Command.sqlite(file, "CREATE TABLE t(a);").ok();
    for (String name : new String[] {"../out.db", "/out.db", "a/../../out.db", "x-wal", ""}) {
      Command.Result result = tidemark.ask("import", "--name", name, file).run();
      assertThat(result.exit()).as("'%s': %s", name, result).isIn(FAILED, USAGE);
      assertThat(result.err()).as("'%s'", name).isNotBlank().doesNotContain("\tat ");
    }
    assertThat(Command.of("find", tidemark.data().getParent(), "-name", "*out.db*").ok()).isEmpty();
  }

  @Test
  void commandsForAServerThatIsNotThereSayWhere() {
    String url = "http://127.0.0.1:" + Ports.free();
    assertRefused(TidemarkProcess.tidemark("status", "--url", url).run(), FAILED, url.substring(7));
    assertRefused(
        TidemarkProcess.tidemark("export", "--name", "a", "--url", url, bench.scratch("x")).run(),
        FAILED,
        url.substring(7));
    assertThat(bench.scratch("x")).doesNotExist();
  }

  @Test
  void anUnknownDatabaseIsNamed() {
    TidemarkProcess tidemark = bench.tidemark("node").start();
    Path file = bench.scratch("copy.db");
    assertRefused(tidemark.ask("export", "--name", "no.db", file).run(), FAILED, "no.db");
    assertThat(file).doesNotExist();
    assertRefused(tidemark.ask("drop", "--name", "no.db").run(), FAILED, "no.db");
    assertRefused(
        TidemarkProcess.tidemark("ltx", "ls", "--data-dir", tidemark.data(), "--name", "no.db")
            .run(),
        FAILED,
        "no.db");
  }

  private Command mount(Path mountPoint, Path data) {
    if (!Files.exists(mountPoint)) {
      bench.scratchDirectory(mountPoint.getFileName().toString());
    }
    return TidemarkProcess.tidemark(
            "mount",
            "--fuse-dir",
            mountPoint,
            "--data-dir",
            data,
            "--http-addr",
            "127.0.0.1:" + Ports.free())
        .within(Duration.ofSeconds(30));
  }

  private static void assertRefused(Command.Result result, int exit, String says) {
    assertThat(result.exit()).as("%s", result).isEqualTo(exit);
    assertOneClearMessage(result, says);
  }

  /** One or two lines that name the cause, and no stack trace. */
  private static void assertOneClearMessage(Command.Result result, String says) {
    assertThat(result.err().toLowerCase(Locale.ROOT))
        .as("%s", result)
        .contains(says.toLowerCase(Locale.ROOT))
        .doesNotContain("\tat ")
        .doesNotContain("exception");
    assertThat(result.err().strip().lines().filter(line -> !line.isBlank()).toList())
        .as("%s", result)
        .hasSizeBetween(1, 3);
  }

  /** Names, sizes and contents of all files below a directory. */
  private static Map<String, String> fingerprint(Path directory) throws IOException {
    try (var files = Files.walk(directory)) {
      return files
          .filter(Files::isRegularFile)
          .collect(
              Collectors.toMap(
                  path -> directory.relativize(path).toString(),
                  BadInputTest::digest,
                  (a, b) -> a,
                  TreeMap::new));
    }
  }

  private static String digest(Path file) {
    try {
      byte[] bytes = Files.readAllBytes(file);
      return bytes.length + " bytes, CRC " + Long.toHexString(new Crc64().add(bytes).value());
    } catch (IOException e) {
      return e.toString();
    }
  }
}
