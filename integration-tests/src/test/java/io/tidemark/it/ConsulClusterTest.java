package io.tidemark.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.lease.consul.FakeConsul;
import java.time.Duration;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** The whole program with Consul; what FailoverTest has is not repeated for each store. */
class ConsulClusterTest {
  private static final Duration LIMIT = ElectedCluster.ELECTION;
  private static final String DB = "app.db";

  @RegisterExtension final Workbench bench = new Workbench();

  @BeforeEach
  void needsAMount() {
    Requirements.realMount();
    Requirements.programs("sqlite3");
  }

  private static Command write(TidemarkProcess node, int value) {
    return Command.sqlite(node.file(DB), ".timeout 20000", "INSERT INTO t VALUES(" + value + ");");
  }

  @Test
  void thePrimaryHandsOverAndWithConsulUnreachableReadsGoOnWritesStopAndAllResumesByItself()
      throws Exception {
    FakeConsul consul = bench.closingLast(FakeConsul.start());
    String options = "{url: '" + consul.url() + "', key: app/primary, ttl: 10s, lock-delay: 1s}";
    ElectedCluster cluster =
        new ElectedCluster(bench, 2, node -> node.elect("consul", options)).start();
    TidemarkProcess first = cluster.node(1);
    TidemarkProcess second = cluster.node(2);
    cluster.createTable(first, DB, "WAL");
    write(first, 1).ok();

    first.ask("handoff").ok();
    cluster.awaitPrimary(second);
    write(second, 2).ok();
    cluster.awaitEqual(DB);

    consul.close();
    Await.until(
        LIMIT,
        "no more writes",
        () -> Command.sqlite(second.file(DB), "INSERT INTO t VALUES(0);").run().exit() != 0);
    String held = ElectedCluster.values(second, DB);
    for (TidemarkProcess node : cluster.nodes()) {
      assertThat(ElectedCluster.values(node, DB)).isEqualTo(held);
      Await.until(
          LIMIT,
          "what is wrong",
          () ->
              String.valueOf(ElectedCluster.cluster(node).get("storeProblem")).contains("Consul"));
    }

    bench.closingLast(consul.startAgain());
    TidemarkProcess next = cluster.awaitPrimaryOf(first, second);
    write(next, 3).ok();
    cluster.checkEqual(DB);
    assertThat(ElectedCluster.values(first, DB)).isEqualTo(held + ",3");
  }
}
