package io.tidemark.it;

import java.time.Duration;
import java.util.List;

/**
 * How long nobody can commit when the primary is killed or hands over. Prints the rows of the table
 * in docs/RELIABILITY.md.
 *
 * <p>Run with the module's test class path; integration-tests/README.md has the command. Arguments:
 * number of kills (default 200) and of handoffs (default 200), and whether of a cluster with
 * synchronous commits (sync), with asynchronous ones (async), or of both (default). Ends with exit
 * code 1 if an acknowledged write is lost where none may be.
 */
final class FailoverCampaign {
  private FailoverCampaign() {}

  public static void main(String[] arguments) throws Exception {
    int kills = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 200;
    int handoffs = arguments.length > 1 ? Integer.parseInt(arguments[1]) : 200;
    String given = arguments.length > 2 ? arguments[2] : "both";
    for (boolean sync : List.of(true, false)) {
      if (given.equals(sync ? "async" : "sync")) {
        continue;
      }
      Workbench bench = new Workbench().open("failover-campaign-" + (sync ? "sync" : "async"));
      boolean failed = true;
      try {
        ElectedCluster cluster = new ElectedCluster(bench, 3);
        cluster.nodes().forEach(n -> n.optimised().longestLife(Duration.ofHours(6)));
        if (sync) {
          cluster.sync(2);
        }
        cluster.start();
        FailoverGaps gaps = new FailoverGaps(bench, cluster);
        for (int i = 0; i < handoffs; i++) {
          gaps.handOff(i);
        }
        gaps.report((sync ? "sync" : "async") + ", planned handoff");
        for (int i = 0; i < kills; i++) {
          gaps.kill(i);
        }
        gaps.report((sync ? "sync" : "async") + ", SIGKILL of the primary");
        gaps.checkNothingLost(sync);
        failed = false;
      } finally {
        bench.close(failed);
      }
    }
  }
}
