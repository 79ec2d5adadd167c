package io.tidemark.lease.protocol;

import static io.tidemark.lease.protocol.Samples.ONE;
import static io.tidemark.lease.protocol.Samples.THREE;
import static io.tidemark.lease.protocol.Samples.TWO;
import static io.tidemark.lease.protocol.Samples.ack;
import static io.tidemark.lease.protocol.Samples.record;
import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.lease.protocol.ClusterRecord.Primary;
import io.tidemark.lease.protocol.SetChange.Asking;
import io.tidemark.lease.protocol.SetChange.Greeting;
import io.tidemark.lease.protocol.SetChange.Kind;
import io.tidemark.lease.protocol.SetChange.Lane;
import io.tidemark.lease.protocol.SetChange.Outcome;
import io.tidemark.lease.protocol.SetChange.Verdict;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class SetChangeTest {
  private static final ClusterRecord PAIR = record(CommitMode.SYNC, 1, ONE, TWO);
  private static final Tail TAIL = new Tail(9, 8);

  private static Asking asking(Member member, MemberAck ack) {
    return new Asking(member, null, false, Map.of("app.db", new Lane(TAIL, ack)));
  }

  private static void assertWaits(Verdict verdict, String reason) {
    assertThat(verdict.kind()).isEqualTo(Kind.WAIT);
    assertThat(verdict.reason()).contains(reason);
  }

  @Test
  void aNodeIsAddedWhenItHasAllThatMayBeCommitted() {
    Verdict verdict = SetChange.add(PAIR, asking(THREE, ack(THREE, 9)), false);
    assertThat(verdict.kind()).isEqualTo(Kind.CHANGE);
    assertThat(verdict.members()).containsExactly(ONE, TWO, THREE);
    assertWaits(SetChange.add(PAIR, asking(THREE, ack(THREE, 8)), false), "8 of 9");
    assertWaits(SetChange.add(PAIR, asking(THREE, null), false), "nothing in epoch 5");
    MemberAck old = new MemberAck(THREE, 4, 9);
    assertWaits(SetChange.add(PAIR, asking(THREE, old), false), "nothing in epoch 5");
    MemberAck other = ack(new Member(3, 99, 23), 9);
    assertWaits(SetChange.add(PAIR, asking(THREE, other), false), "nothing in epoch 5");
  }

  @Test
  void aNodeIsNotAddedWhileAnotherChangeIsOpenOrItIsNotWhole() {
    assertWaits(SetChange.add(PAIR, asking(THREE, ack(THREE, 9)), true), "earlier change");
    assertWaits(
        SetChange.add(PAIR, new Asking(THREE, "disk full", false, Map.of()), false), "disk full");
    assertWaits(
        SetChange.add(PAIR, new Asking(THREE, null, true, Map.of()), false), "copy of a database");
    assertThat(SetChange.add(PAIR, asking(TWO, null), false).kind()).isEqualTo(Kind.NONE);
  }

  @Test
  void aMemberWithAnotherDiskLeavesBeforeItComesBack() {
    Member again = new Member(2, 99, 22);
    Verdict verdict = SetChange.add(PAIR, asking(again, ack(again, 9)), false);
    assertThat(verdict.kind()).isEqualTo(Kind.CHANGE);
    assertThat(verdict.members()).containsExactly(ONE);
  }

  @Test
  void aMemberIsRemovedButNeverBelowMinInSync() {
    Verdict verdict = SetChange.remove(record(), 3, "it is silent", false);
    assertThat(verdict.members()).containsExactly(ONE, TWO);
    assertThat(verdict.reason()).contains("it is silent");
    ClusterRecord both = record(CommitMode.SYNC, 2, ONE, TWO);
    assertWaits(SetChange.remove(both, 2, "it is silent", false), "min-in-sync is 2");
    assertWaits(SetChange.remove(record(), 3, "it is silent", true), "earlier change");
    assertThat(
            SetChange.remove(record(CommitMode.ASYNC, 2, ONE, TWO), 2, "silent", false).members())
        .containsExactly(ONE);
    assertThat(SetChange.remove(record(), 4, "it is silent", false).kind()).isEqualTo(Kind.NONE);
  }

  @Test
  void aPrimaryThatCannotGoOnHandsOver() {
    assertThat(SetChange.remove(record(), 1, "'app.db' is damaged", false).kind())
        .isEqualTo(Kind.HAND_OVER);
  }

  private static Verdict greet(Member member, Greeting greeting) {
    return SetChange.greeting(record(), member, Map.of("app.db", greeting), false);
  }

  @Test
  void aMemberThatLostWhatItAcknowledgedLeavesTheSet() {
    assertThat(greet(TWO, new Greeting(9, 9, 8)).kind()).isEqualTo(Kind.NONE);
    assertThat(greet(TWO, new Greeting(8, 9, 8)).members()).containsExactly(ONE, THREE);
    // A new primary remembers no acknowledgement; but every member has what is committed.
    assertThat(greet(TWO, new Greeting(7, 0, 8)).members()).containsExactly(ONE, THREE);
    assertThat(greet(new Member(2, 99, 22), new Greeting(9, 9, 8)).members())
        .containsExactly(ONE, THREE);
    assertThat(greet(new Member(4, 1, 1), new Greeting(0, 0, 8)).kind()).isEqualTo(Kind.NONE);
  }

  @Test
  void aChangeWhoseAnswerWasLostIsOpenUntilTheVersionMoves() {
    ClusterRecord before = record();
    ClusterRecord proposed = NextRecord.withMembers(before, List.of(ONE, TWO), Map.of());
    ClusterRecord refreshed = NextRecord.refreshed(before, Map.of());
    assertThat(SetChange.outcome(before, proposed, before, true)).isEqualTo(Outcome.OPEN);
    assertThat(SetChange.outcome(before, proposed, proposed, true)).isEqualTo(Outcome.DONE);
    assertThat(SetChange.outcome(before, proposed, refreshed, true)).isEqualTo(Outcome.VOID);
    assertThat(SetChange.outcome(before, proposed, before, false)).isEqualTo(Outcome.LOST);
    assertThat(SetChange.outcome(before, proposed, null, true)).isEqualTo(Outcome.LOST);
    ClusterRecord others =
        NextRecord.acquired(before, new Primary(2, 5, "http://two"), 0, CommitMode.SYNC, 2);
    assertThat(SetChange.outcome(before, proposed, others, true)).isEqualTo(Outcome.LOST);
    assertThat(SetChange.outcome(proposed, NextRecord.refreshed(proposed, Map.of()), before, true))
        .isEqualTo(Outcome.LOST);
  }
}
