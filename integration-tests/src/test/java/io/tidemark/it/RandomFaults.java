package io.tidemark.it;

import io.tidemark.it.ClusterFault.Group;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Faults of all kinds for some seconds, chosen by a seed. */
final class RandomFaults implements ClusterScript {
  /** A fault that is to come: when, from the beginning of the round. */
  private record Planned(long atMillis, long lastsMillis, ClusterFault fault, long seed) {}

  private record Running(long endsAt, Planned planned, ClusterFault.Begun begun) {}

  private final long seed;
  private final Duration length;
  private final Map<ClusterFault, Integer> made;
  private final List<Running> running = new ArrayList<>();

  /**
   * @param made where it is counted how often each fault was made
   */
  RandomFaults(long seed, Duration length, Map<ClusterFault, Integer> made) {
    this.seed = seed;
    this.length = length;
    this.made = made;
  }

  /** What is planned, by the seed alone. */
  private List<Planned> plan() {
    Random random = new Random(seed);
    List<Planned> plan = new ArrayList<>();
    Map<Group, Long> busyUntil = new EnumMap<>(Group.class);
    long at = 500 + random.nextInt(1_000);
    while (at < length.toMillis() - 500) {
      ClusterFault fault = ClusterFault.values()[random.nextInt(ClusterFault.values().length)];
      long lasts = fault.lastsMillis(random);
      if (busyUntil.getOrDefault(fault.group(), 0L) <= at) {
        plan.add(new Planned(at, lasts, fault, random.nextLong()));
        busyUntil.put(fault.group(), at + lasts + 300);
        at += random.nextInt(3_500);
      } else {
        at += 200;
      }
    }
    return plan;
  }

  @Override
  public void run(ClusterRound round) throws Exception {
    long begun = System.nanoTime();
    for (Planned planned : plan()) {
      endWhatIsDue(round, begun + planned.atMillis() * 1_000_000);
      sleepUntil(begun + planned.atMillis() * 1_000_000);
      // A fault that took long to begin or to end has moved all later ones; groups stay separate.
      for (Running other : List.copyOf(running)) {
        if (other.planned().fault().group() == planned.fault().group()) {
          end(round, other);
        }
      }
      begin(round, planned);
    }
    endWhatIsDue(round, Long.MAX_VALUE);
  }

  private void begin(ClusterRound round, Planned planned) throws Exception {
    FaultyCluster cluster = round.cluster();
    ClusterFault.Begun begins =
        planned.fault().begin(cluster, cluster.network(), new Random(planned.seed()));
    if (begins.target() == null) {
      round.note(planned.fault() + ": not possible now");
      return;
    }
    made.merge(planned.fault(), 1, Integer::sum);
    round.note(planned.fault() + " begins: " + begins.target());
    running.add(
        new Running(System.nanoTime() + planned.lastsMillis() * 1_000_000, planned, begins));
  }

  private void endWhatIsDue(ClusterRound round, long until) throws Exception {
    while (!running.isEmpty()) {
      Running first = running.stream().min(Comparator.comparingLong(Running::endsAt)).orElseThrow();
      if (first.endsAt() > until) {
        return;
      }
      sleepUntil(first.endsAt());
      end(round, first);
    }
  }

  private void end(ClusterRound round, Running one) throws Exception {
    running.remove(one);
    round.note(one.planned().fault() + " is to end: " + one.begun().target());
    one.begun().end().run();
    round.note(one.planned().fault() + " has ended");
  }

  private static void sleepUntil(long nanoTime) throws InterruptedException {
    Thread.sleep(Math.max(0, (nanoTime - System.nanoTime()) / 1_000_000));
  }
}
