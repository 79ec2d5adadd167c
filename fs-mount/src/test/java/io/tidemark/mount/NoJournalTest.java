package io.tidemark.mount;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.database.DatabasePosition;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Without a journal, and perhaps without an fsync, the end of a transaction is the release of
 * SQLite's RESERVED lock.
 */
@Timeout(60)
class NoJournalTest {
  private static final Duration SOON = Duration.ofSeconds(1);

  @RegisterExtension final MountedStore mounted = new MountedStore();

  @ParameterizedTest
  @CsvSource({"MEMORY,OFF", "MEMORY,NORMAL", "MEMORY,FULL", "OFF,OFF", "OFF,NORMAL", "OFF,FULL"})
  void everyTransactionReachesTheLogWhileTheConnectionStaysOpen(String mode, String synchronous) {
    Client client = mounted.python("a.db");
    client.sql("pragma journal_mode=" + mode);
    client.sql("pragma synchronous=" + synchronous);
    client.sql("create table t(x)");
    Await.until(SOON, "the first transaction is logged", () -> mounted.txid("a.db") == 1);
    for (int i = 2; i <= 6; i++) {
      long expected = i;
      client.sql("insert into t values(" + i + ")");
      Await.until(SOON, "it is logged", () -> mounted.txid("a.db") == expected);
    }
    client.sql("begin");
    client.sql("insert into t values(7)");
    client.sql("delete from t where x < 4");
    client.sql("commit");
    Await.until(SOON, "it is logged", () -> mounted.txid("a.db") == 7);
    assertThat(Shell.sqlite(mounted.path("a.db"), "select group_concat(x) from t"))
        .isEqualTo("4,5,6,7");
  }

  @ParameterizedTest
  @ValueSource(strings = {"OFF", "FULL"})
  void rollbackOfAMemoryJournalLeavesNoRecord(String synchronous) {
    Client client = filled("MEMORY", synchronous);
    DatabasePosition before = mounted.position("a.db");
    client.sql("begin");
    client.sql("update t set x = 'dirty' || x");
    client.sql("insert into t select x from t");
    client.sql("rollback");
    Await.until(
        SOON, "nothing is left to commit", () -> !mounted.database("a.db").hasUnjournaledWrites());
    assertThat(mounted.position("a.db")).isEqualTo(before);
    assertThat(Shell.sqlite(mounted.path("a.db"), "select count(*), sum(x like 'dirty%') from t"))
        .isEqualTo("300|0");
  }

  @ParameterizedTest
  @CsvSource({"MEMORY,OFF", "OFF,OFF", "OFF,FULL"})
  void writerThatHoldsItsLockForLongIsNotCommittedInTheMiddle(String mode, String synchronous) {
    Client client = filled(mode, synchronous);
    long before = mounted.txid("a.db");
    client.sql("begin immediate");
    client.sql("update t set x = 'dirty' || x");
    assertThat(mounted.database("a.db").hasUnjournaledWrites()).as("pages spilled").isTrue();
    // Somebody else opens, fails to write and closes: that must not commit either.
    assertThat(Shell.run("sqlite3", mounted.path("a.db"), "begin immediate").text())
        .contains("locked");
    Shell.ok("python3", "-c", "open('" + mounted.path("a.db") + "', 'r+b').close()");
    Await.never(
        Duration.ofMillis(300), "a commit in the middle", () -> mounted.txid("a.db") != before);
    client.sql("commit");
    Await.until(SOON, "it is logged", () -> mounted.txid("a.db") == before + 1);
    assertThat(client.sql("select count(*), sum(x like 'dirty%') from t")).isEqualTo("300|300");
  }

  /** The next transaction may begin between the look at the lock and the commit. */
  @Test
  void transactionThatBeginsWhenTheLockWasFoundFreeIsNotCommittedInTheMiddle() throws IOException {
    Client client = filled("OFF", "OFF");
    long before = mounted.txid("a.db");
    long seen = mounted.database("a.db").changes();
    client.sql("begin");
    client.sql("update t set x = 'dirty' || x");
    assertThat(mounted.database("a.db").commitIfUnlocked(seen)).isFalse();
    mounted.database("a.db").flush(mounted.database("a.db").mainFile(), seen);
    assertThat(mounted.txid("a.db")).isEqualTo(before);
    client.sql("commit");
    Await.until(SOON, "it is logged", () -> mounted.txid("a.db") == before + 1);
  }

  @Test
  void quickTransactionsAreNeverCommittedInHalves() throws IOException {
    Client client = filled("OFF", "OFF");
    client.sql("alter table t add column n");
    client.run(
        """
        for i in range(150):
            c.execute('begin')
            c.execute('update t set n = ?', (i,))
            c.execute('commit')
        """);
    Await.until(SOON, "all is logged", () -> !mounted.database("a.db").hasUnjournaledWrites());
    Path images = Files.createDirectory(mounted.outside().resolve("images"));
    LogFold.of(
        mounted.dataDir(),
        "a.db",
        (record, image) -> Files.write(images.resolve("" + record), image));
    Client checker = mounted.python();
    assertThat(
            checker.run(
                """
                [f for f in os.listdir('%1$s')
                 if q(db('%1$s/' + f), 'pragma integrity_check') != 'ok'
                 or 'n' in q(db('%1$s/' + f), 'select sql from sqlite_schema')[-2:]
                 and q(db('%1$s/' + f), 'select count(distinct n) > 1 from t') != '0']
                """
                    .formatted(images)))
        .isEqualTo("[]");
  }

  @Test
  void killedWriterWithoutAJournalIsSettledWhenItsLockIsGone() {
    Client client = filled("MEMORY", "OFF");
    client.sql("insert into t values('last')");
    client.send("die()").awaitDeath();
    Await.until(SOON, "it is logged", () -> !mounted.database("a.db").hasUnjournaledWrites());
    assertThat(Shell.sqlite(mounted.path("a.db"), "select count(*) from t")).isEqualTo("301");
  }

  @ParameterizedTest
  @ValueSource(strings = {"MEMORY", "OFF"})
  void whatIsWrittenWithoutAuthorityDoesNotComeBackWithIt(String mode) {
    Client client = filled(mode, "OFF");
    DatabasePosition before = mounted.position("a.db");
    mounted.authority.refuse();
    client.trySql("insert into t values('refused')");
    Await.until(SOON, "it is undone", () -> !mounted.database("a.db").hasUnjournaledWrites());
    mounted.authority.grant();
    assertThat(Shell.sqlite(mounted.path("a.db"), "select count(*), sum(x = 'refused') from t"))
        .isEqualTo("300|0");
    assertThat(mounted.position("a.db")).isEqualTo(before);
  }

  /** A connection with little cache, so that large transactions spill. */
  private Client filled(String mode, String synchronous) {
    Client client = mounted.python("a.db");
    client.sql("pragma journal_mode=" + mode);
    client.sql("pragma synchronous=" + synchronous);
    client.sql("pragma cache_size=5");
    client.sql("create table t(x)");
    client.sql(
        "insert into t with recursive n(i) as (select 1 union all select i+1 from n where i<300)"
            + " select printf('%0500d', i) from n");
    Await.until(SOON, "all is logged", () -> !mounted.database("a.db").hasUnjournaledWrites());
    return client;
  }
}
