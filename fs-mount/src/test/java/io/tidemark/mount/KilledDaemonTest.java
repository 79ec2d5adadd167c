package io.tidemark.mount;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.database.LogReader;
import io.tidemark.database.LogRecord;
import io.tidemark.database.StoreException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The daemon is killed under load, also while its helper threads use its own mount. No zombie and
 * no hanging client is left, and a new daemon takes over on the same directories.
 */
@Timeout(90)
class KilledDaemonTest {
  /** Commits numbers until something fails, then says how far it came. */
  private static final String COUNT =
      """
      def count():
          n = 0
          try:
              while True:
                  q(c, 'insert into t values(%d)' % (n + 1))
                  n += 1
          except sqlite3.Error as e:
              return n
      """;

  /** Connections that come, commit and are killed: the daemon looks at the wal-index each time. */
  private static final String KILL_WRITERS =
      """
      def writers():
          import subprocess
          script = '''
      import sqlite3, os
      c = sqlite3.connect(%r, isolation_level=None)
      for i in range(20): c.execute("insert into t values(-1)")
      os.kill(os.getpid(), 9)
      ''' % path
          while True:
              if subprocess.run([sys.executable, '-c', script], capture_output=True).stderr:
                  return 'ended'
      """;

  @TempDir Path temp;

  @BeforeEach
  void require() {
    MountedStore.requireMounts();
  }

  @ParameterizedTest
  @CsvSource({"WAL,FULL", "DELETE,FULL", "OFF,OFF", "MEMORY,OFF"})
  void nothingHangsAndANewDaemonTakesOver(String mode, String synchronous) throws Exception {
    Path data = temp.resolve("data");
    Path mount = Files.createDirectory(temp.resolve("mount"));
    Path database = mount.resolve("a.db");
    int committed;
    try (Daemon daemon = new Daemon(data, mount, "");
        Client client = Client.python();
        Client other = Client.python()) {
      client.open(database);
      client.sql("pragma journal_mode=" + mode);
      client.sql("pragma synchronous=" + synchronous);
      client.sql("create table t(x)");
      other.run("path = '" + database + "'");
      other.run(KILL_WRITERS);
      other.send(mode.equals("WAL") ? "writers()" : "while True: open(path, 'rb').read()");
      client.run(COUNT);
      client.send("count()");
      Await.until("the load is on", () -> transactions(data) > 100);
      daemon.kill();
      daemon.awaitEnd();
      Await.until(Duration.ofSeconds(10), "the client ends", client::hasAnswered);
      committed = Integer.parseInt(client.answer("count"));
      Await.until(Duration.ofSeconds(10), "the other client ends", other::hasAnswered);
    }
    // A writer that came after the unmount has made its files in the plain directory, and a mount
    // over files is refused.
    try (var strays = Files.list(mount)) {
      for (Path stray : strays.toList()) {
        Files.delete(stray);
      }
    }
    try (Daemon daemon = new Daemon(data, mount, "")) {
      assertThat(Shell.sqlite(database, "pragma integrity_check")).isEqualTo("ok");
      int kept = Integer.parseInt(Shell.sqlite(database, "select max(x) from t"));
      if (synchronous.equals("FULL")) {
        assertThat(kept).isBetween(committed, committed + 1);
      } else {
        assertThat(kept).isLessThanOrEqualTo(committed + 1);
      }
      assertThat(Shell.sqlite(database, "select count(*) from t where x > 0"))
          .isEqualTo(Integer.toString(kept));
      Shell.sqlite(database, "insert into t values(1000000)");
      daemon.stop();
    }
    MountedStore.checkLogs(data);
  }

  private static long transactions(Path dataDir) throws IOException {
    long txid = 0;
    try (LogReader reader = LogReader.open(dataDir, "a.db")) {
      for (LogRecord entry = reader.next(); entry != null; entry = reader.next()) {
        txid = entry.header().maxTxid();
      }
    } catch (StoreException e) {
      return 0; // no log yet
    }
    return txid;
  }
}
