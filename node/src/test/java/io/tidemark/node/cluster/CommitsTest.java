package io.tidemark.node.cluster;

import static io.tidemark.node.cluster.Cluster3.DB;
import static io.tidemark.node.cluster.Cluster3.ONE;
import static io.tidemark.node.cluster.Cluster3.THREE;
import static io.tidemark.node.cluster.Cluster3.TWO;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidemark.database.Database;
import io.tidemark.database.RefusedException;
import io.tidemark.database.Store;
import io.tidemark.database.StoreOptions;
import io.tidemark.lease.LeaseKeeper;
import io.tidemark.lease.Owner;
import io.tidemark.lease.protocol.ClusterRecord;
import io.tidemark.lease.protocol.CommitMode;
import io.tidemark.lease.protocol.CommitRule;
import io.tidemark.lease.protocol.Member;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CommitsTest {
  private final ShiftedClock clock = new ShiftedClock();
  private final FakeLeaseStore store = new FakeLeaseStore(clock);
  private final List<String> events = new ArrayList<>();
  private final FakeData data = new FakeData(events, 1, 11).follows(Cluster3.CLUSTER, 5);
  private final FakeStreams streams = new FakeStreams(events);
  private final FakePeer two = new FakePeer(TWO, 5).opened();
  private final FakePeer three = new FakePeer(THREE, 5).opened();
  private Tenancy tenancy;

  @TempDir Path dir;

  @AfterEach
  void close() {
    if (tenancy != null) {
      tenancy.close();
    }
  }

  /** An epoch in which nothing was inherited; the log has ten transactions. */
  private Commits commits(ClusterRecord record) {
    Commits commits = new Commits(data, streams, record.mode(), Duration.ofMillis(300));
    begin(commits, record, Map.of());
    data.append(DB, 5, 10);
    streams.connected(two, three);
    return commits;
  }

  private void begin(Commits commits, ClusterRecord record, Map<String, Long> inherited) {
    store.put(record);
    store.own(new Owner("0000000000000001", "000000000000abcd", Cluster3.URL));
    LeaseKeeper keeper = new LeaseKeeper(store.lease(), clock, why -> {});
    tenancy =
        new Tenancy(
            store, store.owner(), store.lease(), keeper, record.mode(), record, store.revision());
    commits.begin(tenancy, new CommitRule(record, null), inherited);
  }

  private static ClusterRecord sync(int minInSync, Member... members) {
    return Cluster3.record(CommitMode.SYNC, minInSync, members);
  }

  private long committedAfterAck(Commits commits) {
    commits.acknowledged(DB);
    return data.committed(DB);
  }

  @Test
  void aTransactionIsCommittedWhenThePrimaryAndEveryMemberHaveIt() {
    Commits commits = commits(sync(1, ONE, TWO, THREE));
    two.acknowledges(DB, 10);
    assertThat(committedAfterAck(commits)).isZero();
    three.acknowledges(DB, 7);
    assertThat(committedAfterAck(commits)).isEqualTo(7);
    three.acknowledges(DB, 10);
    assertThat(committedAfterAck(commits)).isEqualTo(10);
  }

  @Test
  void whatIsNotOnThePrimarysOwnDiskIsNotCommitted() {
    Commits commits = commits(sync(1, ONE, TWO));
    data.durable(DB, 4);
    two.acknowledges(DB, 10);
    assertThat(committedAfterAck(commits)).isEqualTo(4);
  }

  @Test
  void acknowledgementsOfAnotherAdmissionOrDataDirectoryDoNotCount() {
    Commits commits = commits(sync(1, ONE, TWO));
    for (Member stranger : List.of(new Member(2, 99, 22), new Member(2, 12, 99))) {
      streams.connected(new FakePeer(stranger, 5).opened().acknowledges(DB, 10));
      assertThat(committedAfterAck(commits)).isZero();
    }
  }

  @Test
  void acknowledgementsOfAnEarlierEpochDoNotCount() {
    Commits commits = commits(sync(1, ONE, TWO));
    streams.connected(new FakePeer(TWO, 4).opened().acknowledges(DB, 10));
    assertThat(committedAfterAck(commits)).isZero();
  }

  @Test
  void tooFewMembersCommitNothing() {
    Commits commits = commits(sync(3, ONE, TWO));
    two.acknowledges(DB, 10);
    assertThat(committedAfterAck(commits)).isZero();
  }

  @Test
  void aPrimaryThatIsAloneAndMayBeCommitsByItself() {
    assertThat(committedAfterAck(commits(sync(1, ONE)))).isEqualTo(10);
  }

  @Test
  void whileAChangeIsUncertainBothSetsAreWaitedFor() {
    ClusterRecord record = sync(1, ONE, TWO);
    Commits commits = commits(record);
    commits.rule(new CommitRule(record, List.of(ONE, THREE)));
    two.acknowledges(DB, 10);
    assertThat(committedAfterAck(commits)).isZero();
    three.acknowledges(DB, 6);
    assertThat(committedAfterAck(commits)).isEqualTo(6);
    two.acknowledges(DB, 3);
    three.acknowledges(DB, 10);
    assertThat(committedAfterAck(commits)).isEqualTo(6);
  }

  @Test
  void bothSetsNeedEnoughMembersWhileAChangeIsUncertain() {
    ClusterRecord record = sync(2, ONE, TWO);
    Commits commits = commits(record);
    commits.rule(new CommitRule(record, List.of(ONE)));
    two.acknowledges(DB, 10);
    assertThat(committedAfterAck(commits)).isZero();
  }

  @Test
  void nothingIsCommittedByARuleThatWasReplaced() throws Exception {
    ClusterRecord record = sync(1, ONE, TWO);
    Commits commits = commits(record);
    Thread acknowledging =
        new Thread(
            () -> {
              for (long txid = 1; txid <= 20_000 && !Thread.interrupted(); txid++) {
                data.append(DB, 5, txid);
                two.acknowledges(DB, txid);
                commits.acknowledged(DB);
              }
            });
    acknowledging.start();
    try {
      for (int i = 0; i < 200; i++) {
        commits.rule(new CommitRule(record, List.of(ONE, TWO, THREE)));
        long before = data.committed(DB);
        Thread.sleep(0, 200_000);
        assertThat(data.committed(DB)).isEqualTo(before);
        commits.rule(new CommitRule(record, null));
      }
    } finally {
      acknowledging.interrupt();
      acknowledging.join();
    }
    assertThat(data.committed(DB)).isPositive();
  }

  @Test
  void aRuleThatAsksForLessCommitsAtOnce() {
    Commits commits = commits(sync(1, ONE, TWO, THREE));
    two.acknowledges(DB, 10);
    assertThat(committedAfterAck(commits)).isZero();
    commits.rule(new CommitRule(sync(1, ONE, TWO), null));
    assertThat(data.committed(DB)).isEqualTo(10);
  }

  @Test
  void nothingIsCommittedBeforeWhatWasInheritedIsSettled() {
    ClusterRecord record = sync(1, ONE, TWO);
    Commits commits = commits(record);
    commits.begin(tenancy, new CommitRule(record, null), Map.of(DB, 8L));
    two.acknowledges(DB, 10);
    assertThat(committedAfterAck(commits)).isZero();
    assertThat(commits.tail(DB).isSettled()).isTrue(); // known, but not yet shown
    assertThat(commits.unsettled()).containsExactly(Map.entry(DB, 8L));

    commits.settled(DB);
    assertThat(commits.unsettled()).isEmpty();
    assertThat(committedAfterAck(commits)).isEqualTo(10);
  }

  @Test
  void whatWasInheritedIsKnownToBeCommittedOnlyWithEveryMember() {
    ClusterRecord record = sync(1, ONE, TWO, THREE);
    Commits commits = commits(record);
    commits.begin(tenancy, new CommitRule(record, null), Map.of(DB, 8L));
    two.acknowledges(DB, 8);
    three.acknowledges(DB, 7);
    assertThat(commits.tail(DB).isSettled()).isFalse();
    three.acknowledges(DB, 8);
    assertThat(commits.tail(DB).isSettled()).isTrue();
  }

  @Test
  void noCommitPositionIsAnnouncedBeforeADatabaseIsSettled() throws Exception {
    try (Store real = Store.open(StoreOptions.defaults(dir))) {
      Database database = real.getOrCreate(DB);
      ClusterRecord record = sync(1, ONE, TWO);
      Commits commits = new Commits(data, streams, CommitMode.SYNC, Duration.ofSeconds(1));
      assertThat(commits.announced(database)).isEqualTo(-1);
      begin(commits, record, Map.of(DB, 8L));
      assertThat(commits.announced(database)).isEqualTo(-1);
      commits.settled(DB);
      assertThat(commits.announced(database)).isEqualTo(database.commitTxid());
      commits.end();
      assertThat(commits.announced(database)).isEqualTo(-1);
    }
  }

  @Test
  void withAsyncTheLogAloneDecides() throws Exception {
    Commits commits = commits(Cluster3.record(CommitMode.ASYNC, 1, ONE, TWO, THREE));
    assertThat(commits.waits()).isFalse();
    commits.obstacle("nobody is here");
    assertThatCode(commits::check).doesNotThrowAnyException();
    commits.begin(tenancy, commits.rule(), Map.of(DB, 8L));
    assertThat(commits.tail(DB).isSettled()).isTrue();
  }

  @Test
  void withSyncAnObstacleRefusesBeforeTheAppend() throws Exception {
    Commits commits = commits(sync(1, ONE, TWO));
    assertThat(commits.waits()).isTrue();
    assertThat(commits.ackTimeout()).isEqualTo(Duration.ofMillis(300));
    assertThatThrownBy(commits::check).hasMessageContaining("not settled");
    commits.obstacle("the member is away");
    assertThatThrownBy(commits::check)
        .isInstanceOf(RefusedException.class)
        .hasMessageContaining("the member is away");
    commits.obstacle(null);
    assertThatCode(commits::check).doesNotThrowAnyException();
  }

  @Test
  void anEpochIsHeldOnlyWhileItLastsAndTheLeaseIsHeld() {
    Commits commits = commits(sync(1, ONE, TWO));
    assertThat(commits.holds(5)).isTrue();
    assertThat(commits.holds(4)).isFalse();
    assertThat(commits.holds(6)).isFalse();
    clock.advance(FakeLeaseStore.TTL);
    assertThat(commits.holds(5)).isFalse();
  }

  @Test
  void anEpochThatHasEndedIsNotHeldAndCommitsNothing() {
    Commits commits = commits(sync(1, ONE, TWO));
    commits.end();
    two.acknowledges(DB, 10);
    assertThat(committedAfterAck(commits)).isZero();
    assertThat(commits.holds(5)).isFalse();
    assertThat(commits.unsettled()).isEmpty();
  }

  @Test
  void aTenancyThatWasClosedHoldsNoEpoch() {
    Commits commits = commits(sync(1, ONE, TWO));
    tenancy.close();
    assertThat(commits.holds(5)).isFalse();
  }
}
