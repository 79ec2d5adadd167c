package io.tidemark.lease.protocol;

import static io.tidemark.lease.protocol.Samples.ONE;
import static io.tidemark.lease.protocol.Samples.THREE;
import static io.tidemark.lease.protocol.Samples.TWO;
import static io.tidemark.lease.protocol.Samples.ack;
import static io.tidemark.lease.protocol.Samples.acks;
import static io.tidemark.lease.protocol.Samples.record;
import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.lease.protocol.InDoubt.Pending;
import java.util.List;
import org.junit.jupiter.api.Test;

/** When a transaction is committed, what becomes of one that is not, and what may be shown. */
class CommitTest {
  private static final CommitRule RULE = new CommitRule(record(), null);

  @Test
  void committedIsWhatEveryMemberHas() {
    assertThat(RULE.committed(3, 9, acks(ack(TWO, 8), ack(THREE, 7)))).isEqualTo(7);
    assertThat(RULE.committed(3, 6, acks(ack(TWO, 8), ack(THREE, 7)))).isEqualTo(6);
    assertThat(RULE.committed(3, 9, acks(ack(TWO, 8)))).isEqualTo(3);
    assertThat(RULE.committed(3, 9, acks(ack(TWO, 2), ack(THREE, 2)))).isEqualTo(3);
    assertThat(RULE.explain(8, acks(ack(TWO, 8), ack(THREE, 7)))).contains("0000000000000003");
  }

  @Test
  void acknowledgementsOfAnotherEpochOrDiskDoNotCount() {
    assertThat(RULE.committed(0, 9, acks(new MemberAck(TWO, 4, 9), ack(THREE, 9)))).isZero();
    assertThat(RULE.committed(0, 9, acks(new MemberAck(TWO, 6, 9), ack(THREE, 9)))).isZero();
    assertThat(RULE.committed(0, 9, acks(ack(new Member(2, 99, 22), 9), ack(THREE, 9)))).isZero();
    assertThat(RULE.committed(0, 9, acks(ack(new Member(2, 12, 99), 9), ack(THREE, 9)))).isZero();
  }

  @Test
  void bothSetsAreWaitedForWhileAChangeIsNotCertain() {
    CommitRule adding =
        new CommitRule(record(CommitMode.SYNC, 1, ONE, TWO), List.of(ONE, TWO, THREE));
    assertThat(adding.committed(0, 9, acks(ack(TWO, 9), ack(THREE, 4)))).isEqualTo(4);
    CommitRule removing = new CommitRule(record(), List.of(ONE, THREE));
    assertThat(removing.committed(0, 9, acks(ack(TWO, 3), ack(THREE, 9)))).isEqualTo(3);
  }

  @Test
  void fewerMembersThanMinInSyncCommitNothing() {
    CommitRule alone = new CommitRule(record(CommitMode.SYNC, 2, ONE), null);
    assertThat(alone.hasEnoughMembers()).isFalse();
    assertThat(alone.committed(4, 9, acks())).isEqualTo(4);
    assertThat(alone.explain(9, acks())).contains("min-in-sync is 2");
    CommitRule leaving = new CommitRule(record(CommitMode.SYNC, 2, ONE, TWO), List.of(ONE));
    assertThat(leaving.committed(4, 9, acks(ack(TWO, 9)))).isEqualTo(4);
    CommitRule allowed = new CommitRule(record(CommitMode.SYNC, 1, ONE), null);
    assertThat(allowed.committed(4, 9, acks())).isEqualTo(9);
  }

  @Test
  void asyncWaitsForNobody() {
    CommitRule rule = new CommitRule(record(CommitMode.ASYNC, 2, ONE, TWO), null);
    assertThat(rule.committed(4, 9, acks())).isEqualTo(9);
    assertThat(rule.hasEnoughMembers()).isTrue();
  }

