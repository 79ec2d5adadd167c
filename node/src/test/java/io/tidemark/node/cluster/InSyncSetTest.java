package io.tidemark.node.cluster;

import static io.tidemark.node.cluster.Cluster3.DB;
import static io.tidemark.node.cluster.Cluster3.ONE;
import static io.tidemark.node.cluster.Cluster3.THREE;
import static io.tidemark.node.cluster.Cluster3.TWO;
import static io.tidemark.node.cluster.Cluster3.point;
import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.lease.protocol.ClusterRecord;
import io.tidemark.lease.protocol.CommitMode;
import io.tidemark.lease.protocol.CommitRule;
import io.tidemark.lease.protocol.LogPoint;
import io.tidemark.lease.protocol.Member;
import io.tidemark.lease.protocol.SetChange;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class InSyncSetTest {
  private static final Duration AWAY = Duration.ofMinutes(10);
  private static final Duration SLOW = Duration.ofMinutes(2);
  private static final String OTHER = "other.db";

  private final ShiftedClock clock = new ShiftedClock();
  private final List<String> events = new ArrayList<>();
  private final FakeData data = new FakeData(events, 1, 11).follows(Cluster3.CLUSTER, 5);
  private final FakeStreams streams = new FakeStreams(events);
  private final InSyncSet set = new InSyncSet(clock, data, SLOW);
  private final FakePeer two = new FakePeer(TWO, 5).opened();
  private final FakePeer three = new FakePeer(THREE, 5).opened();
  private Commits commits;

  @BeforeEach
  void tenTransactionsInTwoDatabases() {
    for (String name : List.of(DB, OTHER)) {
      data.append(name, 5, 10).committed(name, 10);
    }
  }

  /** An epoch begins, with this record and these connections. */
  private ClusterRecord epoch(ClusterRecord record, Streams.Peer... peers) {
    commits = new Commits(data, streams, record.mode(), Duration.ofSeconds(1));
    commits.begin(null, new CommitRule(record, null), Map.of());
    set.begin(record, clock.nanos());
    streams.connected(peers);
    return record;
  }

  private static ClusterRecord sync(int minInSync, Member... members) {
    return Cluster3.record(CommitMode.SYNC, minInSync, members);
  }

  private static ClusterRecord async(Member... members) {
    return Cluster3.record(CommitMode.ASYNC, 1, members);
  }

  private SetChange.Verdict next(ClusterRecord record) {
    return set.next(record, streams.peers(), commits, AWAY);
  }

  private void assertNoChange(ClusterRecord record) {
    assertThat(next(record).kind()).isNotEqualTo(SetChange.Kind.CHANGE);
  }

  private void assertBecomes(ClusterRecord record, Member... members) {
    SetChange.Verdict verdict = next(record);
    assertThat(verdict.kind()).as(verdict.reason()).isEqualTo(SetChange.Kind.CHANGE);
    assertThat(verdict.members()).containsExactly(members);
  }

  private static FakePeer hasAll(FakePeer peer) {
    return peer.acknowledges(DB, 10).acknowledges(OTHER, 10);
  }

  private FakePeer greets(Member member, long txid) {
    return new FakePeer(member, 5)
        .ends(Map.of(DB, point(5, txid), OTHER, point(5, 10)))
        .acknowledges(DB, txid);
  }

  // ------------------------------------------------------------------- adding

  @Test
  void whoAsksAndHasEverythingIsAdded() {
    ClusterRecord record = epoch(sync(1, ONE), hasAll(two).asks(TWO));
    assertBecomes(record, ONE, TWO);
  }

  @Test
  void whoDoesNotAskIsNotAdded() {
    assertNoChange(epoch(sync(1, ONE), hasAll(two)));
  }

  @Test
  void whoLacksSomethingInOneDatabaseIsNotAddedYet() {
    two.asks(TWO).acknowledges(DB, 10);
    ClusterRecord record = epoch(sync(1, ONE), two);
    assertNoChange(record);
    two.acknowledges(OTHER, 9);
    assertNoChange(record);
    two.acknowledges(OTHER, 10);
    assertBecomes(record, ONE, TWO);
  }

  @Test
  void whatWasInheritedIsNeededTooBeforeItIsCommitted() {
    ClusterRecord record = epoch(sync(1, ONE), hasAll(two).asks(TWO));
    data.append(DB, 5, 12);
    commits.begin(null, new CommitRule(sync(1, ONE, THREE), null), Map.of(DB, 12L));
    assertNoChange(record);
    two.acknowledges(DB, 12);
    assertBecomes(record, ONE, TWO);
  }

  @Test
  void acknowledgementsOfAnEarlierEpochAddNobody() {
    FakePeer old = hasAll(new FakePeer(TWO, 4).opened().asks(TWO));
    assertNoChange(epoch(sync(1, ONE), old));
  }

  @Test
  void whoIsSentACopyOrHasAFaultIsNotAdded() {
    hasAll(two).asks(TWO).resynchronises(true);
    ClusterRecord record = epoch(sync(1, ONE), two);
    assertNoChange(record);
    two.resynchronises(false).fault("'app.db' is damaged");
    assertNoChange(record);
    two.fault(null);
    assertBecomes(record, ONE, TWO);
  }

  @Test
  void whoseStreamHasNotBegunIsNotAdded() {
    FakePeer greeting = hasAll(new FakePeer(TWO, 5).ends(data.ends()).asks(TWO));
    assertNoChange(epoch(sync(1, ONE), greeting));
  }

  @Test
  void aMemberThatAsksWithANewTokenLeavesFirstAndIsAddedLater() {
    Member again = new Member(2, 12, 99);
    hasAll(two).asks(again);
    assertBecomes(epoch(sync(1, ONE, TWO), two), ONE);
    assertBecomes(epoch(sync(1, ONE), two), ONE, again);
  }

  @Test
  void whoHasLeftIsNotTakenBackBeforeItAsksWithANewToken() {
    ClusterRecord three =
        epoch(sync(1, ONE, TWO, THREE), hasAll(two).asks(TWO), hasAll(this.three));
    assertNoChange(three);
    data.append(DB, 5, 11);
    this.three.acknowledges(DB, 11);
    assertNoChange(three);
    clock.advance(SLOW.plusSeconds(1));
    assertBecomes(three, ONE, THREE);

    ClusterRecord without = sync(1, ONE, THREE);
    assertNoChange(without); // although it has all that is committed
    hasAll(two).asks(new Member(2, 12, 99));
    assertBecomes(without, ONE, THREE, new Member(2, 12, 99));
  }

  @Test
  void whoIsWaitedForIsComparedOnceMoreWithWhatIsCommittedByThen() {
    ClusterRecord record = epoch(sync(1, ONE), hasAll(two).asks(TWO));
    assertBecomes(record, ONE, TWO);
    data.append(DB, 5, 11).committed(DB, 11);
    assertThat(set.isCaughtUp(record, two, commits)).isFalse();
    two.acknowledges(DB, 11);
    assertThat(set.isCaughtUp(record, two, commits)).isTrue();
  }

  // ----------------------------------------------------------------- greeting

  @Test
  void aMemberThatLostDataLeavesBeforeItsStreamBegins() {
    FakePeer back = greets(TWO, 9);
    ClusterRecord record = epoch(sync(1, ONE, TWO, THREE), back, hasAll(three));
    set.openWelcome(record, streams.peers(), commits);
    assertThat(back.isOpen()).isFalse();
    assertBecomes(record, ONE, THREE);

    set.openWelcome(sync(1, ONE, THREE), streams.peers(), commits);
    assertThat(back.isOpen()).isTrue();
  }

  @Test
  void aMemberWithEverythingIsLetInAtOnce() {
    FakePeer back = greets(TWO, 10);
    ClusterRecord record = epoch(sync(1, ONE, TWO), back);
    assertNoChange(record);
    set.openWelcome(record, streams.peers(), commits);
    assertThat(back.isOpen()).isTrue();
  }

  @Test
  void aMemberWhoseLogIsAnotherFromSomePlaceOnHasLostTheRest() {
    FakePeer back = new FakePeer(TWO, 5).ends(Map.of(DB, point(4, 10), OTHER, point(5, 10)));
    ClusterRecord record = epoch(sync(1, ONE, TWO), back);
    set.openWelcome(record, streams.peers(), commits);
    assertThat(back.isOpen()).isFalse();
    assertBecomes(record, ONE);
  }

  @Test
  void aMemberWithAnotherDataDirectoryOrAdmissionLeaves() {
    for (Member other : List.of(new Member(2, 99, 22), new Member(2, 12, 99))) {
      FakePeer back = greets(other, 10);
      ClusterRecord record = epoch(sync(1, ONE, TWO), back);
      set.openWelcome(record, streams.peers(), commits);
      assertThat(back.isOpen()).isFalse();
      assertBecomes(record, ONE);
    }
  }

  @Test
  void aMemberThatNeedsACopyLeaves() {
    data.append(DB, 5, 12);
    data.firstKept(DB, 12); // the record after its last one is gone
    FakePeer back = greets(TWO, 10);
    ClusterRecord record = epoch(sync(1, ONE, TWO), back);
    set.openWelcome(record, streams.peers(), commits);
    assertThat(back.isOpen()).isFalse();
    assertBecomes(record, ONE);
  }

  @Test
  void withAsyncOnlyWhatTheRecordKnowsToBeCommittedIsLost() {
    Map<String, LogPoint> least = Map.of(DB, point(5, 8));
    ClusterRecord record = Cluster3.record(7, 5, CommitMode.ASYNC, 1, List.of(ONE, TWO), least);
    FakePeer short1 = greets(TWO, 8);
    epoch(record, short1);
    set.openWelcome(record, streams.peers(), commits);
    assertThat(short1.isOpen()).isTrue();

    FakePeer short2 = greets(TWO, 7);
    epoch(record, short2);
    set.openWelcome(record, streams.peers(), commits);
    assertThat(short2.isOpen()).isFalse();
    assertBecomes(record, ONE);
  }

  // ------------------------------------------------------------- slow and away

  @Test
  void aMemberThatIsAwayTooLongLeaves() {
    ClusterRecord record = epoch(sync(1, ONE, TWO, THREE), hasAll(three));
    clock.advance(AWAY.minusSeconds(5));
    hasAll(three);
    assertNoChange(record);
    clock.advance(Duration.ofSeconds(6));
    SetChange.Verdict verdict = next(record);
    assertThat(verdict.members()).containsExactly(ONE, THREE);
    assertThat(verdict.reason()).contains("away for");
  }

  @Test
  void theTimeAwayBeginsAnewWhenAMemberWasThere() {
    ClusterRecord record = epoch(async(ONE, TWO), hasAll(two));
    clock.advance(AWAY.multipliedBy(2));
    assertNoChange(record);
    streams.connected();
    assertNoChange(record);
    clock.advance(AWAY.minusSeconds(5));
    assertNoChange(record);
    clock.advance(Duration.ofSeconds(6));
    assertBecomes(record, ONE);
  }

  @Test
  void withSyncAMemberThatOwesItsAcknowledgementTooLongLeaves() {
    ClusterRecord record = epoch(sync(1, ONE, TWO), hasAll(two));
    assertNoChange(record);
    data.append(DB, 5, 11);
    assertNoChange(record); // has what it was asked for; now it is asked for the eleventh
    clock.advance(SLOW.minusSeconds(5));
    assertNoChange(record);
    clock.advance(Duration.ofSeconds(6));
    SetChange.Verdict verdict = next(record);
    assertThat(verdict.members()).containsExactly(ONE);
    assertThat(verdict.reason()).contains("not acknowledged for");
  }

  @Test
  void aMemberThatIsBehindButGoesOnIsNotSlow() {
    ClusterRecord record = epoch(sync(1, ONE, TWO), hasAll(two));
    assertNoChange(record);
    for (long txid = 11; txid < 20; txid++) {
      data.append(DB, 5, txid);
      assertNoChange(record);
      clock.advance(SLOW.minusSeconds(5));
      assertNoChange(record);
      two.acknowledges(DB, txid);
      assertNoChange(record);
    }
  }

  @Test
  void withAsyncNobodyIsTooSlow() {
    ClusterRecord record = epoch(async(ONE, TWO), two);
    assertNoChange(record);
    clock.advance(SLOW.multipliedBy(3));
    assertNoChange(record);
  }

  @Test
  void withSyncTheSetNeverGetsSmallerThanMinInSync() {
    ClusterRecord record = epoch(sync(2, ONE, TWO), hasAll(two));
    assertNoChange(record);
    data.append(DB, 5, 11);
    assertNoChange(record);
    clock.advance(SLOW.plusSeconds(1));
    assertNoChange(record); // slow
    streams.connected();
    assertNoChange(record);
    clock.advance(AWAY.plusSeconds(1));
    assertNoChange(record); // away
    FakePeer lost = greets(TWO, 3);
    streams.connected(lost);
    assertNoChange(record); // lost data; and its stream does not begin either
    set.openWelcome(record, streams.peers(), commits);
    assertThat(lost.isOpen()).isFalse();
  }

  @Test
  void thePrimaryItselfIsNeverAway() {
    ClusterRecord record = epoch(sync(1, ONE, TWO), hasAll(two));
    clock.advance(AWAY.multipliedBy(2));
    assertNoChange(record);
  }

  // ------------------------------------------------------------------- obstacle

  @Test
  void nothingStandsInTheWayWhenEveryMemberIsConnected() {
    assertThat(InSyncSet.obstacle(sync(2, ONE, TWO), List.of(two))).isNull();
    assertThat(InSyncSet.obstacle(sync(1, ONE), List.of())).isNull();
  }

  @Test
  void tooFewMembersAreAnObstacle() {
    assertThat(InSyncSet.obstacle(sync(3, ONE, TWO), List.of(two)))
        .isEqualTo("2 in-sync nodes, and replication.min-in-sync is 3");
  }

  @Test
  void aMemberThatIsNotConnectedIsAnObstacle() {
    String text = "the in-sync member node 0000000000000002 is not connected";
    ClusterRecord record = sync(1, ONE, TWO);
    assertThat(InSyncSet.obstacle(record, List.of(three))).isEqualTo(text);
    assertThat(InSyncSet.obstacle(record, List.of(new FakePeer(TWO, 5)))).isEqualTo(text);
    FakePeer stranger = new FakePeer(new Member(2, 12, 99), 5).opened();
    assertThat(InSyncSet.obstacle(record, List.of(stranger))).isEqualTo(text);
  }

  // ------------------------------------------------------------------ successor

  @Test
  void theMemberThatIsFurthestSucceeds() {
    ClusterRecord record = epoch(async(ONE, TWO, THREE), hasAll(two), three.acknowledges(DB, 3));
    assertThat(set.successor(record, streams.peers(), 0)).isSameAs(two);
  }

  @Test
  void whoIsAskedForSucceedsOrNobody() {
    ClusterRecord record = epoch(async(ONE, TWO, THREE), hasAll(two), three.acknowledges(DB, 3));
    assertThat(set.successor(record, streams.peers(), 3)).isSameAs(three);
    assertThat(set.successor(record, streams.peers(), 4)).isNull();
  }

  @Test
  void noStrangerNobodyWithAFaultAndNobodyWhoseStreamWaitsSucceeds() {
    assertThat(set.successor(epoch(sync(1, ONE), hasAll(two)), streams.peers(), 0)).isNull();
    ClusterRecord record = epoch(sync(1, ONE, TWO), hasAll(new FakePeer(TWO, 5)));
    assertThat(set.successor(record, streams.peers(), 0)).isNull();
    epoch(record, hasAll(two).fault("'app.db' is damaged"));
    assertThat(set.successor(record, streams.peers(), 0)).isNull();
    assertThat(InSyncSet.unfitness(record, streams.peers(), two)).isEqualTo("'app.db' is damaged");
    assertThat(InSyncSet.unfitness(record, List.of(), two)).contains("not connected");
  }

  @Test
  void aSuccessorHasAllOnlyWhenItHasTheEndOfEveryLog() {
    two.acknowledges(DB, 10);
    assertThat(InSyncSet.hasAll(two, data.ends())).isFalse();
    assertThat(InSyncSet.hasAll(hasAll(two), data.ends())).isTrue();
    data.append(OTHER, 5, 11);
    assertThat(InSyncSet.hasAll(two, data.ends())).isFalse();
  }
}
