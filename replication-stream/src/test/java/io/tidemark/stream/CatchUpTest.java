package io.tidemark.stream;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidemark.ltx.Checksum;
import io.tidemark.ltx.Txid;
import io.tidemark.stream.CatchUp.Diverged;
import io.tidemark.stream.CatchUp.Dropped;
import io.tidemark.stream.CatchUp.Plan;
import io.tidemark.stream.CatchUp.Records;
import io.tidemark.stream.CatchUp.ReplicaAhead;
import io.tidemark.stream.CatchUp.Snapshot;
import io.tidemark.stream.CatchUp.UpToDate;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class CatchUpTest {

  /** Transactions 1-4 of epoch 1, 5-10 of epoch 3. */
  private static final Past WHOLE = new Past().epochs(1, 1, 4).epochs(3, 5, 10).from(1);

  /** The same without the records before 6; what 6 builds on is known. */
  private static final Past CUT = WHOLE.from(6);

  /** The same without any record. */
  private static final Past EMPTY_LOG = WHOLE.from(11);

  private static final Past NEVER = new Past().from(1);

  static Stream<Arguments> table() {
    return Stream.of(
        row("both have nothing", Position.NONE, NEVER, UpToDate.class, "neither"),
        row("equal", at(3, 10), WHOLE, UpToDate.class, "both", "3:000000000000000a"),
        row("equal, empty log", at(3, 10), EMPTY_LOG, UpToDate.class, "both"),
        row("equal, dropped", at(3, 10), WHOLE.dropped(), UpToDate.class, "both"),
        row("nothing yet", Position.NONE, WHOLE, Records.class, "nothing", "complete"),
        row("nothing, log cut", Position.NONE, CUT, Snapshot.class, "begins at", "0006"),
        row("nothing, empty log", Position.NONE, EMPTY_LOG, Snapshot.class, "begins at"),
        row("nothing, dropped", Position.NONE, WHOLE.dropped(), Dropped.class, "dropped"),
        row("behind", at(3, 7), WHOLE, Records.class, "3:0000000000000007", "all that follows"),
        row("an epoch behind", at(1, 4), WHOLE, Records.class, "all that follows"),
        row("behind, dropped", at(3, 9), WHOLE.dropped(), Records.class, "all that follows"),
        row("just before the log", at(3, 5), CUT, Records.class, "all that follows"),
        row("log too short", at(3, 5), CUT.from(7).knowing(at(3, 5)), Snapshot.class, "needs"),
        row(
            "too short, dropped",
            at(3, 5),
            CUT.from(7).knowing(at(3, 5)).dropped(),
            Dropped.class,
            "dropped"),
        row("unknown past", at(1, 3), CUT, Snapshot.class, "cannot be told"),
        row("unknown, empty log", at(1, 3), EMPTY_LOG, Snapshot.class, "cannot be told"),
        row("unknown, dropped", at(1, 3), CUT.dropped(), Dropped.class, "dropped"),
        row("later epoch at an unknown one", at(4, 3), CUT, Diverged.class, "epoch 4", "epoch 3"),
        row("the same, empty log", at(4, 3), EMPTY_LOG, Diverged.class, "epoch 4"),
        row("the same, dropped", at(4, 3), CUT.dropped(), Diverged.class, "epoch 4"),
        row("between epochs", at(2, 1), WHOLE.from(3), Diverged.class, "epoch 2", "epoch 1"),
        row("other epoch, behind", at(2, 7), WHOLE, Diverged.class, "epoch 2", "of 3"),
        row("other epoch, level", at(2, 10), WHOLE, Diverged.class, "epoch 2", "of 3"),
        row("later epoch, level", at(4, 10), WHOLE, Diverged.class, "epoch 4", "of 3"),
        row("other epoch, empty log", at(2, 10), EMPTY_LOG, Diverged.class, "epoch 2"),
        row("other content, behind", other(3, 7), WHOLE, Diverged.class, "checksum"),
        row("other content, level", other(3, 10), WHOLE, Diverged.class, "checksum"),
        row("other content, dropped", other(3, 7), WHOLE.dropped(), Diverged.class, "checksum"),
        row("ahead", at(3, 11), WHOLE, ReplicaAhead.class, "up to 3:000", "ends at"),
        row("ahead in an old epoch", at(1, 11), WHOLE, ReplicaAhead.class, "ends at"),
        row("ahead of a drop", at(3, 11), WHOLE.dropped(), ReplicaAhead.class, "ends at"),
        row("ahead of nothing", at(1, 1), NEVER, ReplicaAhead.class, "has none"));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("table")
  void thePlanFollowsFromWhatBothHave(
      String what, Position replica, Past primary, Class<? extends Plan> plan, List<String> words) {
    Plan decided = CatchUp.plan(replica, primary);

    assertThat(decided).isInstanceOf(plan);
    assertThat(decided.reason()).contains(words).doesNotEndWith(".").doesNotContain("null");
    if (decided instanceof Records records) {
      assertThat(records.from()).isEqualTo(replica.txid().next());
      assertThat(primary.firstInLog().compareTo(records.from())).isLessThanOrEqualTo(0);
    }
  }

  @Test
  void everyPlanIsInTheTable() {
    assertThat(table().map(row -> row.get()[3]).distinct())
        .containsExactlyInAnyOrder((Object[]) Plan.class.getPermittedSubclasses());
  }

  @Test
  void aSnapshotSaysWhetherTheReplicaLosesAnything() {
    assertThat(CatchUp.plan(Position.NONE, CUT)).extracting("continues").isEqualTo(true);
    assertThat(CatchUp.plan(at(1, 3), CUT)).extracting("continues").isEqualTo(false);
    assertThat(CatchUp.plan(at(3, 5), CUT.from(7).knowing(at(3, 5))))
        .extracting("continues")
        .isEqualTo(true);
    assertThat(CatchUp.plan(at(1, 3), CUT.dropped())).extracting("continues").isEqualTo(false);
    assertThat(CatchUp.plan(Position.NONE, CUT.dropped())).extracting("continues").isEqualTo(true);
  }

  /** Every position against every log: only a replica with the primary's own record goes on. */
  @Test
  void recordsAreSentOnlyOntoARecordThatThePrimaryHas() {
    for (long first = 1; first <= 11; first++) {
      for (long txid = 1; txid <= 12; txid++) {
        for (long epoch = 1; epoch <= 4; epoch++) {
          for (Position replica : List.of(at(epoch, txid), other(epoch, txid))) {
            Plan plan = CatchUp.plan(replica, WHOLE.from(first));
            boolean same = replica.equals(WHOLE.all.get(txid));
            if (plan instanceof Records || plan instanceof UpToDate) {
              assertThat(same).as("%s, log from %d: %s", replica, first, plan).isTrue();
            }
            if (plan instanceof Diverged || plan instanceof ReplicaAhead) {
              assertThat(same).as("%s, log from %d: %s", replica, first, plan).isFalse();
            }
          }
        }
      }
    }
  }

  @Test
  void whereThePrimaryStandsIsKnownEvenIfItsLogForgotEverything() {
    PrimaryHistory forgetful =
        new PrimaryHistory() {
          @Override
          public Position position() {
            return CatchUpTest.at(3, 10);
          }

          @Override
          public boolean exists() {
            return true;
          }

          @Override
          public Txid firstInLog() {
            return new Txid(11);
          }

          @Override
          public Position at(Txid txid) {
            return null;
          }
        };

    assertThat(CatchUp.plan(CatchUpTest.other(3, 10), forgetful)).isInstanceOf(Diverged.class);
  }

  @Test
  void onlyAReplicaThatHasNothingGetsPagesBecauseTheyAreLess() {
    Past longLog = WHOLE.longerThanItsPages();

    assertThat(CatchUp.plan(Position.NONE, longLog)).isInstanceOf(Snapshot.class);
    assertThat(CatchUp.plan(Position.NONE, longLog.dropped())).isInstanceOf(Dropped.class);
    assertThat(CatchUp.plan(at(3, 7), longLog)).isInstanceOf(Records.class);
  }

  @Test
  void aHistoryThatContradictsItselfIsAFaultOfTheCaller() {
    for (long first : new long[] {0, 12, -1}) {
      assertThatThrownBy(() -> CatchUp.plan(at(3, 7), WHOLE.from(first)))
          .isInstanceOf(IllegalArgumentException.class);
    }
  }

  private static Arguments row(
      String what, Position replica, Past primary, Class<? extends Plan> plan, String... words) {
    return Arguments.of(what, replica, primary, plan, Arrays.asList(words));
  }

  private static Position at(long epoch, long txid) {
    return Position.of(epoch, txid, Checksum.FLAG | txid * 1000);
  }

  private static Position other(long epoch, long txid) {
    return Position.of(epoch, txid, Checksum.FLAG | txid * 1000 + 1);
  }

  /** A history that knows what its log has, and what the first record builds on. */
  private static final class Past implements PrimaryHistory {
    private final TreeMap<Long, Position> all;
    private final long first;
    private final boolean exists;
    private final Position extra;
    private boolean snapshotIsShorter;

    Past() {
      this(new TreeMap<>(), 1, true, null);
    }

    private Past(Map<Long, Position> all, long first, boolean exists, Position extra) {
      this.all = new TreeMap<>(all);
      this.first = first;
      this.exists = exists;
      this.extra = extra;
    }

    Past epochs(long epoch, long from, long to) {
      Past past = new Past(all, first, exists, extra);
      for (long txid = from; txid <= to; txid++) {
        past.all.put(txid, CatchUpTest.at(epoch, txid));
      }
      return past;
    }

    Past from(long firstInLog) {
      return new Past(all, firstInLog, exists, extra);
    }

    Past dropped() {
      return new Past(all, first, false, extra);
    }

    Past longerThanItsPages() {
      Past past = new Past(all, first, exists, extra);
      past.snapshotIsShorter = true;
      return past;
    }

    /** Remembers a position from before its log as well. */
    Past knowing(Position position) {
      return new Past(all, first, exists, position);
    }

    @Override
    public Position position() {
      return all.isEmpty() ? Position.NONE : all.lastEntry().getValue();
    }

    @Override
    public boolean exists() {
      return exists && !all.isEmpty();
    }

    @Override
    public Txid firstInLog() {
      return new Txid(first);
    }

    @Override
    public Position at(Txid txid) {
      if (extra != null && extra.txid().equals(txid)) {
        return extra;
      }
      return txid.value() >= first - 1 ? all.get(txid.value()) : null;
    }

    @Override
    public boolean isSnapshotShorter() {
      return snapshotIsShorter;
    }
  }
}
