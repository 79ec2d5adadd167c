package io.tidemark.mount;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.database.DatabasePosition;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A journal that is left behind takes back nothing but what was never committed. */
@Timeout(60)
class HotJournalTest {
  private static final String FILL =
      "insert into t with recursive n(i) as (select 1 union all select i+1 from n where i<300)"
          + " select printf('%0500d', i) from n";

  @RegisterExtension final MountedStore mounted = new MountedStore();

  /** An application dies in the middle of a transaction of which pages are written already. */
  private void dieInASpilledTransaction(String mode) {
    try (Client client = mounted.python("a.db")) {
      client.sql("pragma journal_mode=" + mode);
      client.sql("create table t(x)");
      client.sql(FILL);
    }
    Client dying = mounted.python("a.db");
    dying.sql("pragma journal_mode=" + mode);
    dying.sql("pragma cache_size=5");
    dying.sql("begin");
    dying.sql("update t set x = 'dirty' || x");
    dying.sql("insert into t select x from t");
    dying.send("die()").awaitDeath();
  }

  private String rows(String name) {
    return Shell.sqlite(mounted.path(name), "select count(*), sum(x like 'dirty%') from t");
  }

  @ParameterizedTest
  @ValueSource(strings = {"DELETE", "TRUNCATE", "PERSIST"})
  void nextOpenerRollsBackAndTheCommittedImageNeverHadTheBytes(String mode) throws IOException {
    dieInASpilledTransaction(mode);
    byte[] below = mounted.fileBelow("a.db");
    assertThat(new String(below, StandardCharsets.ISO_8859_1)).doesNotContain("dirty");
    DatabasePosition before = mounted.position("a.db");
    assertThat(rows("a.db")).isEqualTo("300|0");
    assertThat(mounted.position("a.db")).isEqualTo(before);
    assertThat(mounted.fileBelow("a.db")).isEqualTo(below);
  }

  @ParameterizedTest
  @ValueSource(strings = {"DELETE", "PERSIST"})
  void nodeThatMayNotWriteLetsTheNextOpenerRollBack(String mode) {
    dieInASpilledTransaction(mode);
    mounted.authority.refuse();
    DatabasePosition before = mounted.position("a.db");
    assertThat(rows("a.db")).isEqualTo("300|0");
    assertThat(mounted.position("a.db")).isEqualTo(before);
  }

  @ParameterizedTest
  @ValueSource(strings = {"DELETE", "TRUNCATE", "PERSIST"})
  void importOverAHotJournalIsNotRolledBack(String mode) throws IOException {
    dieInASpilledTransaction(mode);
    Path other = mounted.outside().resolve("other.db");
    Shell.sqlite(other, "create table t(x); insert into t values('imported')");
    mounted.store().importDatabase("a.db", other);
    assertThat(Shell.sqlite(mounted.path("a.db"), "select * from t")).isEqualTo("imported");
    assertThat(Shell.ok("ls", mounted.mountPoint())).isEqualTo("a.db");
  }

  @ParameterizedTest
  @ValueSource(strings = {"refused", "imported"})
  void refusedUnlinkOfAJournalWhoseWriterThenDies(String then) throws IOException {
    try (Client client = mounted.python("a.db")) {
      client.sql("create table t(x)");
      client.sql("insert into t values('kept')");
    }
    DatabasePosition before = mounted.position("a.db");
    Client dying = mounted.straced("unlink", "delay_exit=20000000:when=1");
    dying.open(mounted.path("a.db"));
    dying.sql("begin");
    dying.sql("insert into t values('refused')");
    mounted.authority.refuse();
    long refusals = mounted.database("a.db").metrics().refusedCommits.sum();
    dying.send("q(c, 'commit')");
    Await.until(
        "the unlink is refused",
        () -> mounted.database("a.db").metrics().refusedCommits.sum() > refusals);
    dying.kill();
    mounted.authority.grant();
    if (then.equals("imported")) {
      Path other = mounted.outside().resolve("other.db");
      Shell.sqlite(other, "create table t(x); insert into t values('imported')");
      mounted.store().importDatabase("a.db", other);
      assertThat(Shell.sqlite(mounted.path("a.db"), "select * from t")).isEqualTo("imported");
    } else {
      assertThat(Shell.sqlite(mounted.path("a.db"), "select * from t")).isEqualTo("kept");
      assertThat(mounted.position("a.db")).isEqualTo(before);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"DELETE", "TRUNCATE", "PERSIST"})
  void restartWithAHotJournalServesTheCommittedImage(String mode) throws IOException {
    dieInASpilledTransaction(mode);
    DatabasePosition before = mounted.position("a.db");
    mounted.restart();
    assertThat(Shell.ok("ls", mounted.mountPoint())).isEqualTo("a.db");
    assertThat(rows("a.db")).isEqualTo("300|0");
    assertThat(mounted.txid("a.db")).isEqualTo(before.txid());
  }
}
