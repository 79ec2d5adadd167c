package io.tidemark.node.cluster;

import static io.tidemark.node.cluster.Cluster3.DB;
import static io.tidemark.node.cluster.Cluster3.THREE;
import static io.tidemark.node.cluster.Cluster3.TWO;
import static io.tidemark.node.cluster.Cluster3.point;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidemark.lease.LeaseStoreException;
import io.tidemark.lease.protocol.Member;
import io.tidemark.lease.protocol.Role;
import io.tidemark.node.cluster.FakeLeaseStore.Fate;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A primary: changes of the in-sync set, obstacles, and transactions in doubt. */
@Timeout(120)
class ClusterSetTest {
  private static final Duration LONG = Duration.ofHours(1);

  @TempDir Path dir;
  private ClusterBed bed;

  @BeforeEach
  void open() throws Exception {
    bed = new ClusterBed(dir);
  }

  @AfterEach
  void close() {
    bed.close();
  }

  private boolean isMember(Member member) {
    return bed.store.record().members().contains(member);
  }

  /** The next change is on its way, and the store does not answer. */
  private void loseTheNextChange(Fate fate) {
    bed.store.next(fate);
    bed.store.beforeChange = record -> bed.store.reachable(false);
  }

  private void storeAnswers() {
    bed.store.beforeChange = record -> {};
    bed.store.reachable(true);
  }

  /** A node that is connected and may become a member. */
  private FakePeer applicant() {
    FakePeer two = new FakePeer(TWO, bed.data.epoch()).ends(bed.data.ends()).opened();
    bed.streams.connected(two);
    return two;
  }

  // -------------------------------------------------------------------- changes

  @Test
  void aMemberThatIsRemovedIsWaitedForUntilTheRecordSaysSo() throws Exception {
    bed.established(TWO, THREE);
    bed.member(TWO);
    FakePeer three = bed.member(THREE);
    bed.startPrimary();
    bed.write(11);
    bed.await("11 is committed", () -> bed.data.committed(DB) == 11);

    loseTheNextChange(Fate.LATE);
    bed.streams.goes(three);
    bed.write(12);
    bed.await("the change is sent", this::isUnreachable);
    bed.never("12 is committed", () -> bed.data.committed(DB) > 11);

    bed.store.deliverLate();
    storeAnswers();
    bed.await("12 is committed", () -> bed.data.committed(DB) == 12);
    assertThat(isMember(THREE)).isFalse();
    assertThat(isMember(TWO)).isTrue();
  }

  private boolean isUnreachable() {
    try {
      bed.store.read();
      return false;
    } catch (LeaseStoreException e) {
      return true;
    }
  }

  @Test
  void aNodeWhoseAdditionIsUncertainIsWaitedForAsTheOtherMembersAre() throws Exception {
    bed.established();
    bed.slowTime = LONG;
    bed.startPrimary();
    loseTheNextChange(Fate.LATE);
    applicant().acknowledges(DB, 10).asks(TWO);
    bed.await("the change is sent", this::isUnreachable);
    bed.write(11);
    bed.never("11 is committed", () -> bed.data.committed(DB) > 10);
    assertThat(isMember(TWO)).isFalse();

    bed.streams.connected(); // it does not come back, so it is not proposed again
    storeAnswers();
    bed.await("11 is committed", () -> bed.data.committed(DB) == 11);
    assertThat(isMember(TWO)).isFalse();
    bed.store.deliverLate();
    assertThat(isMember(TWO)).isFalse();
  }

  @Test
  void aNodeIsWaitedForBeforeTheRecordNamesIt() throws Exception {
    bed.established();
    AtomicLong committedThen = new AtomicLong(-1);
    bed.startPrimary();
    bed.store.beforeChange =
        record -> {
          if (record.members().contains(TWO)) {
            bed.write(11); // alone this node would commit it
            committedThen.compareAndSet(-1, bed.data.committed(DB));
          }
        };
    FakePeer two = applicant().acknowledges(DB, 10).asks(TWO);
    bed.await("it is a member", () -> isMember(TWO));
    assertThat(committedThen).hasValue(10);
    two.acknowledges(DB, 11);
    bed.write(11);
    bed.await("11 is committed", () -> bed.data.committed(DB) == 11);
  }

