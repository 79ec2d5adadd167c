package io.tidemark.database;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Random;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DataDirectoryTest {
  @TempDir Path directory;

  /** Another process that holds the lock until its input ends. */
  public static final class Holder {
    private Holder() {}

    public static void main(String[] arguments) throws IOException {
      try (FileChannel channel = FileChannel.open(Path.of(arguments[0]), StandardOpenOption.WRITE);
          var lock = channel.lock()) {
        System.out.println(lock.isValid() ? "locked" : "not locked");
        while (System.in.read() >= 0) {
          continue;
        }
      }
    }
  }

  private void failsWith(Path root, String... words) {
    assertThatThrownBy(() -> Store.open(StoreOptions.defaults(root)).close())
        .isInstanceOf(StoreException.class)
        .hasMessageContainingAll(words);
  }

  @Test
  void aDirectoryInUseByThisProcessIsRefused() throws Exception {
    Path root = directory.resolve("d");
    try (Store store = Store.open(StoreOptions.defaults(root))) {
      assertThat(store.epoch()).isEqualTo(1);
      failsWith(root, "in use", Long.toString(ProcessHandle.current().pid()));
    }
    try (Store store = Store.open(StoreOptions.defaults(root))) {
      assertThat(store.epoch()).isEqualTo(2);
    }
  }

  @Test
  void aDirectoryInUseByAnotherProcessIsRefused() throws Exception {
    Path root = directory.resolve("d");
    Store.open(StoreOptions.defaults(root)).close();
    Process holder =
        new ProcessBuilder(
                System.getProperty("java.home") + "/bin/java",
                "-cp",
                System.getProperty("java.class.path"),
                Holder.class.getName(),
                root.resolve("lock").toString())
            .redirectErrorStream(true)
            .start();
    try (var out = holder.inputReader()) {
      assertThat(out.readLine()).isEqualTo("locked");
      failsWith(root, "in use");
      holder.getOutputStream().close();
      holder.waitFor();
    } finally {
      holder.destroy();
    }
    Store.open(StoreOptions.defaults(root)).close();
  }

  @Test
  void aForeignDirectoryIsLeftAlone() throws Exception {
    Path file = Files.writeString(directory.resolve("letter.txt"), "dear");
    failsWith(directory, "not empty");
    assertThat(file).hasContent("dear");
    try (var files = Files.list(directory)) {
      assertThat(files).containsExactly(file);
    }
  }

  @Test
  void otherVersionsAndDamagedFilesAreNamed() throws Exception {
    Path root = directory.resolve("d");
    Store.open(StoreOptions.defaults(root)).close();
    Path format = root.resolve("format");
    String good = Files.readString(format);
    Files.writeString(format, good.replace("version=1", "version=2"));
    failsWith(root, "version '2'");
    Files.writeString(format, good.replaceAll("cluster-id=.*", "cluster-id=x"));
    failsWith(root, "damaged", "cluster-id");
    Files.writeString(format, "");
    failsWith(root, "version ''");
    Files.writeString(format, good);
    Files.writeString(root.resolve("epoch"), "many\n");
    failsWith(root, "epoch", "damaged");
    Files.writeString(root.resolve("epoch"), "41\n");
    try (Store store = Store.open(StoreOptions.defaults(root))) {
      assertThat(store.epoch()).isEqualTo(42);
    }
  }

  @Test
  void anUnwritableDirectoryIsNamed() throws Exception {
    Path root = Files.createDirectory(directory.resolve("d"));
    Files.setPosixFilePermissions(root, PosixFilePermissions.fromString("r-xr-xr-x"));
    if (Files.isWritable(root)) {
      System.out.println("SKIPPED anUnwritableDirectoryIsNamed: root may write everywhere");
    }
    Assumptions.assumeFalse(Files.isWritable(root), "root may write everywhere");
    failsWith(root, "cannot write", "permission");
  }

  @Test
  void aDataDirectoryThatIsAFileIsNamed() throws Exception {
    failsWith(Files.writeString(directory.resolve("f"), ""), "cannot create");
  }

  private StoreOptions role(boolean primary) {
    return new StoreOptions(directory.resolve("d"), true, java.time.Duration.ZERO, 0, primary);
  }

  @Test
  void aReplicaTakesClusterAndEpochFromItsPrimaryAndKeepsThem() throws Exception {
    String cluster = "00000000000000ab";
    try (Store replica = Store.open(role(false))) {
      assertThat(replica.epoch()).isZero();
      assertThat(replica.hasTransactions()).isFalse();
      replica.follow(cluster, 7);
      assertThat(replica.clusterId()).isEqualTo(cluster);
      assertThat(replica.epoch()).isEqualTo(7);
    }
    try (Store replica = Store.open(role(false))) {
      assertThat(replica.clusterId()).isEqualTo(cluster);
      assertThat(replica.epoch()).isEqualTo(7);
      assertThatThrownBy(() -> replica.follow(cluster, 6))
          .isInstanceOf(StoreException.class)
          .hasMessageContaining("has seen epoch 7");
    }
    try (Store primary = Store.open(role(true))) {
      assertThat(primary.clusterId()).isEqualTo(cluster);
      assertThat(primary.epoch()).isEqualTo(8);
    }
  }

  @Test
  void aReplicaThatNeverFollowedFoundsAClusterWhenItIsStartedAsPrimary() throws Exception {
    Store.open(role(false)).close();
    try (Store primary = Store.open(role(true))) {
      assertThat(primary.clusterId()).matches("[0-9a-f]{16}").isNotEqualTo("0".repeat(16));
      assertThat(primary.epoch()).isEqualTo(1);
    }
  }

  @Test
  void aNodeWithDataOfAnotherClusterNeverFollows() throws Exception {
    try (Store store = Store.open(role(true))) {
      byte[] image = SqliteSimulator.image(new Random(1), 4096, 3, false);
      SqliteSimulator sqlite = new SqliteSimulator(store, "a.db", new Random(1));
      sqlite.writeUnderJournal(new byte[0], image, true);
      sqlite.finalise(SqliteSimulator.Finalise.UNLINK);
    }
    try (Store replica = Store.open(role(false))) {
      String own = replica.clusterId();
      assertThatThrownBy(() -> replica.follow("00000000000000ab", 9))
          .isInstanceOf(StoreException.class)
          .hasMessageContaining("data of cluster " + own);
      assertThat(replica.clusterId()).isEqualTo(own);
      assertThat(replica.epoch()).isEqualTo(1);
    }
  }

  @Test
  void namesSurviveEncoding() {
    Random random = new Random(12);
    String alphabet = "abzAZ019._-%/ äß日\uD83D\uDE00~\\:*\"'\n\t";
    int[] points = alphabet.codePoints().toArray();
    for (int i = 0; i < 4_000; i++) {
      StringBuilder text = new StringBuilder();
      for (int k = 1 + random.nextInt(12); k > 0; k--) {
        text.appendCodePoint(points[random.nextInt(points.length)]);
      }
      String name = text.toString();
      String encoded = DatabaseNames.encode(name);
      assertThat(encoded).matches("[A-Za-z0-9_%-][A-Za-z0-9._%-]*");
      assertThat(DatabaseNames.decode(encoded)).isEqualTo(name);
    }
    assertThat(DatabaseNames.decode("%2")).isNull();
    assertThat(DatabaseNames.decode("a%2f")).as("lower case is nobody's encoding").isNull();
    assertThat(DatabaseNames.decode("%FF")).isNull();
    assertThat(DatabaseNames.decode("%61")).isNull();
  }

  @Test
  void namesThatLeadElsewhereAreRefused() throws Exception {
    String[] bad = {
      "",
      "/",
      "a/",
      "/a",
      "a//b",
      ".",
      "..",
      "../a",
      "a/../b",
      "a/./b",
      "a\0b",
      "x-wal",
      "x-journal",
      "x-shm",
      "x-pos",
      ".primary",
      "d/.lag",
      "\uD800",
      "a".repeat(256)
    };
    for (String name : bad) {
      assertThat(DatabaseNames.problem(name)).as("'" + name + "'").isNotNull();
    }
    for (String name : new String[] {"a", "a b", "d/e/f.db", "..a", "a..", "ü", "%2E%2E"}) {
      assertThat(DatabaseNames.problem(name)).as("'" + name + "'").isNull();
    }
    try (Store store = Store.open(StoreOptions.defaults(directory.resolve("d")))) {
      assertThatThrownBy(() -> store.getOrCreate("../out")).isInstanceOf(RefusedException.class);
    }
  }
}
