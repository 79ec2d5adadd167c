package io.tidemark.node.cluster;

import static io.tidemark.node.cluster.Cluster3.ONE;
import static io.tidemark.node.cluster.Cluster3.THREE;
import static io.tidemark.node.cluster.Cluster3.TWO;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidemark.lease.LeaseKeeper;
import io.tidemark.lease.LeaseStoreException;
import io.tidemark.lease.Owner;
import io.tidemark.lease.protocol.ClusterRecord;
import io.tidemark.lease.protocol.CommitMode;
import io.tidemark.lease.protocol.NextRecord;
import io.tidemark.node.cluster.FakeLeaseStore.Fate;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class TenancyTest {
  private static final ClusterRecord BEFORE = Cluster3.record(CommitMode.SYNC, 1, ONE, TWO, THREE);
  private static final ClusterRecord WITHOUT_THREE =
      NextRecord.withMembers(BEFORE, List.of(ONE, TWO), Map.of());
  private static final ClusterRecord HANDED_OVER =
      NextRecord.handedOver(BEFORE, new ClusterRecord.Successor(2, 12, 5000), Map.of());

  private final ShiftedClock clock = new ShiftedClock();
  private final FakeLeaseStore store = new FakeLeaseStore(clock);
  private final Owner self = new Owner("0000000000000001", "000000000000abcd", Cluster3.URL);
  private Tenancy tenancy;

  @BeforeEach
  void own() {
    store.put(BEFORE);
    store.own(self);
    tenancy =
        new Tenancy(
            store,
            self,
            store.lease(),
            new LeaseKeeper(store.lease(), clock, why -> {}),
            CommitMode.SYNC,
            BEFORE,
            store.revision());
  }

  @AfterEach
  void close() {
    tenancy.close();
  }

  private void assertSettled(ClusterRecord expected) {
    assertThat(tenancy.isUncertain()).isFalse();
    assertThat(tenancy.record()).isEqualTo(expected);
  }

  private static ClusterRecord refreshed() {
    return NextRecord.refreshed(BEFORE, Map.of());
  }

  @Test
  void aChangeThatIsCarriedOutIsDone() throws Exception {
    assertThat(tenancy.change(WITHOUT_THREE)).isEqualTo(Tenancy.Result.DONE);
    assertSettled(WITHOUT_THREE);
    ClusterRecord next = NextRecord.withMembers(WITHOUT_THREE, List.of(ONE), Map.of());
    assertThat(tenancy.change(next)).isEqualTo(Tenancy.Result.DONE);
    assertThat(store.record()).isEqualTo(next);
  }

  @Test
  void aChangeAfterTheOwnershipHasEndedIsLost() throws Exception {
    store.expire();
    assertThat(tenancy.change(WITHOUT_THREE)).isEqualTo(Tenancy.Result.LOST);
    assertSettled(BEFORE);
    assertThat(store.record()).isEqualTo(BEFORE);
  }

  @Test
  void aChangeWhoseLostAnswerWasYesIsDone() throws Exception {
    store.next(Fate.ANSWER_LOST);
    long changes = store.changes();
    assertThat(tenancy.change(WITHOUT_THREE)).isEqualTo(Tenancy.Result.DONE);
    assertSettled(WITHOUT_THREE);
    assertThat(store.changes()).isEqualTo(changes + 1);
  }

  @Test
  void aChangeThatNeverArrivedIsVoid() throws Exception {
    store.next(Fate.REQUEST_LOST);
    assertThat(tenancy.change(WITHOUT_THREE)).isEqualTo(Tenancy.Result.VOID);
    assertSettled(refreshed());
    assertThat(store.record()).isEqualTo(refreshed());
  }

  @Test
  void aChangeThatArrivesAfterItWasSettledDoesNothing() throws Exception {
    store.next(Fate.LATE);
    assertThat(tenancy.change(WITHOUT_THREE)).isEqualTo(Tenancy.Result.VOID);
    store.deliverLate();
    assertSettled(refreshed());
    assertThat(store.record()).isEqualTo(refreshed());
  }

  @Test
  void aChangeThatArrivesAfterTheReadIsDone() throws Exception {
    store.next(Fate.LATE);
    store.afterNextRead(store::deliverLate);
    assertThat(tenancy.change(WITHOUT_THREE)).isEqualTo(Tenancy.Result.DONE);
    assertSettled(WITHOUT_THREE);
    assertThat(store.record()).isEqualTo(WITHOUT_THREE);
  }

  @Test
  void theChangeThatSettlesMayLoseItsAnswerToo() throws Exception {
    store.next(Fate.REQUEST_LOST, Fate.ANSWER_LOST);
    assertThat(tenancy.change(WITHOUT_THREE)).isEqualTo(Tenancy.Result.VOID);
    assertSettled(refreshed());
    assertThat(tenancy.change(NextRecord.withMembers(refreshed(), List.of(ONE), Map.of())))
        .isEqualTo(Tenancy.Result.DONE);
  }

  @Test
  void aStoreThatNeverAnswersLeavesTheChangeUncertain() throws Exception {
    store.next(Fate.LATE, Fate.LATE, Fate.LATE, Fate.LATE, Fate.LATE, Fate.LATE);
    assertThatThrownBy(() -> tenancy.change(WITHOUT_THREE)).isInstanceOf(LeaseStoreException.class);
    assertThat(tenancy.isUncertain()).isTrue();
    assertThat(tenancy.record()).isEqualTo(BEFORE);

    store.deliverLate(); // the first of them wins
    assertThat(tenancy.resolve()).isEqualTo(Tenancy.Result.DONE);
    assertSettled(WITHOUT_THREE);
  }

  @Test
  void anUnreachableStoreKeepsTheChangeUncertainUntilItIsBack() throws Exception {
    store.next(Fate.REQUEST_LOST);
    store.reachable(false);
    assertThatThrownBy(() -> tenancy.change(WITHOUT_THREE)).isInstanceOf(LeaseStoreException.class);
    assertThat(tenancy.isUncertain()).isTrue();
    assertThatThrownBy(() -> tenancy.resolve()).isInstanceOf(LeaseStoreException.class);
    assertThat(tenancy.isUncertain()).isTrue();
    assertThat(tenancy.record()).isEqualTo(BEFORE);

    store.reachable(true);
    assertThat(tenancy.resolve()).isEqualTo(Tenancy.Result.VOID);
    assertSettled(refreshed());
  }

  @Test
  void aChangeThatWasDoneWhileTheStoreWasUnreachableIsDone() throws Exception {
    store.next(Fate.ANSWER_LOST);
    store.reachable(false);
    assertThatThrownBy(() -> tenancy.change(WITHOUT_THREE)).isInstanceOf(LeaseStoreException.class);
    store.reachable(true);
    assertThat(tenancy.resolve()).isEqualTo(Tenancy.Result.DONE);
    assertSettled(WITHOUT_THREE);
  }

  @Test
  void aChangeThatCouldNotBeSentIsVoidWhenTheStoreIsBack() throws Exception {
    store.next(Fate.NOT_SENT);
    assertThatThrownBy(() -> tenancy.change(WITHOUT_THREE)).isInstanceOf(LeaseStoreException.class);
    assertThat(tenancy.resolve()).isEqualTo(Tenancy.Result.VOID);
    assertSettled(refreshed());
  }

  @Test
  void aReleaseThatIsCarriedOutIsDone() throws Exception {
    assertThat(tenancy.release(HANDED_OVER)).isEqualTo(Tenancy.Result.DONE);
    assertThat(store.owner()).isNull();
    assertThat(store.record()).isEqualTo(HANDED_OVER);
  }

  @Test
  void aReleaseWhoseLostAnswerWasYesHasLostTheLease() throws Exception {
    store.next(Fate.ANSWER_LOST);
    assertThat(tenancy.release(HANDED_OVER)).isEqualTo(Tenancy.Result.LOST);
    assertThat(tenancy.isUncertain()).isFalse();
  }

  @Test
  void aReleaseIsVoidOnlyWhenItCannotHappenAnyMore() throws Exception {
    store.next(Fate.LATE);
    assertThat(tenancy.release(HANDED_OVER)).isEqualTo(Tenancy.Result.VOID);
    store.deliverLate();
    assertThat(store.owner()).isEqualTo(self);
    assertThat(store.record()).isEqualTo(refreshed());
    assertSettled(refreshed());
  }

  @Test
  void aReleaseThatArrivesAfterTheReadHasLostTheLease() throws Exception {
    store.next(Fate.LATE);
    store.afterNextRead(store::deliverLate);
    assertThat(tenancy.release(HANDED_OVER)).isEqualTo(Tenancy.Result.LOST);
    assertThat(store.owner()).isNull();
  }

  @Test
  void aReleaseIsUncertainAsLongAsTheStoreIsSilent() throws Exception {
    store.next(Fate.LATE);
    store.reachable(false);
    assertThatThrownBy(() -> tenancy.release(HANDED_OVER)).isInstanceOf(LeaseStoreException.class);
    assertThat(tenancy.isUncertain()).isTrue();
    store.deliverLate();
    store.reachable(true);
    assertThat(tenancy.resolve()).isEqualTo(Tenancy.Result.LOST);
  }

  @Test
  void aRecordThatSomebodyElseHasWrittenMeansThatTheLeaseIsLost() throws Exception {
    store.next(Fate.REQUEST_LOST);
    store.afterNextRead(() -> {});
    store.put(
        NextRecord.acquired(
            BEFORE, new ClusterRecord.Primary(2, 0xEF, "http://two"), 5, CommitMode.SYNC, 1));
    assertThat(tenancy.change(WITHOUT_THREE)).isEqualTo(Tenancy.Result.LOST);
  }

  @Test
  void anOlderAnUnreadableAndNoRecordMeanThatTheLeaseIsLost() throws Exception {
    for (String text : new String[] {"{}", null}) {
      own();
      store.putText(text);
      assertThat(tenancy.change(WITHOUT_THREE)).isEqualTo(Tenancy.Result.LOST);
      assertThat(tenancy.isUncertain()).isFalse();
    }
    own();
    store.put(Cluster3.record(6, 5, CommitMode.SYNC, 1, List.of(ONE, TWO), Map.of()));
    assertThat(tenancy.change(WITHOUT_THREE)).isEqualTo(Tenancy.Result.LOST);
  }

  @Test
  void aLaterRecordOfThisProcessIsTheOneThatCounts() throws Exception {
    store.put(refreshed());
    assertThat(tenancy.change(WITHOUT_THREE)).isEqualTo(Tenancy.Result.VOID);
    assertSettled(refreshed());
  }
}
