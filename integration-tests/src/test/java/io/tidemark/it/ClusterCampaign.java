package io.tidemark.it;

import java.time.Duration;
import java.util.List;

/**
 * The rounds of {@link ClusterFaultTest} for as long as one likes.
 *
 * <p>Run with the module's test class path; integration-tests/README.md has the command. Arguments:
 * seconds of faults (default 600), seed (default random), mode: sync, async or both (default). Ends
 * with exit code 1 at the first broken promise and keeps its directory.
 */
final class ClusterCampaign {
  /** A cluster does not live longer than this, so that starts and small logs are met, too. */
  private static final int SECONDS_PER_CLUSTER = 200;

  private ClusterCampaign() {}

  public static void main(String[] arguments) throws Exception {
    int seconds = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 600;
    long seed =
        arguments.length > 1 ? Long.parseLong(arguments[1]) : Settings.seed("cluster campaign");
    String given = arguments.length > 2 ? arguments[2] : "both";
    List<String> modes = given.equals("both") ? List.of("sync", "async") : List.of(given);
    System.out.println("cluster campaign: " + seconds + " s of faults, seed " + seed);
    long next = seed;
    int left = seconds;
    for (int i = 0; left > 0; i++) {
      String mode = modes.get(i % modes.size());
      int now = Math.min(left, SECONDS_PER_CLUSTER);
      Workbench bench = new Workbench().open("cluster-campaign-" + mode);
      boolean failed = true;
      try {
        boolean sync = mode.equals("sync");
        Duration longest = Duration.ofSeconds(now).multipliedBy(4).plusMinutes(20);
        ClusterRounds rounds =
            new ClusterRounds(bench, sync, FaultyCluster.LEASE_TTL, next, longest);
        if (now == SECONDS_PER_CLUSTER) { // less is one round again
          rounds.scenarios(ClusterScenario.of(sync, FaultyCluster.LEASE_TTL)).oneByOne();
        }
        rounds.random(now);
        failed = false;
      } finally {
        bench.close(failed);
      }
      next += 1_000;
      left -= now;
      System.out.println(left + " s left");
    }
    System.out.println("cluster campaign: no promise was broken");
  }
}
