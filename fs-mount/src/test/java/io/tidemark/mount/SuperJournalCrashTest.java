package io.tidemark.mount;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The daemon dies while a transaction over several databases commits. */
@Timeout(60)
class SuperJournalCrashTest {
  @TempDir Path temp;

  @BeforeEach
  void require() {
    MountedStore.requireMounts();
  }

  @ParameterizedTest
  @CsvSource({
    "GROUP_PARTLY_APPENDED:1,old",
    "GROUP_PARTLY_APPENDED:2,old",
    "GROUP_AFTER_SYNC:1,all",
    "COMMIT_APPLYING:2,all"
  })
  void crashLeavesAllOrNothing(String point, String expected) throws Exception {
    Path data = temp.resolve("data");
    Path mount = Files.createDirectory(temp.resolve("mount"));
    try (Daemon daemon = new Daemon(data, mount, point);
        Client client = Client.python()) {
      client.open(mount.resolve("a"));
      for (String name : new String[] {"b", "c"}) {
        client.sql("attach '" + mount.resolve(name) + "' as " + name);
      }
      for (String name : new String[] {"main", "b", "c"}) {
        client.sql("create table " + name + ".t(x)");
        client.sql("insert into " + name + ".t values('old')");
      }
      client.sql("begin");
      for (String name : new String[] {"main", "b", "c"}) {
        client.sql("update " + name + ".t set x = 'all'");
      }
      daemon.arm();
      assertThat(client.trySql("commit")).startsWith("!");
      daemon.awaitEnd();
    }
    try (Daemon daemon = new Daemon(data, mount, "")) {
      for (String name : new String[] {"a", "b", "c"}) {
        assertThat(Shell.sqlite(mount.resolve(name), "select x from t; pragma integrity_check"))
            .as(name)
            .isEqualTo(expected + "\nok");
      }
      daemon.stop();
    }
    MountedStore.checkLogs(data);
  }
}
