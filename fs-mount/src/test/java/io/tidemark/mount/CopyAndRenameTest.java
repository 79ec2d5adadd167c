package io.tidemark.mount;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.database.DatabasePosition;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Files come, go and change their names through tools that know nothing of SQLite. */
@Timeout(60)
class CopyAndRenameTest {
  @RegisterExtension final MountedStore mounted = new MountedStore();
  private Path source;

  @BeforeEach
  void makeSource() {
    source = mounted.outside().resolve("source.db");
    Shell.sqlite(
        source,
        "create table t(x); insert into t with recursive n(i) as"
            + " (select 1 union all select i+1 from n where i<500)"
            + " select printf('%0500d', i) from n");
  }

  private void holdsTheSource(String name) {
    assertThat(Shell.sqlite(mounted.path(name), "select count(*), max(x) from t"))
        .isEqualTo(Shell.sqlite(source, "select count(*), max(x) from t"));
    Shell.ok("cmp", source, mounted.path(name));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "cp \"$1\" \"$2\"",
        "cp -p --sparse=never \"$1\" \"$2\"",
        "cat \"$1\" > \"$2\"",
        "dd if=\"$1\" of=\"$2\" bs=3000",
        "dd if=\"$1\" of=\"$2\" bs=100k conv=fsync",
        "rsync \"$1\" \"$2\"",
        "rsync --inplace \"$1\" \"$2\"",
        "python3 -c 'import shutil, sys; shutil.copy(sys.argv[1], sys.argv[2])' \"$1\" \"$2\"",
        "install -m 600 \"$1\" \"$2\"",
        "tar cf - -C \"$(dirname \"$1\")\" source.db | tar xf - -C \"$(dirname \"$2\")\""
            + " --transform s/source.db/a.db/",
        "mv \"$1\" \"$2\" && cp \"$2\" \"$1\""
      })
  void toolThatCopiesADatabaseMakesOneTransaction(String script) throws IOException {
    if (script.startsWith("rsync")) {
      Shell.require("rsync");
    }
    Shell.Result result = Shell.sh(script, source, mounted.path("a.db"));
    assertThat(result.exit()).as(result.text()).isZero();
    assertThat(mounted.txid("a.db")).isEqualTo(1);
    holdsTheSource("a.db");
  }

  @Test
  void pieceByPieceCopyBecomesADatabaseWhenItIsWhole() throws IOException {
    String script =
        "i=0; while [ $i -lt 40 ]; do dd if=\"$1\" of=\"$2\" bs=8192 count=1 skip=$i seek=$i"
            + " conv=notrunc status=none; i=$((i+1)); done";
    assertThat(Shell.sh(script, source, mounted.path("a.db")).exit()).isZero();
    assertThat(mounted.txid("a.db")).isEqualTo(1);
    holdsTheSource("a.db");
  }

  @Test
  void fileGrowsIntoADatabaseInTwoOpenings() throws IOException {
    Path target = mounted.path("a.db");
    assertThat(Shell.sh("head -c 10000 \"$1\" > \"$2\"", source, target).exit()).isZero();
    assertThat(mounted.txid("a.db")).isZero();
    assertThat(Shell.sh("tail -c +10001 \"$1\" >> \"$2\"", source, target).exit()).isZero();
    assertThat(mounted.txid("a.db")).isEqualTo(1);
    holdsTheSource("a.db");
  }

  @Test
  void sqliteBackupAndRestoreWork() throws IOException {
    Path target = mounted.path("a.db");
    Shell.ok("sqlite3", source, ".backup '" + target + "'");
    assertThat(mounted.txid("a.db")).isEqualTo(1);
    assertThat(Shell.sqlite(target, "select count(*) from t")).isEqualTo("500");
    Shell.sqlite(target, "delete from t");
    long before = mounted.txid("a.db");
    Shell.ok("sqlite3", target, ".restore '" + source + "'");
    assertThat(mounted.txid("a.db")).isEqualTo(before + 1);
    assertThat(Shell.sqlite(target, "select count(*) from t")).isEqualTo("500");
    Path out = mounted.outside().resolve("out.db");
    Shell.ok("sqlite3", target, ".backup '" + out + "'");
    assertThat(Shell.sqlite(out, "select count(*) from t")).isEqualTo("500");
  }

  @Test
  void copyOverADatabaseThatWouldEmptyItIsRefused() throws IOException {
    Shell.ok("cp", source, mounted.path("a.db"));
    DatabasePosition before = mounted.position("a.db");
    for (String script :
        new String[] {
          "cp \"$1\" \"$2\"", "cat \"$1\" > \"$2\"", "dd if=\"$1\" of=\"$2\"", ": > \"$2\""
        }) {
      Shell.Result result = Shell.sh(script, source, mounted.path("a.db"));
      assertThat(result.exit()).as(script).isNotZero();
      assertThat(result.text()).contains("not permitted");
    }
    assertThat(mounted.position("a.db")).isEqualTo(before);
    holdsTheSource("a.db");
  }

  @Test
  void copyWithoutAuthorityFailsAndLeavesNoDatabase() {
    mounted.authority.refuse();
    for (String script :
        new String[] {"cp \"$1\" \"$2\"", "dd if=\"$1\" of=\"$2\" bs=1M conv=fsync"}) {
      assertThat(Shell.sh(script, source, mounted.path("a.db")).exit()).as(script).isNotZero();
    }
    mounted.authority.grant();
    Await.never(Duration.ofMillis(200), "a commit", () -> mounted.txid("a.db") != 0);
  }

  @Test
  void databaseMovesIntoOverOutOfAndWithinTheMount() throws IOException {
    Path inside = mounted.path("a.db");
    Path copy = mounted.outside().resolve("copy.db");
    Shell.ok("cp", source, copy);
    Shell.ok("mv", copy, inside);
    holdsTheSource("a.db");

    Shell.ok("mkdir", mounted.path("dir"));
    Shell.ok("mv", inside, mounted.path("dir/b.db"));
    holdsTheSource("dir/b.db");
    assertThat(mounted.database("a.db").exists()).isFalse();
    assertThat(Shell.ok("ls", mounted.mountPoint())).isEqualTo("dir");

    Shell.sqlite(mounted.path("c.db"), "create table other(y); insert into other values(1)");
    long before = mounted.txid("c.db");
    Shell.ok("mv", "-f", mounted.path("dir/b.db"), mounted.path("c.db"));
    assertThat(mounted.txid("c.db")).isEqualTo(before + 1);
    holdsTheSource("c.db");

    Shell.ok("mv", mounted.path("c.db"), mounted.outside().resolve("out.db"));
    assertThat(Files.readAllBytes(mounted.outside().resolve("out.db")))
        .isEqualTo(Files.readAllBytes(source));
    assertThat(mounted.database("c.db").exists()).isFalse();
    assertThat(Shell.ok("find", mounted.mountPoint(), "-type", "f")).isEmpty();
  }

  @Test
  void replacementByRenameReplacesInOneTransaction() throws IOException {
    Shell.sqlite(mounted.path("a.db"), "create table old(y); insert into old values(1)");
    Shell.ok("cp", source, mounted.path("a.db.tmp"));
    long before = mounted.txid("a.db");
    Shell.ok("mv", "-f", mounted.path("a.db.tmp"), mounted.path("a.db"));
    assertThat(mounted.txid("a.db")).isEqualTo(before + 1);
    holdsTheSource("a.db");
  }

  @Test
  void openConnectionDoesNotMixTheReplacementWithWhatItKnew() {
    Client client = mounted.python("a.db");
    client.sql("create table t(x)");
    client.sql("insert into t values('old')");
    Shell.ok("cp", source, mounted.path("new.db"));
    Shell.ok("mv", "-f", mounted.path("new.db"), mounted.path("a.db"));
    Await.until(
        "the open connection fails", () -> client.trySql("select * from t").startsWith("!"));
    assertThat(client.trySql("insert into t values('old branch')")).startsWith("!");
    holdsTheSource("a.db");
  }

  @Test
  void removedDatabaseIsDroppedAndItsNameCanBeUsedAgain() throws IOException {
    Shell.ok("cp", source, mounted.path("a.db"));
    Shell.ok("rm", mounted.path("a.db"));
    assertThat(mounted.database("a.db").exists()).isFalse();
    assertThat(mounted.txid("a.db")).isEqualTo(2);
    assertThat(Shell.ok("ls", mounted.mountPoint())).isEmpty();
    mounted.restart();
    assertThat(Shell.ok("ls", mounted.mountPoint())).isEmpty();
    Shell.ok("cp", source, mounted.path("a.db"));
    assertThat(mounted.txid("a.db")).isEqualTo(3);
    holdsTheSource("a.db");
  }

  @Test
  void filesThatAreNoDatabasesOutliveARestart() throws IOException {
    int[] sizes = {0, 1, 15, 16, 100, 4096, 100_000, 3_000_000};
    Random random = new Random(12);
    for (int size : sizes) {
      byte[] bytes = new byte[size];
      random.nextBytes(bytes);
      Path file = mounted.outside().resolve("f" + size);
      Files.write(file, bytes);
      Shell.ok("cp", "-p", file, mounted.mountPoint());
    }
    Path half = mounted.outside().resolve("half");
    Files.write(half, Arrays.copyOf(Files.readAllBytes(source), 5000));
    Shell.ok("cp", half, mounted.path("half"));
    Path magic = mounted.outside().resolve("magic");
    Files.writeString(magic, "SQLite format 3\0 is what they all begin with");
    Shell.ok("cp", magic, mounted.path("magic"));
    mounted.restart();
    for (int size : sizes) {
      Shell.ok("cmp", mounted.outside().resolve("f" + size), mounted.path("f" + size));
    }
    Shell.ok("cmp", half, mounted.path("half"));
    Shell.ok("cmp", magic, mounted.path("magic"));
    assertThat(mounted.store().databases()).isEmpty();
  }

  @Test
  void textFileIsLaterReplacedByADatabase() throws IOException {
    assertThat(Shell.sh("echo some text > \"$1\"", mounted.path("a.db")).exit()).isZero();
    assertThat(Shell.ok("cat", mounted.path("a.db"))).isEqualTo("some text");
    Shell.ok("cp", source, mounted.path("a.db"));
    assertThat(mounted.txid("a.db")).isEqualTo(1);
    holdsTheSource("a.db");
    mounted.restart();
    holdsTheSource("a.db");
    assertThat(Shell.sh("echo text > \"$1\"", mounted.path("b.db")).exit()).isZero();
    Shell.ok("cp", source, mounted.path("b.db.new"));
    Shell.ok("mv", "-f", mounted.path("b.db.new"), mounted.path("b.db"));
    holdsTheSource("b.db");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"with space.db", "übung-データ.db", "a%20b.db", "deep/er/still.db", "-dash.db"})
  void unusualNamesWork(String name) throws IOException {
    Path path = mounted.path(name);
    Shell.ok("mkdir", "-p", path.getParent());
    for (String mode : new String[] {"delete", "wal"}) {
      Client client = mounted.python();
      client.run("c = db('" + path + "')");
      client.sql("pragma journal_mode=" + mode);
      client.sql("create table if not exists t(x)");
      client.sql("insert into t values('" + mode + "')");
      client.close();
    }
    assertThat(Shell.sqlite(path, "select * from t")).isEqualTo("delete\nwal");
    mounted.restart();
    assertThat(Shell.sqlite(path, "select * from t")).isEqualTo("delete\nwal");
    assertThat(Shell.ok("ls", path.getParent())).contains(path.getFileName().toString());
  }

  @Test
  void databaseBehindASymbolicLinkIsTheSameDatabase() throws IOException {
    Shell.ok("mkdir", mounted.path("real"));
    Shell.ok("ln", "-s", "real/a.db", mounted.path("inside.db"));
    Path outside = mounted.outside().resolve("outside.db");
    Files.createSymbolicLink(outside, mounted.path("real/a.db"));
    for (String mode : new String[] {"delete", "wal"}) {
      Client first = mounted.python("inside.db");
      Client second = mounted.python().open(outside);
      first.sql("pragma journal_mode=" + mode);
      first.sql("create table if not exists t(x)");
      first.sql("insert into t values('one')");
      second.sql("insert into t values('two')");
      assertThat(first.sql("select count(*) from t"))
          .isEqualTo(second.sql("select count(*) from t"));
      first.close();
      second.close();
    }
    assertThat(Shell.sqlite(mounted.path("real/a.db"), "select count(*) from t")).isEqualTo("4");
    assertThat(mounted.store().databases()).hasSize(1);
    mounted.restart();
    assertThat(Shell.sqlite(mounted.path("inside.db"), "select count(*) from t")).isEqualTo("4");
  }
}
