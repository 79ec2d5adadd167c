package io.tidemark.lease.protocol;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidemark.lease.protocol.ClusterRecord.Primary;
import io.tidemark.lease.protocol.ClusterRecord.Successor;
import io.tidemark.lease.protocol.Eligibility.Candidate;
import io.tidemark.lease.protocol.Eligibility.Database;
import io.tidemark.lease.protocol.Eligibility.Kind;
import io.tidemark.lease.protocol.Eligibility.Verdict;
import io.tidemark.lease.protocol.Fencing.Answer;
import io.tidemark.lease.protocol.FollowRule.Promise;
import io.tidemark.lease.protocol.FollowRule.Sender;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Who may acquire, what he writes, and what he does before he reads the end of his log. */
class ElectionTest {
  private static final ClusterRecord RECORD = Samples.record();

  private static Database database(LogPoint end) {
    return new Database(end, txid -> null, null);
  }

  private static final class Node {
    private long clusterId = Samples.CLUSTER;
    private long incarnation = 12;
    private long token = 22;
    private long seenVersion = 7;
    private long seenEpoch = 5;
    private Map<String, Database> databases =
        Map.of("app.db", database(Samples.point(4, 10)), "other.db", database(LogPoint.NONE));
    private boolean mayFound;

    private Verdict judge(ClusterRecord record) {
      return judge(record, true);
    }

    private Verdict judge(ClusterRecord record, boolean successorExpired) {
      return Eligibility.judge(
          record,
          new Candidate(
              2, clusterId, incarnation, token, seenVersion, seenEpoch, databases, mayFound),
          successorExpired);
    }
  }

  private static void assertKind(Verdict verdict, Kind kind, String... reason) {
    assertThat(verdict.kind()).isEqualTo(kind);
    for (String part : reason) {
      assertThat(verdict.reason()).contains(part);
    }
  }

  @Test
  void aMemberThatIsWhatItWasMayAcquire() {
    assertKind(new Node().judge(RECORD), Kind.ACQUIRE, "record version 7");
  }

  @Test
  void aMissingRecordThatWasSeenNeedsAnOperator() {
    Node node = new Node();
    node.mayFound = true;
    assertKind(node.judge(null), Kind.OPERATOR, "deleted", "version 7");
  }

  @Test
  void aClusterIsFoundedOnlyWithPermission() {
    Node node = new Node();
    node.seenVersion = 0;
    assertKind(node.judge(null), Kind.WAIT, "lease.promote");
    node.mayFound = true;
    assertKind(node.judge(null), Kind.FOUND);
    node.databases = Map.of("app.db", new Database(LogPoint.NONE, txid -> null, "damaged"));
    assertKind(node.judge(null), Kind.WAIT, "damaged");
  }

  @Test
  void permissionToFoundDoesNotHelpAgainstARecord() {
    Node empty = new Node();
    empty.clusterId = 0;
    empty.seenVersion = 0;
    empty.seenEpoch = 0;
    empty.incarnation = 99;
    empty.token = 0;
    empty.databases = Map.of();
    empty.mayFound = true;
    assertKind(empty.judge(RECORD), Kind.WAIT, "another data directory");
  }

  @Test
  void aStoreThatWentBackNeedsAnOperator() {
    Node node = new Node();
    node.seenVersion = 8;
    assertKind(node.judge(RECORD), Kind.OPERATOR, "version 7", "version 8", "restored");
    node = new Node();
    node.seenEpoch = 6;
    assertKind(node.judge(RECORD), Kind.OPERATOR, "epoch 5", "epoch 6");
  }

  @Test
  void dataOfAnotherClusterNeedsAnOperator() {
    Node node = new Node();
    node.clusterId = 5;
    assertKind(node.judge(RECORD), Kind.OPERATOR, "0000000000c0ffee", "0000000000000005");
  }

