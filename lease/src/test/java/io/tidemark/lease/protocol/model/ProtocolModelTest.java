package io.tidemark.lease.protocol.model;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.lease.protocol.ClusterRecord;
import io.tidemark.lease.protocol.Eligibility;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * No order of events within the bounds breaks a promise. {@code -Dtidemark.model=deep} adds wider
 * bounds, each until all states are explored or sixty million are; give it an hour or more and 6 GB
 * ({@code -Dtest.argLine="-ea -Xmx6g"}).
 */
class ProtocolModelTest {
  private static final boolean DEEP = "deep".equals(System.getProperty("tidemark.model"));
  private static final int MOST_STATES = DEEP ? 60_000_000 : 2_000_000;

  /** Bounds, and what has to be seen to happen within them, so that nothing is right by silence. */
  record Run(Bounds bounds, String... reached) {
    @Override
    public String toString() {
      return bounds.name();
    }
  }

  private static final String SECOND = "a second primary";
  private static final String TWO_EPOCHS = "committed in two epochs";
  private static final String ADDED = "a node was added";
  private static final String REMOVED = "a node was removed";
  private static final String ABORTED = "an abort became final";
  private static final String HANDED_OVER = "handed over";
  private static final String OPERATOR = "an operator was asked for";

  static List<Run> runs() {
    List<Run> runs =
        new ArrayList<>(
            List.of(
                new Run(Bounds.named("failover").history(2, 3, 4), SECOND, TWO_EPOCHS),
                new Run(Bounds.named("two messages").history(1, 3, 3).network(2, false), SECOND),
                new Run(Bounds.named("late answers").history(1, 2, 2).network(2, true), SECOND),
                new Run(Bounds.named("slow store").history(1, 3, 4).withSlowStore(), SECOND),
                new Run(Bounds.named("crashes").history(1, 2, 2).crashes(2), SECOND),
                new Run(Bounds.named("aborts").history(2, 3, 4).withAborts(), ABORTED, TWO_EPOCHS),
                new Run(
                    Bounds.named("set changes").nodes(3, 3, 1).history(1, 3, 4).withSetChanges(),
                    ADDED,
                    REMOVED),
                new Run(
                    Bounds.named("set changes, slow store")
                        .nodes(3, 2, 1)
                        .history(1, 2, 3)
                        .withSetChanges()
                        .withSlowStore(),
                    ADDED,
                    REMOVED),
                new Run(
                    Bounds.named("two nodes")
                        .nodes(2, 2, 1)
                        .history(2, 2, 4)
                        .withSetChanges()
                        .withAborts()
                        .crashes(1),
                    ADDED,
                    REMOVED,
                    TWO_EPOCHS,
                    ABORTED),
                new Run(
                    Bounds.named("handoff").history(1, 2, 3).handoffs(1).withSlowStore(),
                    HANDED_OVER),
                new Run(
                    Bounds.named("lost disk")
                        .nodes(3, 3, 1)
                        .history(1, 2, 3)
                        .withSetChanges()
                        .diskLosses(1),
                    SECOND),
                new Run(
                    Bounds.named("restored disk")
                        .nodes(3, 3, 1)
                        .history(2, 2, 3)
                        .withSetChanges()
                        .restoredDisks(1),
                    TWO_EPOCHS),
                new Run(
                    Bounds.named("old volume")
                        .nodes(2, 2, 1)
                        .history(1, 2, 4)
                        .withSetChanges()
                        .withOldVolume(),
                    ADDED,
                    SECOND),
                new Run(
                    Bounds.named("late change of a dead node")
                        .nodes(2, 2, 1)
                        .history(1, 2, 4)
                        .withSetChanges()
                        .withSlowStore()
                        .crashes(1),
                    ADDED,
                    REMOVED),
                new Run(
                    Bounds.named("restored store")
                        .nodes(2, 2, 1)
                        .history(1, 3, 4)
                        .withSetChanges()
                        .withRestoredStore(),
                    OPERATOR)));
    if (DEEP) {
      runs.addAll(deep());
    }
    return runs;
  }

  private static List<Run> deep() {
    Bounds three = Bounds.named("deep: three nodes").nodes(3, 3, 1);
    return List.of(
        new Run(Bounds.named("deep: failover").history(3, 4, 5), TWO_EPOCHS),
        new Run(Bounds.named("deep: two messages").history(2, 3, 4).network(2, false), TWO_EPOCHS),
        new Run(Bounds.named("deep: late answers").history(2, 2, 2).network(2, true), TWO_EPOCHS),
        new Run(Bounds.named("deep: slow store").history(2, 3, 4).withSlowStore(), TWO_EPOCHS),
        new Run(Bounds.named("deep: crash, 3 epochs").history(1, 3, 3).crashes(1), SECOND),
        new Run(Bounds.named("deep: crashes").history(2, 2, 2).crashes(2), TWO_EPOCHS),
        new Run(Bounds.named("deep: abort").history(2, 2, 2).withAborts().crashes(1), SECOND),
        new Run(three.history(2, 3, 4).withSetChanges(), ADDED, REMOVED, TWO_EPOCHS),
        new Run(three.history(1, 3, 4).withSetChanges().withSlowStore(), ADDED, REMOVED),
        new Run(
            Bounds.named("deep: set of two")
                .nodes(3, 2, 1)
                .history(2, 2, 4)
                .withSetChanges()
                .withSlowStore(),
            ADDED,
            REMOVED),
        new Run(
            Bounds.named("deep: two nodes")
                .nodes(2, 2, 1)
                .history(2, 3, 4)
                .withSetChanges()
                .withSlowStore()
                .withAborts()
                .crashes(1),
            ADDED,
            REMOVED,
            TWO_EPOCHS,
            ABORTED),
        new Run(
            Bounds.named("deep: handoff").history(2, 3, 4).handoffs(1).withSlowStore(),
            HANDED_OVER),
        new Run(three.history(1, 2, 4).withSetChanges().diskLosses(1).crashes(1), SECOND),
        new Run(three.history(2, 3, 4).withSetChanges().restoredDisks(1), TWO_EPOCHS),
        new Run(three.history(1, 2, 4).withSetChanges().withOldVolume(), ADDED, SECOND),
        new Run(
            Bounds.named("deep: restored store")
                .nodes(3, 2, 1)
                .history(1, 3, 4)
                .withSetChanges()
                .withRestoredStore(),
            OPERATOR));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("runs")
  void noOrderOfEventsBreaksAPromise(Run run) {
    // Least positions are a second net, for disks that went back: nothing else may need them.
    boolean back = run.bounds().restores() > 0 && !run.bounds().oldVolumes();
    Rules rules = back ? new Rules() : new RulesWithoutLeast();
    ClusterModel model = new ClusterModel(run.bounds(), rules);

    Search.Result result = new Search(model, MOST_STATES, Integer.MAX_VALUE).run();

    System.out.println(result);
    assertThat(result.trace()).isNull();
    assertThat(result.complete() || DEEP).as("all states were explored").isTrue();
    assertThat(model.reached).contains(run.reached());
  }

  private static final class RulesWithoutLeast extends Rules {
    @Override
    Eligibility.Verdict eligibility(ClusterRecord record, Eligibility.Candidate node) {
      return super.eligibility(withoutLeast(record), node);
    }
  }
}