  @Test
  void aNodeThatStopsAcknowledgingWhileItIsAddedIsLeftOutAgain() throws Exception {
    bed.established();
    bed.startPrimary();
    FakePeer two = applicant().acknowledges(DB, 9).asks(TWO);
    bed.never("it is a member", () -> isMember(TWO)); // it has to come to 10
    bed.write(11);
    bed.await("11 is committed", () -> bed.data.committed(DB) == 11);
    two.acknowledges(DB, 10);
    bed.write(11);
    long version = bed.store.record().version();
    bed.await(
        "commits wait for it",
        () -> {
          bed.write(bed.data.ends().get(DB).txid() + 1);
          return bed.data.committed(DB) < bed.data.ends().get(DB).txid();
        });
    bed.await("commits go on", () -> bed.data.committed(DB) == bed.data.ends().get(DB).txid());
    assertThat(bed.store.record().version()).isEqualTo(version);
    two.keepsUpWith(bed.data);
    bed.await("it is a member", () -> isMember(TWO));
  }

  @Test
  void aMemberThatLostDataLeavesTheRecordBeforeItIsSentAnything() throws Exception {
    bed.established(TWO);
    bed.member(TWO);
    bed.startPrimary();
    FakePeer lost = new FakePeer(TWO, 6).ends(Map.of(DB, point(5, 4)));
    AtomicLong openedEarly = new AtomicLong();
    bed.store.beforeChange = record -> openedEarly.addAndGet(lost.isOpen() ? 1 : 0);
    bed.streams.connected(lost);
    bed.await("it is let in", lost::isOpen);
    assertThat(isMember(TWO)).isFalse();
    assertThat(openedEarly).hasValue(0);
  }

  @Test
  void whoCannotBeTakenOutOfTheSetIsNotLetIn() throws Exception {
    bed.minInSync = 2;
    bed.established(TWO);
    bed.member(TWO);
    bed.startPrimary();
    FakePeer lost = new FakePeer(TWO, 6).ends(Map.of(DB, point(5, 4)));
    bed.streams.connected(lost);
    bed.never("it is let in", lost::isOpen);
    assertThat(isMember(TWO)).isTrue();
    assertThat(bed.data.isHolding()).isTrue();
  }

  @Test
  void aChangeThatShowsThatTheLeaseIsGoneEndsThePrimary() throws Exception {
    bed.established(TWO);
    FakePeer two = bed.member(TWO);
    ClusterDriver driver = bed.startPrimary();
    bed.store.own(ClusterBed.OTHER);
    bed.store.put(bed.record(20, 9, TWO));
    bed.streams.goes(two);
    bed.await("it follows", () -> "http://two".equals(bed.streams.followed()));
    assertThat(driver.mayCommit()).isFalse();
    assertThat(bed.data.isPrimary()).isFalse();
    bed.write(11);
    assertThat(bed.data.committed(DB)).isEqualTo(10);
  }

  // ------------------------------------------------------------------- obstacles

  @Test
  void writersWaitAsLongAsAnObstacleLasts() throws Exception {
    bed.awayTime = LONG;
    bed.established(TWO);
    bed.answerTime = Duration.ofSeconds(10);
    FakePeer two = bed.member(TWO);
    ClusterDriver driver = bed.startPrimary();
    bed.streams.goes(two);
    bed.await("writers wait", bed.data::isHolding);
    assertThat(bed.role()).isEqualTo(Role.PRIMARY);
    assertThatThrownBy(() -> bed.data.gate().check()).hasMessageContaining("not connected");
    assertThat(driver.status().reason()).contains("writers wait").contains("not connected");
    bed.never("writers go on", () -> !bed.data.isHolding());

    two.connects(6);
    bed.streams.connected(two);
    bed.awaitWriters();
    bed.data.gate().check();
  }

  @Test
  void withTooFewInSyncWritersWait() throws Exception {
    bed.minInSync = 2;
    bed.mayFound = true;
    ClusterDriver driver = bed.start();
    bed.await("the obstacle", () -> driver.status().reason().contains("min-in-sync is 2"));
    bed.never("writers go on", () -> !bed.data.isHolding());
    applicant().asks(TWO);
    bed.awaitWriters();
    assertThat(isMember(TWO)).isTrue();
  }

  // ---------------------------------------------------------------------- doubts