  @Test
  void whoIsNoMemberAnyMoreWaits() {
    assertKind(
        new Node().judge(Samples.record(CommitMode.SYNC, 1, Samples.ONE)),
        Kind.WAIT,
        "not in the in-sync set");
    Node node = new Node();
    node.incarnation = 13;
    assertKind(node.judge(RECORD), Kind.WAIT, "another data directory");
    node = new Node();
    node.token = 21;
    assertKind(node.judge(RECORD), Kind.WAIT, "admission");
  }

  @Test
  void whoIsBelowALeastPositionWaits() {
    Node node = new Node();
    node.databases = Map.of("app.db", database(Samples.point(4, 9)));
    assertKind(node.judge(RECORD), Kind.WAIT, "'app.db'", "was committed");
    node.databases = Map.of();
    assertKind(node.judge(RECORD), Kind.WAIT, "'app.db'");
    node.databases = Map.of("app.db", database(new LogPoint(4, 10, -1)));
    assertKind(node.judge(RECORD), Kind.WAIT, "'app.db'");
    node.databases =
        Map.of(
            "app.db", new Database(Samples.point(5, 12), txid -> new LogPoint(4, txid, -1), null));
    assertKind(node.judge(RECORD), Kind.WAIT, "on the way");
    node.databases =
        Map.of("app.db", new Database(Samples.point(5, 12), txid -> Samples.point(4, txid), null));
    assertKind(node.judge(RECORD), Kind.ACQUIRE);
  }

  @Test
  void whoHasADatabaseThatCannotBeServedWaits() {
    Node node = new Node();
    node.databases =
        Map.of(
            "app.db",
            database(Samples.point(4, 10)),
            "bad.db",
            new Database(LogPoint.NONE, txid -> null, "its log is damaged"));
    assertKind(node.judge(RECORD), Kind.WAIT, "'bad.db'", "its log is damaged");
  }

  @Test
  void theOthersLetTheSuccessorGoFirst() {
    ClusterRecord forThree = NextRecord.handedOver(RECORD, new Successor(3, 13, 1000), Map.of());
    assertKind(new Node().judge(forThree, false), Kind.WAIT, "handed over");
    assertKind(new Node().judge(forThree, true), Kind.ACQUIRE);
    ClusterRecord forTwo = NextRecord.handedOver(RECORD, new Successor(2, 12, 1000), Map.of());
    assertKind(new Node().judge(forTwo, false), Kind.ACQUIRE);
    ClusterRecord forOldTwo = NextRecord.handedOver(RECORD, new Successor(2, 9, 1000), Map.of());
    assertKind(new Node().judge(forOldTwo, false), Kind.WAIT);
  }

  @Test
  void anAcquisitionRaisesTheEpochAboveAllThatWasSeen() {
    Primary two = new Primary(2, 7, "http://two");
    ClusterRecord before = NextRecord.handedOver(RECORD, new Successor(2, 12, 1000), Map.of());
    ClusterRecord next = NextRecord.acquired(before, two, 4, CommitMode.SYNC, 2);
    assertThat(next.epoch()).isEqualTo(6);
    assertThat(next.version()).isEqualTo(9);
    assertThat(next.primary()).isEqualTo(two);
    assertThat(next.members()).isEqualTo(RECORD.members());
    assertThat(next.least()).isEqualTo(RECORD.least());
    assertThat(next.successor()).isEmpty();
    assertThat(NextRecord.acquired(RECORD, two, 40, CommitMode.ASYNC, 1).epoch()).isEqualTo(41);
    assertThatThrownBy(() -> NextRecord.acquired(RECORD, two, Long.MAX_VALUE, CommitMode.SYNC, 2))
        .isInstanceOf(ArithmeticException.class);
  }

