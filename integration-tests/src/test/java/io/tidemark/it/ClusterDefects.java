package io.tidemark.it;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Shows that the rounds find what they are there to find: all scenarios with the program as it is,
 * then each defect in its scenario. docs/TESTING.md has the command.
 *
 * <p>Arguments: names of defects; none for all. Ends with exit code 1 if the program is not found
 * to be without contradiction, or a defect is not found.
 */
final class ClusterDefects {
  private static final long SEED = 1;

  private ClusterDefects() {}

  public static void main(String[] arguments) throws Exception {
    List<ClusterDefect> defects =
        arguments.length == 0
            ? List.of(ClusterDefect.values())
            : Arrays.stream(arguments).map(ClusterDefect::valueOf).toList();
    if (arguments.length == 0) {
      healthy(true, FaultyCluster.LEASE_TTL);
      healthy(false, FaultyCluster.LEASE_TTL);
      healthy(false, ClusterScenario.PRIMARY_FROM_STORE_FOR_LONG.leaseTtl());
    }
    List<String> results = new ArrayList<>();
    int caught = 0;
    for (ClusterDefect defect : defects) {
      String found = find(defect);
      caught += found.startsWith("caught") ? 1 : 0;
      results.add("%-24s %s".formatted(defect, found));
      System.out.println(results.get(results.size() - 1));
    }
    System.out.println("\n" + String.join("\n", results));
    System.out.println(caught + " of " + defects.size() + " defects were caught");
    System.exit(caught == defects.size() ? 0 : 1);
  }

  private static void healthy(boolean sync, Duration leaseTtl) throws Exception {
    Workbench bench = new Workbench().open("cluster-scenarios");
    boolean failed = true;
    try {
      new ClusterRounds(bench, sync, leaseTtl, SEED, Duration.ofMinutes(30))
          .scenarios(ClusterScenario.of(sync, leaseTtl));
      failed = false;
    } finally {
      bench.close(failed);
    }
  }

  private static String find(ClusterDefect defect) throws Exception {
    Workbench bench = new Workbench().open("cluster-defect-" + defect);
    String found = null;
    try {
      found = defect.find(bench, SEED);
      return found == null ? "NOT caught" : "caught: " + found;
    } catch (AssertionError e) {
      return "NOT caught, but it failed: " + String.valueOf(e.getMessage()).lines().findFirst();
    } finally {
      bench.close(found == null);
    }
  }
}
