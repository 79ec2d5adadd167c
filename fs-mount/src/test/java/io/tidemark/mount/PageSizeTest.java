package io.tidemark.mount;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** VACUUM can change the page size, and with it all page numbers and checksums. */
@Timeout(60)
class PageSizeTest {
  private static final String FILL =
      "insert into t with recursive n(i) as (select 1 union all select i+1 from n where i<400)"
          + " select i, printf('%0400d', i) from n";

  @RegisterExtension final MountedStore mounted = new MountedStore();

  @ParameterizedTest
  @ValueSource(strings = {"DELETE", "TRUNCATE", "PERSIST", "MEMORY"})
  void vacuumToEveryPageSizeIsOneTransactionEach(String mode) {
    Client client = mounted.python("a.db");
    client.sql("pragma journal_mode=" + mode);
    client.sql("create table t(n, x)");
    client.sql(FILL);
    String content = content(client);
    for (int size : new int[] {512, 65536, 1024, 8192, 4096, 512, 4096}) {
      long before = mounted.txid("a.db");
      client.sql("pragma page_size=" + size);
      client.sql("vacuum");
      assertThat(mounted.position("a.db").pageSize()).isEqualTo(size);
      assertThat(mounted.txid("a.db")).isEqualTo(before + 1);
      client.sql("update t set x = x || 'y' where n = 7");
      client.sql("update t set x = substr(x, 1, 400) where n = 7");
      assertThat(content(client)).isEqualTo(content);
    }
  }

  @Test
  void pageSizeChangesBetweenPeriodsOfWalMode() {
    Client client = mounted.python("a.db");
    client.sql("pragma journal_mode=wal");
    client.sql("create table t(n, x)");
    client.sql(FILL);
    String content = content(client);
    for (int size : new int[] {512, 8192, 65536}) {
      assertThat(client.sql("pragma journal_mode=delete")).isEqualTo("delete");
      client.sql("pragma page_size=" + size);
      client.sql("vacuum");
      assertThat(client.sql("pragma journal_mode=wal")).isEqualTo("wal");
      client.sql("update t set x = x || 'y' where n = 7");
      client.sql("update t set x = substr(x, 1, 400) where n = 7");
      assertThat(mounted.position("a.db").pageSize()).isEqualTo(size);
      assertThat(content(client)).isEqualTo(content);
    }
  }

  @Test
  void refusedChangeOfThePageSizeLeavesTheOldOne() {
    Client client = mounted.python("a.db");
    client.sql("create table t(n, x)");
    client.sql(FILL);
    String content = content(client);
    long before = mounted.txid("a.db");
    client.run("c.execute('pragma page_size=512')");
    mounted.authority.grantOnly(0);
    assertThat(client.trySql("vacuum")).startsWith("!");
    mounted.authority.grant();
    assertThat(mounted.txid("a.db")).isEqualTo(before);
    assertThat(
            Shell.sqlite(
                mounted.path("a.db"), "select count(*), sum(n), sum(length(x)), max(x) from t"))
        .isEqualTo(content);
  }

  @ParameterizedTest
  @ValueSource(strings = {"DELETE", "WAL"})
  void incrementalAndFullAutoVacuumShrinkTheDatabase(String mode) {
    Client client = mounted.python("a.db");
    client.sql("pragma auto_vacuum=incremental");
    client.sql("pragma journal_mode=" + mode);
    client.sql("create table t(n, x)");
    client.sql(FILL);
    long pages = mounted.position("a.db").pageCount();
    client.sql("delete from t where n % 4");
    client.sql("pragma incremental_vacuum(5)");
    client.sql("pragma incremental_vacuum");
    long left = mounted.position("a.db").pageCount();
    assertThat(left).isLessThan(pages);
    client.sql("pragma auto_vacuum=full");
    client.sql("vacuum");
    client.sql(FILL);
    client.sql("delete from t where n % 8");
    assertThat(mounted.position("a.db").pageCount()).isLessThan(pages);
    assertThat(client.sql("select count(distinct n) from t")).isEqualTo("50");
    client.sql("pragma wal_checkpoint(truncate)");
    assertThat(Shell.ok("stat", "-c", "%s", mounted.path("a.db")))
        .isEqualTo(Long.toString(mounted.position("a.db").pageCount() * 4096));
  }

  private static String content(Client client) {
    return client.sql("select count(*), sum(n), sum(length(x)), max(x) from t");
  }
}