  @Test
  void aFounderIsAloneAndGoesOnAboveItsOwnEpochs() {
    ClusterRecord record =
        NextRecord.founding(
            9, Samples.PRIMARY, Samples.ONE, 3, CommitMode.SYNC, 1, Map.of("a", LogPoint.NONE));
    assertThat(record.epoch()).isEqualTo(4);
    assertThat(record.version()).isEqualTo(1);
    assertThat(record.members()).containsExactly(Samples.ONE);
    assertThat(record.least()).isEmpty();
  }

  @Test
  void leastPositionsOnlyRise() {
    ClusterRecord next =
        NextRecord.withMembers(
            RECORD,
            RECORD.members(),
            Map.of("app.db", Samples.point(5, 20), "new.db", Samples.point(5, 1)));
    assertThat(next.least())
        .containsEntry("app.db", Samples.point(5, 20))
        .containsEntry("new.db", Samples.point(5, 1));
    assertThat(NextRecord.refreshed(next, Map.of("app.db", Samples.point(4, 11))).least())
        .containsEntry("app.db", Samples.point(5, 20));
    assertThat(NextRecord.withNewEpoch(next, Map.of()).epoch()).isEqualTo(6);
  }

  @Test
  void onlyTheNewestEpochOfItsOwnProcessIsFollowed() {
    Promise own = new Promise(Samples.CLUSTER, 5, 0xABCD, 7);
    assertThat(follow(own, new Sender(Samples.CLUSTER, 5, 0xABCD, 7)))
        .isEqualTo(FollowRule.Kind.FOLLOW);
    assertThat(follow(own, new Sender(Samples.CLUSTER, 6, 1, 8)))
        .isEqualTo(FollowRule.Kind.NEW_EPOCH);
    assertThat(follow(own, new Sender(Samples.CLUSTER, 4, 0xABCD, 9)))
        .isEqualTo(FollowRule.Kind.REFUSE);
    assertThat(follow(own, new Sender(Samples.CLUSTER, 5, 2, 7))).isEqualTo(FollowRule.Kind.REFUSE);
    assertThat(follow(own, new Sender(1, 6, 1, 8))).isEqualTo(FollowRule.Kind.REFUSE);
    assertThat(follow(own, new Sender(Samples.CLUSTER, 6, 1, 6))).isEqualTo(FollowRule.Kind.REFUSE);
    assertThat(follow(new Promise(0, 0, 0, 0), new Sender(1, 6, 1, 6)))
        .isEqualTo(FollowRule.Kind.NEW_EPOCH);
  }

  private static FollowRule.Kind follow(Promise own, Sender sender) {
    return FollowRule.judge(own, sender).kind();
  }

  @Test
  void whoHasReadTheRecordFollowsNobodyOlder() {
    Promise restored = new Promise(Samples.CLUSTER, 3, 9, 2);
    Promise now = restored.afterReading(RECORD);
    assertThat(now).isEqualTo(new Promise(Samples.CLUSTER, 5, 0xABCD, 7));
    Promise newer = new Promise(Samples.CLUSTER, 6, 9, 8);
    assertThat(newer.afterReading(RECORD)).isEqualTo(newer);
    assertThat(newer.afterReading(null)).isEqualTo(newer);
    Promise foreign = new Promise(1, 1, 1, 1);
    assertThat(foreign.afterReading(RECORD)).isEqualTo(foreign);
  }

  private static Answer answer(boolean reachable, long epoch, long version, LogPoint end) {
    return new Answer(reachable, epoch, version, Map.of("app.db", end));
  }

  private static Fencing.Step fence(CommitMode promised, long ownEpoch, Map<Long, Answer> others) {
    return fence(promised, ownEpoch, others, false);
  }

  private static Fencing.Step fence(
      CommitMode promised, long ownEpoch, Map<Long, Answer> others, boolean handedOver) {
    Map<String, LogPoint> ends = Map.of("app.db", Samples.point(4, 10));
    return Fencing.next(RECORD, promised, ownEpoch, others, ends, handedOver);
  }

