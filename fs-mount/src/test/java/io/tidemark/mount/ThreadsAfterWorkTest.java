package io.tidemark.mount;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.mount.fuse.ThreadState;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/** A request thread may be bound to its client's CPU; whatever it starts or wakes is not. */
@Timeout(90)
class ThreadsAfterWorkTest {
  @RegisterExtension final MountedStore mounted = new MountedStore();

  private static void awaitOrdinaryThreads() {
    Await.until(
        "all threads are scheduled alike",
        () -> ThreadState.unusual(ProcessHandle.current().pid()).isEmpty());
  }

  private static void commits(Client client, int count) {
    client.run(
        "for i in range(%d): c.execute('insert into t values(randomblob(3000))')".formatted(count));
  }

  @Test
  void noThreadIsLeftBoundOrIdleAfterAllKindsOfWork() {
    Client client = mounted.python("a.db");
    client.sql("create table t(x)");
    commits(client, 200);
    client.sql("pragma journal_mode=wal");
    commits(client, 1500); // with automatic checkpoints
    client.sql("pragma wal_checkpoint(truncate)");
    client.sql("vacuum");
    client.run("c.close()");
    client.run("shutil.copyfile('%s', '%s')".formatted(mounted.path("a.db"), mounted.path("b.db")));
    client.open(mounted.path("b.db"));
    commits(client, 200);
    client.run("c.close()");
    client.run("os.unlink('%s')".formatted(mounted.path("b.db")));
    awaitOrdinaryThreads();
  }

  @Test
  void loneClientCommitsAlthoughEveryCpuIsBusy() throws IOException {
    Client client = mounted.python("a.db");
    client.sql("pragma journal_mode=wal");
    client.sql("create table t(x)");
    commits(client, 100);
    List<Process> hogs = new ArrayList<>();
    try {
      for (int i = 0; i < 2 * Runtime.getRuntime().availableProcessors(); i++) {
        hogs.add(new ProcessBuilder("/bin/sh", "-c", "while :; do :; done").start());
      }
      commits(client, 100);
      awaitOrdinaryThreads();
    } finally {
      hogs.forEach(Process::destroyForcibly);
    }
    assertThat(client.sql("select count(*) from t")).isEqualTo("200");
  }
}
