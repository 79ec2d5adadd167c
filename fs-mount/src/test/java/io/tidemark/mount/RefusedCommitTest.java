package io.tidemark.mount;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.database.DatabasePosition;
import io.tidemark.database.DatabaseStatus;
import java.util.Locale;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A commit is refused before its record is appended, or not at all. What was refused is rolled back
 * by SQLite and never seen again.
 */
@Timeout(60)
class RefusedCommitTest {
  @RegisterExtension final MountedStore mounted = new MountedStore();

  @ParameterizedTest
  @ValueSource(strings = {"WAL", "DELETE", "TRUNCATE", "PERSIST", "MEMORY", "OFF"})
  void commitWithoutAuthorityFailsAndLeavesNoTrace(String mode) {
    Client writer = mounted.python("a.db");
    assertThat(writer.sql("pragma journal_mode=" + mode)).isEqualTo(mode.toLowerCase(Locale.ROOT));
    writer.sql("create table t(x)");
    writer.sql("insert into t values('kept')");
    DatabasePosition before = mounted.position("a.db");

    writer.sql("begin");
    writer.sql("insert into t values('refused')");
    mounted.authority.refuse();
    assertThat(writer.trySql("commit")).startsWith("!");
    writer.trySql("rollback");
    assertThat(mounted.position("a.db")).isEqualTo(before);

    // The node may not write, but everybody may read, and sees what is committed.
    assertThat(readAnew()).isEqualTo("kept");
    assertThat(writer.sql("select * from t")).isEqualTo("kept");

    mounted.authority.grant();
    assertThat(readAnew()).isEqualTo("kept");
    assertThat(mounted.position("a.db")).isEqualTo(before);
    writer.sql("insert into t values('later')");
    assertThat(readAnew()).isEqualTo("kept\nlater");
    assertThat(mounted.txid("a.db")).isEqualTo(before.txid() + 1);
  }

  private String readAnew() {
    return Shell.sqlite(mounted.path("a.db"), "select * from t");
  }

  @ParameterizedTest
  @ValueSource(strings = {"WAL", "DELETE", "MEMORY"})
  void newerSqliteRollsARefusedCommitBackToo(String mode) {
    Client writer = mounted.jdbc("a.db");
    writer.ask("pragma journal_mode=" + mode);
    writer.ask("create table t(x)");
    writer.ask("insert into t values('kept')");
    DatabasePosition before = mounted.position("a.db");
    writer.ask("begin");
    writer.ask("insert into t values('refused')");
    mounted.authority.refuse();
    assertThat(writer.ask("commit")).startsWith("!");
    writer.ask("rollback");
    assertThat(writer.ask("select * from t")).isEqualTo("kept");
    mounted.authority.grant();
    assertThat(writer.ask("insert into t values('later')")).isEmpty();
    assertThat(writer.ask("select * from t")).isEqualTo("kept\nlater");
    assertThat(mounted.txid("a.db")).isEqualTo(before.txid() + 1);
  }

  @ParameterizedTest
  @ValueSource(strings = {"WAL", "DELETE", "TRUNCATE", "PERSIST"})
  void largeRefusedTransactionThatSpilledLeavesNoTrace(String mode) {
    Client writer = mounted.python("a.db");
    writer.sql("pragma journal_mode=" + mode);
    writer.sql("create table t(x)");
    writer.sql(
        "insert into t with recursive n(i) as (select 1 union all select i+1 from n where i<200)"
            + " select printf('%0500d', i) from n");
    DatabasePosition before = mounted.position("a.db");
    writer.sql("pragma cache_size=5");
    writer.sql("begin");
    writer.sql("update t set x = 'refused' || x");
    writer.sql("insert into t select 'refused' || x from t");
    mounted.authority.refuse();
    assertThat(writer.trySql("commit")).startsWith("!");
    writer.trySql("rollback");
    assertThat(mounted.position("a.db")).isEqualTo(before);
    mounted.authority.grant();
    writer.sql("insert into t values('later')");
    assertThat(
            Shell.sqlite(
                mounted.path("a.db"),
                "select count(*), sum(x like 'refused%'), sum(x = 'later') from t"))
        .isEqualTo("201|0|1");
    assertThat(mounted.txid("a.db")).isEqualTo(before.txid() + 1);
  }

  @ParameterizedTest
  @CsvSource({"WAL,FULL", "DELETE,FULL", "TRUNCATE,NORMAL", "PERSIST,EXTRA", "MEMORY,FULL"})
  void logThatCannotBeSyncedStopsItsDatabaseOnlyAndHeals(String mode, String synchronous) {
    Client a = mounted.python("a.db");
    Client b = mounted.python("b.db");
    for (Client client : new Client[] {a, b}) {
      client.sql("pragma journal_mode=" + mode);
      client.sql("pragma synchronous=" + synchronous);
      client.sql("create table t(x)");
      client.sql("insert into t values('before')");
    }
    mounted.disk.failLogSyncs("a.db");
    assertThat(a.trySql("insert into t values('doubtful')")).startsWith("!");
    assertThat(a.trySql("insert into t values('fenced')")).startsWith("!");
    DatabaseStatus status = mounted.database("a.db").status();
    assertThat(status.health()).isEqualTo(DatabaseStatus.Health.READ_ONLY);
    assertThat(status.problem()).contains("a.db").contains("synced");
    assertThat(mounted.database("b.db").status().health()).isEqualTo(DatabaseStatus.Health.OK);
    b.sql("insert into t values('meanwhile')");
    assertThat(b.sql("select * from t")).isEqualTo("before\nmeanwhile");

    mounted.disk.heal();
    Await.until(
        "a.db takes writes again", () -> a.trySql("insert into t values('after')").isEmpty());
    assertThat(mounted.database("a.db").status().health()).isEqualTo(DatabaseStatus.Health.OK);
    // The first was in doubt: it may have been kept, but then it is there for everybody.
    String rows = Shell.sqlite(mounted.path("a.db"), "select * from t where x <> 'doubtful'");
    assertThat(rows).isEqualTo("before\nafter");
    assertThat(a.sql("select count(*) from t"))
        .isEqualTo(Shell.sqlite(mounted.path("a.db"), "select count(*) from t"));
  }
}