  @Test
  void aNewPrimaryFencesItselfThenTheOthersAndThenReadsItsLog() {
    Answer old = answer(true, 4, 6, Samples.point(4, 10));
    Answer away = answer(false, 0, 0, LogPoint.NONE);
    Answer fenced = answer(true, 5, 7, Samples.point(4, 10));
    assertThat(fence(CommitMode.SYNC, 4, Map.of(2L, fenced)).kind())
        .isEqualTo(Fencing.Kind.MAKE_EPOCH_DURABLE);
    Fencing.Step waits = fence(CommitMode.SYNC, 5, Map.of(2L, old, 3L, away));
    assertThat(waits.kind()).isEqualTo(Fencing.Kind.AWAIT);
    assertThat(waits.nodeIds()).containsExactly(2L);
    assertThat(fence(CommitMode.SYNC, 5, Map.of(2L, fenced, 3L, away)).kind())
        .isEqualTo(Fencing.Kind.READ_LOG_END);
  }

  @Test
  void aSuccessorThatWasHandedEverythingFencesItselfAndWaitsForNobody() {
    Answer old = answer(true, 4, 6, Samples.point(4, 10));
    Answer longer = answer(true, 5, 7, Samples.point(4, 12));
    Map<Long, Answer> others = Map.of(2L, old, 3L, longer);
    assertThat(fence(CommitMode.ASYNC, 4, others, true).kind())
        .isEqualTo(Fencing.Kind.MAKE_EPOCH_DURABLE);
    assertThat(fence(CommitMode.ASYNC, 5, others, true).kind())
        .isEqualTo(Fencing.Kind.READ_LOG_END);
    Answer newer = answer(true, 6, 9, LogPoint.NONE);
    assertThat(fence(CommitMode.SYNC, 5, Map.of(2L, newer), true).kind())
        .isEqualTo(Fencing.Kind.STEP_DOWN);
  }

  @Test
  void aNewPrimaryStepsDownForWhoeverKnowsMore() {
    Answer newer = answer(true, 6, 9, LogPoint.NONE);
    assertThat(fence(CommitMode.SYNC, 5, Map.of(2L, newer)).kind())
        .isEqualTo(Fencing.Kind.STEP_DOWN);
    Answer newerRecord = answer(true, 4, 8, LogPoint.NONE);
    assertThat(fence(CommitMode.SYNC, 5, Map.of(2L, newerRecord)).reason())
        .contains("record version 8");
    assertThat(fence(CommitMode.SYNC, 6, Map.of()).kind()).isEqualTo(Fencing.Kind.STEP_DOWN);
    Answer ours = answer(true, 5, 8, LogPoint.NONE);
    assertThat(fence(CommitMode.SYNC, 5, Map.of(2L, ours)).kind())
        .isEqualTo(Fencing.Kind.READ_LOG_END);
  }

  @Test
  void inAsyncModeTheLongestTailIsFetchedFirst() {
    Answer longer = answer(true, 5, 7, Samples.point(4, 12));
    Answer later = answer(true, 5, 7, Samples.point(5, 11));
    Answer away = answer(false, 5, 7, Samples.point(5, 99));
    Fencing.Step step = fence(CommitMode.ASYNC, 5, Map.of(2L, longer, 3L, later, 4L, away));
    assertThat(step.kind()).isEqualTo(Fencing.Kind.FETCH_TAIL);
    assertThat(step.nodeIds()).isEqualTo(List.of(3L));
    assertThat(step.database()).isEqualTo("app.db");
    assertThat(fence(CommitMode.SYNC, 5, Map.of(2L, longer)).kind())
        .isEqualTo(Fencing.Kind.READ_LOG_END);
    Answer same = answer(true, 5, 7, Samples.point(4, 10));
    assertThat(fence(CommitMode.ASYNC, 5, Map.of(2L, same)).kind())
        .isEqualTo(Fencing.Kind.READ_LOG_END);
  }
}
