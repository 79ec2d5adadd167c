package io.tidemark.node.cluster;

import static io.tidemark.node.cluster.Cluster3.DB;
import static io.tidemark.node.cluster.Cluster3.THREE;
import static io.tidemark.node.cluster.Cluster3.TWO;
import static io.tidemark.node.cluster.Cluster3.point;
import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.lease.protocol.ClusterRecord;
import io.tidemark.lease.protocol.CommitMode;
import io.tidemark.lease.protocol.Member;
import io.tidemark.lease.protocol.Role;
import io.tidemark.node.cluster.FakeLeaseStore.Fate;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(120)
class ClusterElectionTest {
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

  private void neverAcquires() {
    bed.never("it acquires", () -> bed.store.owner() != null);
    assertThat(bed.role()).isEqualTo(Role.FOLLOWING);
  }

  // ------------------------------------------------------------------- founding

  @Test
  void aClusterIsFoundedWithPermission() {
    bed.mayFound = true;
    bed.startPrimary();
    ClusterRecord record = bed.store.record();
    assertThat(record.version()).isEqualTo(1);
    assertThat(record.epoch()).isEqualTo(1);
    assertThat(record.members()).containsExactly(new Member(1, 11, bed.memory.token()));
    assertThat(bed.memory.token()).isNotEqualTo(bed.one.token());
    assertThat(bed.data.epoch()).isEqualTo(1);
  }

  @Test
  void withoutPermissionNoClusterIsFounded() {
    ClusterDriver driver = bed.start();
    neverAcquires();
    assertThat(driver.status().reason()).contains("lease.promote: true");
    assertThat(driver.mayCommit()).isFalse();
    assertThat(driver.whyNot()).contains("FOLLOWING");
  }

  @Test
  void whoeverHasSeenARecordDoesNotFoundAnotherCluster() throws Exception {
    bed.mayFound = true;
    bed.memory.saw(3);
    bed.start();
    bed.awaitRole(Role.WAITING_FOR_OPERATOR);
    bed.never("it acquires", () -> bed.store.owner() != null);
  }

  // ----------------------------------------------------------- who may not acquire

  @Test
  void anEmptyNodeDoesNotAcquire() throws Exception {
    bed.mayFound = true;
    bed.store.put(bed.of(7, 5, List.of(TWO, bed.one), Map.of(DB, point(5, 10)), Optional.empty()));
    bed.start();
    neverAcquires();
  }

  @Test
  void aStrangerDoesNotAcquire() throws Exception {
    bed.established(TWO);
    bed.store.put(bed.of(8, 5, List.of(TWO, THREE), Map.of(), Optional.empty()));
    bed.start();
    neverAcquires();
  }

  @Test
  void aNodeWithAnotherTokenDoesNotAcquire() throws Exception {
    bed.established(TWO);
    Member earlier = new Member(1, 11, bed.one.token() + 1);
    bed.store.put(bed.of(8, 5, List.of(TWO, earlier), Map.of(), Optional.empty()));
    bed.start();
    neverAcquires();
  }

  @Test
  void anOutdatedNodeDoesNotAcquire() throws Exception {
    bed.established(TWO);
    bed.store.put(bed.of(8, 5, List.of(TWO, bed.one), Map.of(DB, point(5, 11)), Optional.empty()));
    bed.start();
    neverAcquires();
  }

  @Test
  void aNodeThatCannotServeADatabaseDoesNotAcquire() throws Exception {
    bed.established(TWO);
    bed.data.fault("damaged");
    bed.start();
    neverAcquires();
  }

  @Test
  void aNodeThatIsNoCandidateDoesNotAcquire() throws Exception {
    bed.established(TWO);
    bed.candidate = false;
    bed.start();
    neverAcquires();
  }

  @Test
  void theSuccessorOfAHandoffGoesFirst() throws Exception {
    bed.established(TWO);
    bed.store.put(
        bed.of(
            8,
            5,
            List.of(TWO, bed.one),
            Map.of(),
            Optional.of(new ClusterRecord.Successor(2, 12, 2000))));
    bed.start();
    neverAcquires();
    bed.awaitRole(Role.PRIMARY); // its time is over
  }