  @Test
  void whatWasInheritedCountsAsCommittedOnlyWhereThatIsSafe() {
    Tail tail = new Tail(10, 7);
    assertThat(tail.isSettled()).isFalse();
    assertThat(tail.announced()).isEqualTo(-1);
    assertThat(tail.admission()).isEqualTo(10);
    assertThat(tail.cut()).isEqualTo(10);
    Tail settled = tail.withCommitted(12);
    assertThat(settled.isSettled()).isTrue();
    assertThat(settled.announced()).isEqualTo(12);
    assertThat(settled.cut()).isEqualTo(12);
    assertThat(settled.withCommitted(11)).isEqualTo(settled);
    assertThat(new Tail(0, 0).announced()).isZero();
  }

  private static InDoubt.Kind next(Pending pending, Tail tail, long epoch, MemberAck... acks) {
    return InDoubt.next(pending, tail, epoch, RULE, acks(acks)).kind();
  }

  @Test
  void aCommitInDoubtIsAbortedByANewEpochAndFinalWhenAllFollowIt() {
    Tail tail = new Tail(7, 8);
    Pending waiting = new Pending(9, 4, false, false);
    Pending late = new Pending(9, 4, true, false);
    Pending cut = new Pending(9, 4, true, true);
    assertThat(next(waiting, tail, 4)).isEqualTo(InDoubt.Kind.WAIT);
    assertThat(next(late, tail, 4)).isEqualTo(InDoubt.Kind.TAKE_EPOCH);
    assertThat(next(late, tail, 5)).isEqualTo(InDoubt.Kind.CUT);
    assertThat(next(cut, tail, 5)).isEqualTo(InDoubt.Kind.CONFIRM);
    assertThat(next(cut, tail, 5, ack(TWO, 8))).isEqualTo(InDoubt.Kind.CONFIRM);
    assertThat(next(cut, tail, 5, ack(TWO, 8), new MemberAck(THREE, 4, 9)))
        .isEqualTo(InDoubt.Kind.CONFIRM);
    assertThat(next(cut, tail, 5, ack(TWO, 8), ack(THREE, 3))).isEqualTo(InDoubt.Kind.ABORTED);
    assertThat(next(late, tail.withCommitted(9), 4)).isEqualTo(InDoubt.Kind.COMMITTED);
  }

  @Test
  void whatWasInheritedIsNeverAborted() {
    assertThat(next(new Pending(9, 5, true, false), new Tail(9, 8), 5))
        .isEqualTo(InDoubt.Kind.SETTLE);
  }

  @Test
  void aStartShowsAllOfItsLogOrNothing() {
    assertThat(StartView.judge(CommitMode.SYNC, 5, 5).upTo()).isEqualTo(5);
    assertThat(StartView.judge(CommitMode.SYNC, 5, 6).shown()).isFalse();
    assertThat(StartView.judge(CommitMode.SYNC, 5, 6).reason()).contains("6 to 6");
    assertThat(StartView.judge(CommitMode.ASYNC, 5, 6).upTo()).isEqualTo(6);
    assertThat(StartView.judge(CommitMode.SYNC, 0, 0).shown()).isTrue();
  }

  @Test
  void aFollowerShowsWhatIsCommittedAndOnItsDisk() {
    assertThat(StartView.following(3, 5, 8, 6)).isEqualTo(6);
    assertThat(StartView.following(3, 5, 5, 6)).isEqualTo(5);
    assertThat(StartView.following(7, 5, 5, 6)).isEqualTo(7);
    assertThat(StartView.following(3, -1, -1, 6)).isEqualTo(3);
    // After a restart not before it has all that it may have shown before.
    assertThat(StartView.following(-1, -1, -1, 6)).isEqualTo(-1);
    assertThat(StartView.following(-1, 7, 9, 6)).isEqualTo(-1);
    assertThat(StartView.following(-1, 6, 9, 6)).isEqualTo(6);
    assertThat(StartView.following(-1, 0, 0, 0)).isZero();
  }
}