  /** Transaction 11 is in doubt: node 2 has acknowledged ten, and is not removed. */
  private FakePeer inDoubt() throws Exception {
    bed.slowTime = bed.awayTime = LONG;
    bed.established(TWO);
    FakePeer two = bed.member(TWO);
    bed.startPrimary();
    two.stall();
    bed.write(11);
    return two;
  }

  @Test
  void whatIsInDoubtIsCutOffInANewEpochAndAbortedWhenEveryMemberFollowsIt() throws Exception {
    FakePeer two = inDoubt();
    ClusterDriver driver = bed.driver();
    two.ends(Map.of(DB, point(6, 11))); // it may have had it
    bed.data.doubt(DB);
    driver.wake();
    bed.await("it is cut off", () -> bed.events.contains("cut app.db 10"));
    bed.assertOrder("primary 7", "announce 7", "cut app.db 10");
    assertThat(bed.store.record().epoch()).isEqualTo(7);
    bed.awaitWriters();
    assertThat(driver.status().aborting()).containsOnlyKeys(DB);
    bed.never("it is aborted", () -> driver.status().aborting().isEmpty());

    two.acknowledges(DB, 10);
    bed.await("it is aborted", () -> driver.status().aborting().isEmpty());
    assertThat(bed.data.ends().get(DB)).isEqualTo(point(5, 10));
    assertThat(bed.memoryOnDisk().nonceOf(7)).isEqualTo(Cluster3.NONCE);
    two.acknowledges(DB, 11);
    bed.write(11);
    bed.await("the next one is committed", () -> bed.data.committed(DB) == 11);
  }

  @Test
  void whatIsCommittedAfterAllIsShownAndNotCutOff() throws Exception {
    FakePeer two = inDoubt();
    ClusterDriver driver = bed.driver();
    two.acknowledges(DB, 11);
    bed.data.doubt(DB);
    driver.wake();
    bed.await("it is shown", () -> bed.data.committed(DB) == 11);
    bed.assertOrder("let in", "settle app.db 11");
    assertThat(bed.store.record().epoch()).isEqualTo(6);
    assertThat(bed.events).noneMatch(event -> event.startsWith("cut"));
  }

  @Test
  void aNewEpochThatTheDiskRefusedAtFirstIsAnnouncedAndCutsAllTheSame() throws Exception {
    bed.handoffTime = LONG;
    FakePeer two = inDoubt();
    ClusterDriver driver = bed.driver();
    bed.data.diskRefuses(true);
    bed.data.doubt(DB);
    driver.wake();
    bed.await("the epoch is in the record", () -> bed.store.record().epoch() == 7);
    bed.never("it is announced", () -> bed.events.contains("announce 7"));
    bed.data.diskRefuses(false);
    bed.await("it is cut off", () -> bed.events.contains("cut app.db 10"));
    bed.assertOrder("primary 7", "announce 7", "cut app.db 10");
    two.acknowledges(DB, 10);
    bed.awaitWriters();
    bed.await("it is aborted", () -> driver.status().aborting().isEmpty());
  }

  @Test
  void aNewEpochWhoseLostAnswerWasYesEndsTheDoubtToo() throws Exception {
    FakePeer two = inDoubt();
    ClusterDriver driver = bed.driver();
    loseTheNextChange(Fate.ANSWER_LOST);
    bed.data.doubt(DB);
    driver.wake();
    bed.await("the change is sent", this::isUnreachable);
    bed.never("it is cut off", () -> bed.events.contains("cut app.db 10"));
    storeAnswers();
    bed.await("it is cut off", () -> bed.events.contains("cut app.db 10"));
    long epoch = bed.store.record().epoch();
    bed.assertOrder("announce " + epoch, "cut app.db 10");
    assertThat(bed.data.epoch()).isEqualTo(epoch);
    two.acknowledges(DB, 10);
    bed.awaitWriters();
    bed.await("it is aborted", () -> driver.status().aborting().isEmpty());
  }

  @Test
  void aNewEpochThatNeverArrivedIsTakenAgain() throws Exception {
    inDoubt();
    bed.store.next(Fate.REQUEST_LOST);
    bed.data.doubt(DB);
    bed.await("it is cut off", () -> bed.events.contains("cut app.db 10"));
    assertThat(bed.store.record().epoch()).isEqualTo(7);
    bed.assertOrder("announce 7", "cut app.db 10");
  }
}