  // -------------------------------------------------------------------- taking over

  @Test
  void aNodeFollowsTheOwnerAndTakesOverWhenItIsGone() throws Exception {
    bed.established(TWO);
    bed.store.own(ClusterBed.OTHER);
    ClusterDriver driver = bed.start();
    bed.await("it follows", () -> "http://two".equals(bed.streams.followed()));
    assertThat(driver.status().primary()).isEqualTo(ClusterBed.OTHER);
    bed.never("it may commit", driver::mayCommit);

    bed.store.expire();
    bed.awaitWriters();
    assertThat(bed.store.record().epoch()).isEqualTo(6);
    assertThat(bed.store.record().primary().nonce()).isEqualTo(Cluster3.NONCE);
    assertThat(bed.memoryOnDisk().nonceOf(6)).isEqualTo(Cluster3.NONCE);
    assertThat(bed.memoryOnDisk().recordVersion()).isEqualTo(bed.store.record().version());
    assertThat(driver.status().primary().nodeId()).isEqualTo(bed.store.owner().nodeId());
  }

  @Test
  void itFencesBeforeItReadsTheEndOfItsLogs() throws Exception {
    bed.established(TWO);
    bed.member(TWO);
    bed.startPrimary();
    bed.assertOrder(
        "epoch 6", "announce 6", "hold", "primary 6", "inherit", "settle app.db 10", "let in");
  }

  @Test
  void membersThatMayStillAnswerAreWaitedForBeforeTheEndsAreRead() throws Exception {
    bed.established(TWO);
    bed.answerTime = Duration.ofHours(1);
    bed.start();
    bed.awaitRole(Role.FENCING);
    bed.never("it reads the ends", () -> bed.events.contains("inherit"));
    FakePeer two = new FakePeer(TWO, 6).keepsUpWith(bed.data);
    bed.streams.connected(two);
    bed.awaitRole(Role.PRIMARY);
  }

  @Test
  void aRecordBringsBackAPromiseThatTheDataDirectoryHasForgotten() throws Exception {
    bed.established(TWO);
    bed.store.put(bed.record(12, 9, TWO));
    bed.store.own(ClusterBed.OTHER);
    bed.start();
    bed.await("it follows", () -> bed.streams.followed() != null);
    bed.assertOrder("epoch 9", "follow http://two");
    assertThat(bed.memoryOnDisk().recordVersion()).isEqualTo(12);
    assertThat(bed.memoryOnDisk().nonceOf(9)).isEqualTo(0xBAD);
  }

