package io.tidemark.mount.fuse;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Timeout(120)
class SqliteOnMountTest {
  private static final int WRITERS = 3;
  private static final int ROWS = 150;

  @TempDir Path temp;

  @ParameterizedTest
  @CsvSource({"KERNEL,WAL", "KERNEL,DELETE", "LIBFUSE,WAL", "LIBFUSE,DELETE"})
  void threeProcessesWriteOneDatabase(MountOptions.Transport transport, String journalMode)
      throws Exception {
    FuseSupport.requireProgram("sqlite3");
    try (TestMount m = new TestMount(temp, transport)) {
      String db = m.path("shared.db").toString();
      assertThat(sqlite(db, "pragma journal_mode=" + journalMode + "; create table t(w, n);"))
          .isEqualToIgnoringCase(journalMode);

      List<Process> writers = new ArrayList<>();
      for (int w = 0; w < WRITERS; w++) {
        writers.add(writer(db, w));
      }
      for (Process writer : writers) {
        assertThat(writer.waitFor(90, TimeUnit.SECONDS)).isTrue();
        String said = String.join("\n", writer.inputReader().lines().toList());
        assertThat(said).isEmpty();
      }

      assertThat(sqlite(db, "select count(*), count(distinct n) from t; pragma integrity_check;"))
          .isEqualTo(WRITERS * ROWS + "|" + ROWS + "\nok");
    }
  }

  private static Process writer(String db, int number) throws IOException {
    Process process = new ProcessBuilder("sqlite3", "-bail", db).redirectErrorStream(true).start();
    StringBuilder script = new StringBuilder(".timeout 60000\n");
    for (int i = 0; i < ROWS; i++) {
      script.append("insert into t values(%d, %d);\n".formatted(number, i));
    }
    try (var in = process.outputWriter()) {
      in.write(script.toString());
    }
    return process;
  }

  private static String sqlite(String db, String sql) throws IOException, InterruptedException {
    return Client.run("sqlite3", "-cmd", ".timeout 60000", db, sql);
  }
}
