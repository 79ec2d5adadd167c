package io.tidemark.mount;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * With ATTACH, deleting the super-journal commits every database that it lists; SQLite ignores
 * errors of what follows. So all of them commit there, or none.
 */
@Timeout(60)
class SuperJournalTest {
  private static final String BEGIN_ALL =
      """
      c.execute('begin')
      for name in names: c.execute('insert into %s.t values(?)' % name, ('all',))
      """;

  @RegisterExtension final MountedStore mounted = new MountedStore();

  /** Names of the databases are those they are attached with. */
  private List<String> attach(Client client, int databases, String mode) {
    List<String> names = List.of("main", "b", "c").subList(0, databases);
    client.open(mounted.path("main"));
    client.run("names = " + names.stream().map(n -> "'" + n + "'").toList());
    for (String name : names) {
      if (!name.equals("main")) {
        client.sql("attach '" + mounted.path(name) + "' as " + name);
      }
      client.sql("pragma " + name + ".journal_mode=" + mode);
      client.sql("create table if not exists " + name + ".t(x)");
      client.sql("insert into " + name + ".t values('old')");
    }
    return names;
  }

  private List<Long> txids(List<String> names) {
    return names.stream().map(mounted::txid).toList();
  }

  private static List<Long> plusOne(List<Long> txids) {
    return txids.stream().map(txid -> txid + 1).toList();
  }

  private void everyDatabaseHolds(List<String> names, String rows) {
    for (String name : names) {
      assertThat(Shell.sqlite(mounted.path(name), "select x from t order by rowid"))
          .as(name)
          .isEqualTo(rows);
    }
  }

  @ParameterizedTest
  @CsvSource({"2,DELETE", "3,TRUNCATE", "3,PERSIST"})
  void commitOverSeveralDatabasesIsOneTransactionInEach(int databases, String mode) {
    Client client = mounted.python();
    List<String> names = attach(client, databases, mode);
    List<Long> before = txids(names);
    client.run(BEGIN_ALL);
    client.sql("commit");
    assertThat(txids(names)).isEqualTo(plusOne(before));
    everyDatabaseHolds(names, "old\nall");
    client.run(BEGIN_ALL);
    client.sql("rollback");
    assertThat(txids(names)).isEqualTo(plusOne(before));
    everyDatabaseHolds(names, "old\nall");
  }

  @ParameterizedTest
  @CsvSource({"3,DELETE", "2,TRUNCATE", "3,PERSIST"})
  void refusedCommitHappensInNoneOfThem(int databases, String mode) {
    Client client = mounted.python();
    List<String> names = attach(client, databases, mode);
    List<Long> before = txids(names);
    client.run(BEGIN_ALL);
    mounted.authority.refuse();
    assertThat(client.trySql("commit")).startsWith("!");
    client.trySql("rollback");
    assertThat(txids(names)).isEqualTo(before);
    everyDatabaseHolds(names, "old");
    mounted.authority.grant();
    client.run(BEGIN_ALL);
    client.sql("commit");
    assertThat(txids(names)).isEqualTo(plusOne(before));
    everyDatabaseHolds(names, "old\nall");
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void authorityLostBetweenTheRecordsMeansNone(int granted) {
    Client client = mounted.python();
    List<String> names = attach(client, 3, "DELETE");
    List<Long> before = txids(names);
    client.run(BEGIN_ALL);
    mounted.authority.grantOnly(granted);
    assertThat(client.trySql("commit")).startsWith("!");
    client.trySql("rollback");
    mounted.authority.grant();
    assertThat(txids(names)).isEqualTo(before);
    everyDatabaseHolds(names, "old");
  }

  @ParameterizedTest
  @ValueSource(strings = {"main", "b", "c"})
  void logOfOneThatCannotBeSyncedMeansNone(String failing) {
    Client client = mounted.python();
    List<String> names = attach(client, 3, "TRUNCATE");
    List<Long> before = txids(names);
    client.run(BEGIN_ALL);
    mounted.disk.failLogSyncs(failing);
    assertThat(client.trySql("commit")).startsWith("!");
    client.trySql("rollback");
    mounted.disk.heal();
    Await.until("the log works again", () -> mounted.database(failing).status().problem() == null);
    assertThat(txids(names)).isEqualTo(before);
    everyDatabaseHolds(names, "old");
    client.run(BEGIN_ALL);
    client.sql("commit");
    everyDatabaseHolds(names, "old\nall");
  }

  @ParameterizedTest
  @ValueSource(strings = {"DELETE", "TRUNCATE", "PERSIST"})
  void applicationKilledAfterTheSuperJournalIsGoneHasCommittedAll(String mode) {
    // The first unlink of a transaction over two databases is that of the super-journal, except in
    // DELETE mode, where the transactions that prepare the test delete their journals.
    List<String> names;
    try (Client preparing = mounted.python()) {
      names = attach(preparing, 3, mode);
    }
    List<Long> before = txids(names);
    Client killed = mounted.straced("unlink", "delay_exit=20000000:when=1");
    killed.open(mounted.path("main"));
    killed.run("names = ['main', 'b', 'c']");
    for (String name : List.of("b", "c")) {
      killed.sql("attach '" + mounted.path(name) + "' as " + name);
    }
    for (String name : names) {
      killed.sql("pragma " + name + ".journal_mode=" + mode);
    }
    killed.run(BEGIN_ALL);
    killed.send("q(c, 'commit')");
    Await.until("the group is committed", () -> txids(names).equals(plusOne(before)));
    killed.kill();
    everyDatabaseHolds(names, "old\nall");
    assertThat(txids(names)).isEqualTo(plusOne(before));
    try (Client next = mounted.python("b")) {
      next.sql("insert into t values('next')");
    }
    assertThat(Shell.sqlite(mounted.path("b"), "select count(*) from t")).isEqualTo("3");
    assertThat(Shell.sqlite(mounted.path("c"), "select count(*) from t")).isEqualTo("2");
  }
}