  @Test
  void aRecordThatChangedWhileItWasReadIsReadAgain() throws Exception {
    bed.established(TWO);
    bed.store.own(ClusterBed.OTHER);
    bed.start();
    bed.await("it follows", () -> bed.streams.followed() != null);
    CountDownLatch readAgain = new CountDownLatch(1);
    bed.store.afterNextRead(
        () -> {
          bed.store.put(bed.record(8, 5, TWO));
          try {
            bed.memory.follows(5, 0xBAD, 8); // the primary's stream is quicker than the answer
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
          bed.store.afterNextRead(readAgain::countDown);
        });
    readAgain.await();
    assertThat(bed.events).doesNotContain("follow null");
  }

  @Test
  void whatWasInheritedIsShownOnlyWhenEveryMemberHasIt() throws Exception {
    bed.established(TWO);
    bed.data.append(DB, 5, 12); // two transactions of which nobody knows
    FakePeer two = bed.member(TWO);
    two.stall();
    bed.slowTime = bed.awayTime = Duration.ofHours(1);
    ClusterDriver driver = bed.start();
    bed.awaitRole(Role.SETTLING);
    bed.never(
        "something is shown or served",
        () ->
            bed.data.committed(DB) > 10
                || driver.mayCommit()
                || bed.events.stream().anyMatch(event -> event.startsWith("settle")));
    assertThat(bed.data.isHolding()).isTrue();
    assertThat(driver.status().reason()).contains("0000000000000002");

    two.acknowledges(DB, 12);
    bed.awaitWriters();
    assertThat(bed.data.committed(DB)).isEqualTo(12);
    bed.assertOrder("inherit", "settle app.db 12", "settled app.db", "let in");
  }

  @Test
  void aMemberThatDoesNotComeIsRemovedBeforeWhatWasInheritedIsShown() throws Exception {
    bed.established(TWO);
    bed.data.append(DB, 5, 12);
    bed.startPrimary();
    assertThat(bed.store.record().members()).containsExactly(bed.one);
    assertThat(bed.data.committed(DB)).isEqualTo(12);
    bed.assertOrder("inherit", "record 9", "settle app.db 12");
  }

  @Test
  void withAsyncTheLongerLogOfAMemberIsFetchedFirst() throws Exception {
    bed.mode = CommitMode.ASYNC;
    bed.established(TWO);
    FakePeer two = new FakePeer(TWO, 6).ends(Map.of(DB, point(5, 14)));
    bed.streams.comes(two);
    bed.streams.onFetch = url -> bed.data.append(DB, 5, 14);
    bed.start();
    bed.awaitRole(Role.PRIMARY);
    bed.assertOrder("announce 6", "fetch http://node2", "inherit");
    assertThat(bed.data.ends().get(DB)).isEqualTo(point(5, 14));
  }

  @Test
  void whatAMemberKnewBeforeItFollowedThisEpochEndsNothing() throws Exception {
    bed.established(TWO);
    bed.member(TWO).knows(40);
    bed.answerTime = Duration.ofHours(1);
    bed.start();
    // It answers in this epoch, so what it knew before proves nothing against it.
    bed.awaitRole(Role.PRIMARY);
  }

  @Test
  void aDiskThatRefusesForAMomentDoesNotStopTheElection() throws Exception {
    bed.established();
    bed.handoffTime = Duration.ofHours(1);
    Path inTheWay = dir.resolve("cluster.new");
    Files.createDirectory(inTheWay);
    ClusterDriver driver = bed.start();
    bed.await("it has the lease", () -> bed.store.owner() != null);
    bed.never("it may commit", driver::mayCommit);
    assertThat(bed.events).doesNotContain("epoch 6", "announce 6");
    Files.delete(inTheWay);
    bed.awaitWriters();
    assertThat(bed.memoryOnDisk().recordVersion()).isEqualTo(8);
  }

  // --------------------------------------------------------------- a lost answer

  @Test
  void anAcquisitionWhoseLostAnswerWasYesCounts() throws Exception {
    bed.established();
    bed.store.next(Fate.ANSWER_LOST);
    bed.startPrimary();
    assertThat(bed.store.record().epoch()).isEqualTo(6);
    assertThat(bed.store.record().version()).isEqualTo(8);
  }

  @Test
  void anAcquisitionThatNeverArrivedIsTriedAgain() throws Exception {
    bed.established();
    bed.store.next(Fate.REQUEST_LOST, Fate.LATE, Fate.NOT_SENT);
    bed.startPrimary();
    assertThat(bed.store.record().version()).isEqualTo(8);
    bed.store.deliverLate();
    assertThat(bed.store.record().version()).isEqualTo(8);
  }

  @Test
  void asLongAsTheAcquisitionIsUncertainNothingIsServed() throws Exception {
    bed.established();
    bed.store.next(Fate.ANSWER_LOST);
    bed.store.afterNextRead(() -> bed.store.reachable(false));
    ClusterDriver driver = bed.start();
    bed.awaitRole(Role.ACQUIRING);
    bed.never("it may commit", driver::mayCommit);
    assertThat(driver.status().storeProblem()).contains("does not answer");
    bed.store.reachable(true);
    bed.awaitWriters();
  }

  // ---------------------------------------------------------------- the operator

  @Test
  void anOlderRecordNeedsTheOperatorAndItGoesOnWhenTheRecordIsBack() throws Exception {
    bed.established(TWO);
    bed.store.own(ClusterBed.OTHER);
    ClusterRecord good = bed.store.record();
    ClusterDriver driver = bed.start();
    bed.await("it follows", () -> bed.streams.followed() != null);
    bed.store.put(bed.record(6, 5, TWO));
    bed.awaitRole(Role.WAITING_FOR_OPERATOR);
    bed.await("it follows nobody", () -> bed.streams.followed() == null);
    bed.await("it names nobody", () -> driver.status().primary() == null);
    bed.store.expire();
    bed.never("it acquires", () -> bed.store.owner() != null);
    assertThat(driver.status().reason()).contains("restored");

    bed.store.put(good);
    bed.awaitWriters();
  }

  @Test
  void aRecordThatIsGoneNeedsTheOperator() throws Exception {
    bed.established(TWO);
    bed.mayFound = true;
    bed.store.own(ClusterBed.OTHER);
    bed.start();
    bed.await("it follows", () -> bed.streams.followed() != null);
    String good = bed.store.text();
    bed.store.putText(null);
    bed.store.expire();
    bed.awaitRole(Role.WAITING_FOR_OPERATOR);
    bed.never("it acquires", () -> bed.store.owner() != null);

    bed.store.putText(good);
    bed.awaitWriters();
  }

  @Test
  void aRecordThatCannotBeReadNeedsTheOperator() throws Exception {
    bed.established(TWO);
    String good = bed.store.text();
    bed.store.putText("{\"format\":2}");
    ClusterDriver driver = bed.start();
    bed.awaitRole(Role.WAITING_FOR_OPERATOR);
    bed.never("it acquires", () -> bed.store.owner() != null);
    assertThat(driver.status().reason()).contains("cannot be read");
    bed.store.putText(good);
    bed.awaitWriters();
  }

  // ---------------------------------------------------------------- the deadline

  @Test
  void aNodeWhoseDiskRefusesGivesTheLeaseUpAndLetsOthersGoFirst() throws Exception {
    bed.established();
    bed.data.diskRefuses(true);
    ClusterDriver driver = bed.start();
    bed.await("it has the lease", () -> bed.store.owner() != null);
    bed.await("it gives it up", () -> bed.store.owner() == null);
    bed.awaitRole(Role.FOLLOWING);
    bed.data.diskRefuses(false);
    bed.never("it takes it again at once", () -> bed.store.owner() != null);
    assertThat(driver.status().reason()).contains("lets others go first");
    bed.clock.advance(Duration.ofSeconds(11));
    bed.awaitWriters();
  }

  @Test
  void aLeaseWhoseDeadlineHasPassedIsGivenUpAndTheNextElectionDecides() throws Exception {
    bed.established();
    ClusterDriver driver = bed.startPrimary();
    bed.store.reachable(false);
    bed.clock.advance(FakeLeaseStore.TTL);
    assertThat(driver.mayCommit()).isFalse(); // at once, whatever the threads do
    bed.awaitRole(Role.DEADLINE_PASSED);
    assertThat(bed.data.isPrimary()).isFalse();
    bed.never("it may commit", driver::mayCommit);
    assertThat(driver.status().primary()).isNull();
    bed.assertOrder("replica", "withdraw");

    long epoch = bed.store.record().epoch();
    bed.store.reachable(true); // the store has kept the lease, but it is not used again
    bed.awaitWriters();
    assertThat(bed.store.record().epoch()).isGreaterThan(epoch);
    bed.assertOrder("replica", "epoch " + bed.store.record().epoch());
  }

  @Test
  void aLeaseThatSomebodyElseHasMakesThisNodeAFollower() throws Exception {
    bed.established(TWO);
    ClusterDriver driver = bed.startPrimary();
    bed.store.own(ClusterBed.OTHER);
    bed.store.put(bed.record(20, 9, TWO));
    bed.clock.advance(FakeLeaseStore.TTL);
    assertThat(driver.mayCommit()).isFalse();
    bed.await("it follows", () -> "http://two".equals(bed.streams.followed()));
    assertThat(bed.role()).isEqualTo(Role.FOLLOWING);
    assertThat(bed.data.epoch()).isEqualTo(9);
    assertThat(bed.data.isHolding()).isFalse();
  }
}
