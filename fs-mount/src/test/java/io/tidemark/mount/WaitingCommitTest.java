package io.tidemark.mount;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * A commit that waits for the disk holds up nothing but what the kernel itself makes wait.
 *
 * <p>Seen with kernel 6.18: in DELETE mode the waiting request is the UNLINK of the journal, during
 * which the kernel holds the directory. Names of that directory that are not cached cannot be
 * looked up, and no file can be made, deleted or synced in it until the commit is through; so
 * another database in a rollback mode waits if it is in the same directory (in TRUNCATE mode too:
 * SQLite syncs the directory), and does not if it is in another one. A WAL database is not touched.
 * In WAL mode (FSYNC), TRUNCATE (SETATTR) and PERSIST (WRITE) only the one side file waits.
 */
@Timeout(60)
class WaitingCommitTest {
  @RegisterExtension final MountedStore mounted = new MountedStore();

  @ParameterizedTest
  @CsvSource({
    "WAL,b.db,WAL",
    "WAL,b.db,DELETE",
    "TRUNCATE,b.db,DELETE",
    "PERSIST,b.db,WAL",
    "DELETE,b.db,WAL",
    "DELETE,other/b.db,DELETE"
  })
  void hangingSyncOfOneLogStopsNobodyElse(String mode, String otherName, String otherMode)
      throws Exception {
    Shell.ok("mkdir", mounted.path("other"));
    Client writer = mounted.python("a.db");
    Client reader = mounted.python("a.db");
    Client other = mounted.python(otherName);
    writer.sql("pragma journal_mode=" + mode);
    writer.sql("pragma synchronous=full");
    writer.sql("create table t(x)");
    writer.sql("insert into t values('before')");
    other.sql("pragma journal_mode=" + otherMode);
    other.sql("pragma synchronous=full");
    other.sql("create table t(x)");
    other.sql("insert into t values(0)");
    assertThat(reader.sql("select * from t")).isEqualTo("before");
    reader.run("fd = os.open('" + mounted.path("a.db") + "', os.O_RDONLY)");
    reader.run("len(os.pread(fd, 4096, 0))");

    FaultyDisk.Hang hang = mounted.disk.hangLogSyncs("a.db");
    long before = mounted.txid(otherName);
    writer.send("q(c, \"insert into t values('waiting')\")");
    assertThat(hang.awaitReached()).isTrue();
    Duration limit = Duration.ofSeconds(3);
    other.send("[q(c, 'insert into t values(%d)' % i) for i in range(5)]");
    Await.until(limit, "writes of another database", other::hasAnswered);
    assertThat(other.answer("")).doesNotContain("!");
    assertThat(other.sql("select count(*) from t")).isEqualTo("6");
    assertThat(mounted.txid(otherName)).isEqualTo(before + 5);
    reader.send("len(os.pread(fd, 4096, 0))");
    Await.until(limit, "a cached read of the same database", reader::hasAnswered);
    assertThat(reader.answer("")).isEqualTo("4096");
    if (mode.equals("WAL")) {
      reader.send("q(c, 'select * from t')");
      Await.until(limit, "a SELECT of the same database", reader::hasAnswered);
      assertThat(reader.answer("")).isEqualTo("before");
    }
    assertThat(writer.hasAnswered()).as("the commit has returned").isFalse();

    hang.release();
    assertThat(writer.answer("the commit")).isEmpty();
    assertThat(reader.sql("select * from t")).isEqualTo("before\nwaiting");
  }
}
