package io.tidemark.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Commands that follow the role of nodes that elect their primary. */
class RoleCommandsTest {
  private static final String DB = "app.db";
  private static final Duration LIMIT = Duration.ofSeconds(30);

  @RegisterExtension final Workbench bench = new Workbench();

  @BeforeEach
  void needsAMountAndEtcd() {
    Requirements.realMount();
    Requirements.programs("sqlite3", "etcd");
  }

  /** A script that a node runs; OUT is where it writes, MAY_END a file that it waits for. */
  private String script(String name, String text) throws IOException {
    Path out = bench.scratch(name + ".out");
    String full =
        text.replace("OUT", "'" + out + "'").replace("MAY_END", "'" + bench.scratch("end") + "'");
    return "sh " + Files.writeString(bench.scratch(name + ".sh"), full);
  }

  private String out(String name) {
    try {
      Path file = bench.scratch(name + ".out");
      return Files.exists(file) ? Files.readString(file) : "";
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  private void await(String name, String text) {
    Await.until(LIMIT, name + " has written " + text, () -> out(name).equals(text));
  }

  @Test
  void anApplicationThatDoesNotEndHoldsUpNoChangeOfThePrimary() throws Exception {
    ElectedCluster cluster = new ElectedCluster(bench, 2);
    for (TidemarkProcess node : cluster.nodes()) {
      String app =
          "trap 'echo asked >>OUT; until [ -e MAY_END ]; do sleep 0.05; done; echo ended >>OUT;"
              + " exit' TERM\necho up >>OUT\nwhile :; do sleep 0.05; done\n";
      node.setting("on-primary.- cmd", script(node.name(), app.replace("'", "\"")));
      node.setting("on-replica.- cmd", script(node.name() + "r", "echo $TIDEMARK_ROLE >>OUT\n"));
    }
    cluster.start();
    TidemarkProcess first = cluster.node(1);
    TidemarkProcess second = cluster.node(2);
    cluster.createTable(first, DB, "WAL");
    await("node1", "up\n");
    await("node2r", "replica\n");
    assertThat(out("node2")).isEmpty();

    first.ask("handoff").ok();
    cluster.awaitPrimary(second);
    Command.sqlite(second.file(DB), "INSERT INTO t VALUES(1);").ok();
    await("node2", "up\n");
    await("node1", "up\nasked\n"); // it has not ended, and nothing has waited for it
    assertThat(Command.sqlite(first.file(DB), "INSERT INTO t VALUES(2);").run().exit()).isNotZero();
    Files.createFile(bench.scratch("end"));
    await("node1", "up\nasked\nended\n");
    await("node1r", "replica\n");

    // Whoever is to write at its start becomes primary first.
    first.terminate();
    first.setting("lease.take-over", "true");
    String write = "sqlite3 '%s' 'INSERT INTO t VALUES(3)' && echo written >>OUT; exec sleep 1000";
    first.setting("exec.- cmd", script("writer", String.format(write, first.file(DB))));
    first.start();
    await("writer", "written\n");
    assertThat(ElectedCluster.isPrimary(first)).isTrue();
    assertThat(ElectedCluster.values(first, DB)).isEqualTo("1,3");
    assertThat(out("node2")).isEqualTo("up\nasked\nended\n");
  }
}
