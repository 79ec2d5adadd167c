package io.tidemark.it;

import java.time.Duration;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/**
 * Three nodes, three etcd servers, clients everywhere, and faults chosen by a seed: whatever
 * happens, the promises of docs/PROTOCOL.md hold. integration-tests/README.md says how to run it
 * for hours.
 */
class ClusterFaultTest {
  private static final int SECONDS = Integer.getInteger("tidemark.it.cluster-fault-seconds", 50);
  private static final Duration LONGEST = Duration.ofSeconds(SECONDS * 4L).plusMinutes(10);

  @RegisterExtension final Workbench bench = new Workbench();

  @BeforeEach
  void needsHosts() {
    FaultyCluster.requirements();
  }

  @Test
  void inSyncModeNothingThatWasAcknowledgedIsLost() throws Exception {
    new ClusterRounds(
            bench, true, FaultyCluster.LEASE_TTL, Settings.seed("cluster faults, sync"), LONGEST)
        .random(SECONDS / 2)
        .rest();
  }

  @Test
  void inAsyncModeWhatIsLostWasSetAside() throws Exception {
    new ClusterRounds(
            bench, false, FaultyCluster.LEASE_TTL, Settings.seed("cluster faults, async"), LONGEST)
        .random(SECONDS / 2);
  }
}
