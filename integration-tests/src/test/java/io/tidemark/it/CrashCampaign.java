package io.tidemark.it;

import java.util.Random;

/**
 * Random kills by the hundred, over all modes.
 *
 * <p>Run with the module's test class path; integration-tests/README.md has the command. Arguments:
 * number of kills (default 300), seed (default random). Ends with exit code 1 at the first broken
 * promise and keeps its directory.
 */
final class CrashCampaign {
  private static final int ROUNDS_PER_DATABASE = 12;

  private CrashCampaign() {}

  public static void main(String[] arguments) throws Exception {
    int kills = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 300;
    long seed =
        arguments.length > 1 ? Long.parseLong(arguments[1]) : Settings.seed("crash campaign");
    System.out.println("crash campaign: " + kills + " kills, seed " + seed);
    Random random = new Random(seed);
    CrashRounds.Mode[] modes = CrashRounds.Mode.values();
    long begin = System.nanoTime();
    long acknowledged = 0;
    int done = 0;
    while (done < kills) {
      CrashRounds.Mode mode = modes[(done / ROUNDS_PER_DATABASE) % modes.length];
      Workbench bench = new Workbench().open("campaign-" + mode);
      boolean failed = true;
      try {
        TidemarkProcess tidemark = bench.tidemark("node").optimised().start();
        CrashRounds rounds = new CrashRounds(bench, tidemark, mode, random.nextLong());
        rounds.newDatabases();
        for (int i = 0; i < ROUNDS_PER_DATABASE && done < kills; i++) {
          rounds.round(rounds.killAtARandomMoment());
          done++;
        }
        acknowledged += rounds.acknowledged();
        failed = false;
      } finally {
        bench.close(failed);
      }
      System.out.printf(
          "%d kills, %d acknowledged transactions, %d s, %s done%n",
          done, acknowledged, (System.nanoTime() - begin) / 1_000_000_000, mode);
    }
    System.out.println("crash campaign: " + done + " kills, nothing lost, nothing half there");
  }
}
