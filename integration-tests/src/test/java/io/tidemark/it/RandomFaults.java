package io.tidemark.it;

import io.tidemark.it.ClusterFault.Group;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;

/** Faults of all kinds for some seconds, chosen by a seed. */
final class RandomFaults implements ClusterScript {
  /** A fault that is to come: when, from the beginning of the round. */
  record Planned(long atMillis, long lastsMillis, ClusterFault fault, long seed) {}

  private record Running(long endsAt, Planned planned, ClusterFault.Begun begun) {}

  private final long seed;
  private final Duration length;
  private final Set<ClusterFault> planned;
  private final Map<ClusterFault, Integer> made;
  private final List<Running> running = new ArrayList<>();

  /**
   * @param planned what earlier rounds have planned; this one adds to it
   * @param made where it is counted how often each fault was made
   */
  RandomFaults(
      long seed, Duration length, Set<ClusterFault> planned, Map<ClusterFault, Integer> made) {
    this.seed = seed;
    this.length = length;
    this.planned = planned;
    this.made = made;
  }

  /**
   * What is planned, by the seed and by what the rounds before have planned: what never was comes
   * first.
   */
  List<Planned> plan() {
    Random random = new Random(seed);
    List<ClusterFault> deck = new ArrayList<>(List.of(ClusterFault.values()));
    Collections.shuffle(deck, random);
    deck.sort(Comparator.comparing(planned::contains));
    List<Planned> plan = new ArrayList<>();
    Map<Group, Long> busyUntil = new EnumMap<>(Group.class);
    boolean wiped = false;
    long at = 500 + random.nextInt(1_000);
    while (at < length.toMillis() - 500) {
      ClusterFault fault = firstOf(deck, busyUntil, at, wiped);
      if (fault == null) {
        at += 200;
        continue;
      }
      long lasts = fault.lastsMillis(random);
      plan.add(new Planned(at, lasts, fault, random.nextLong()));
      planned.add(fault);
      wiped |= fault.isWipe();
      deck.remove(fault);
      deck.add(fault);
      busyUntil.put(fault.group(), at + lasts + 300);
      at += random.nextInt(2_000);
    }
    return plan;
  }

  private static ClusterFault firstOf(
      List<ClusterFault> deck, Map<Group, Long> busyUntil, long at, boolean wiped) {
    for (ClusterFault fault : deck) {
      if (busyUntil.getOrDefault(fault.group(), 0L) <= at && !(wiped && fault.isWipe())) {
        return fault;
      }
    }
    return null;
  }

  @Override
  public void run(ClusterRound round) throws Exception {
    long begun = System.nanoTime();
    for (Planned next : plan()) {
      endWhatIsDue(round, begun + next.atMillis() * 1_000_000);
      sleepUntil(begun + next.atMillis() * 1_000_000);
      // A fault that took long to begin or to end has moved all later ones; groups stay separate.
      for (Running other : List.copyOf(running)) {
        if (other.planned().fault().group() == next.fault().group()) {
          end(round, other);
        }
      }
      begin(round, next);
    }
    endWhatIsDue(round, Long.MAX_VALUE);
  }

  private void begin(ClusterRound round, Planned next) throws Exception {
    FaultyCluster cluster = round.cluster();
    ClusterFault.Begun begins =
        next.fault().begin(cluster, cluster.network(), new Random(next.seed()));
    if (begins.target() == null) {
      round.note(next.fault() + ": not possible now");
      return;
    }
    made.merge(next.fault(), 1, Integer::sum);
    round.note(next.fault() + " begins: " + begins.target());
    if (next.fault() == ClusterFault.KILL_ALL && cluster.isSync() && cluster.wipedAt().isEmpty()) {
      round.countDisks();
    }
    running.add(new Running(System.nanoTime() + next.lastsMillis() * 1_000_000, next, begins));
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
