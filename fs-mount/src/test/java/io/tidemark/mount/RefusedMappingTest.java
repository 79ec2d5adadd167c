package io.tidemark.mount;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/** A refused write must not stay visible in shared mappings or the page cache. */
@Timeout(60)
class RefusedMappingTest {
  @RegisterExtension final MountedStore mounted = new MountedStore();

  private static final String MAP =
      """
      fd = os.open(path, os.O_RDWR)
      m = mmap.mmap(fd, 0, mmap.MAP_SHARED, mmap.PROT_READ)
      committed = bytes(m[:])
      """;

  private Client mapped() {
    Client client = mounted.python();
    client.run("path = '" + mounted.path("a.db") + "'");
    client.run(MAP);
    return client;
  }

  @Test
  void refusedDatabaseWriteInWalModeDisappearsFromMappingsAndReads() {
    Client sqlite = mounted.python("a.db");
    sqlite.sql("pragma journal_mode=wal");
    sqlite.sql("create table t(x)");
    sqlite.sql("pragma wal_checkpoint(full)");
    sqlite.sql("insert into t values('kept')");
    Client client = mapped();
    assertThat(client.ask("os.pwrite(fd, b'garbage' * 100, 4096)")).startsWith("!OSError");
    Await.until(
        "the mapping shows the committed bytes",
        () -> client.run("bytes(m[:]) == committed").equals("True"));
    assertThat(client.run("os.pread(fd, len(committed), 0) == committed")).isEqualTo("True");
    assertThat(sqlite.sql("select * from t")).isEqualTo("kept");
  }

  @Test
  void writesUndoneForLackOfAuthorityDisappearFromMappingsAndReads() {
    Client sqlite = mounted.python("a.db");
    sqlite.sql("pragma journal_mode=off");
    sqlite.sql("create table t(x)");
    sqlite.sql("insert into t values('kept')");
    Client client = mapped();
    sqlite.sql("begin");
    sqlite.sql("insert into t values('refused')");
    mounted.authority.refuse();
    assertThat(sqlite.trySql("commit")).startsWith("!");
    sqlite.trySql("rollback");
    Await.until(
        "the mapping shows the committed bytes",
        () -> client.run("bytes(m[:]) == committed").equals("True"));
    assertThat(client.run("os.pread(fd, len(committed), 0) == committed")).isEqualTo("True");
    mounted.authority.grant();
    assertThat(sqlite.sql("select * from t")).isEqualTo("kept");
  }

  @Test
  void refusedWalFrameDisappearsFromMappingsOfTheWal() {
    Client sqlite = mounted.python("a.db");
    sqlite.sql("pragma journal_mode=wal");
    sqlite.sql("create table t(x)");
    sqlite.sql("insert into t values('kept')");
    Client client = mounted.python();
    client.run("path = '" + mounted.path("a.db") + "-wal'");
    client.run(MAP);
    assertThat(client.ask("os.pwrite(fd, b'garbage' * 100, 5000)")).startsWith("!OSError");
    Await.until(
        "the mapping shows the committed bytes",
        () -> client.run("bytes(m[:]) == committed").equals("True"));
  }
}
