package io.tidemark.it;

import io.tidemark.lease.consul.FakeConsul;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** The whole program with Consul. */
class ConsulClusterTest {
  @RegisterExtension final Workbench bench = new Workbench();

  @BeforeEach
  void needsAMount() {
    Requirements.realMount();
    Requirements.programs("sqlite3");
  }

  @Test
  void thePrimaryHandsOverAndWithConsulUnreachableReadsGoOnWritesStopAndAllResumesByItself()
      throws Exception {
    FakeConsul consul = bench.closingLast(FakeConsul.start());
    String options = "{url: '" + consul.url() + "', key: app/primary, ttl: 10s, lock-delay: 1s}";
    ElectedCluster cluster =
        new ElectedCluster(bench, 2, node -> node.elect("consul", options)).start();
    StoreOutage.isOutlived(cluster, "Consul", consul, () -> bench.closingLast(consul.startAgain()));
  }
}
