package io.tidemark.lease.protocol.model;

import io.tidemark.lease.protocol.ClusterRecord;
import io.tidemark.lease.protocol.ClusterRecord.Primary;
import io.tidemark.lease.protocol.CommitRule;
import io.tidemark.lease.protocol.Eligibility;
import io.tidemark.lease.protocol.Fencing;
import io.tidemark.lease.protocol.FollowRule;
import io.tidemark.lease.protocol.InDoubt;
import io.tidemark.lease.protocol.Member;
import io.tidemark.lease.protocol.NextRecord;
import io.tidemark.lease.protocol.SetChange;
import io.tidemark.lease.protocol.StartView;
import io.tidemark.lease.protocol.Tail;
import java.util.Map;
import java.util.TreeMap;

/**
 * The decisions as the model calls them: the real ones. What the real ones leave to whoever carries
 * them out (the order of a sync and an acknowledgement, what a store compares) is here as well. A
 * mutant overrides one of them.
 */
class Rules {
  Eligibility.Verdict eligibility(ClusterRecord record, Eligibility.Candidate node) {
    return Eligibility.judge(record, node, true);
  }

  ClusterRecord acquired(ClusterRecord before, Primary primary, long greatestEpoch) {
    return NextRecord.acquired(before, primary, greatestEpoch, before.mode(), before.minInSync());
  }

  ClusterRecord withNewEpoch(ClusterRecord before) {
    return NextRecord.withNewEpoch(before, Map.of());
  }

  FollowRule.Verdict follow(FollowRule.Promise own, FollowRule.Sender sender) {
    return FollowRule.judge(own, sender);
  }

  FollowRule.Promise atStart(FollowRule.Promise promise, ClusterRecord record) {
    return promise.afterReading(record);
  }

  Fencing.Step fencing(ClusterRecord record, long ownEpoch) {
    // Which of the others answer is chance; that none does is the worst case.
    return Fencing.next(record, record.mode(), ownEpoch, Map.of(), Map.of(), false);
  }

  CommitRule rule(ClusterRecord record, ClusterRecord proposed) {
    return new CommitRule(record, proposed == null ? null : proposed.members());
  }

  long committed(CommitRule rule, long before, long ownDurable, CommitRule.Acks acks) {
    return rule.committed(before, ownDurable, acks);
  }

  InDoubt.Step inDoubt(
      InDoubt.Pending pending, Tail tail, long epoch, CommitRule rule, CommitRule.Acks acks) {
    return InDoubt.next(pending, tail, epoch, rule, acks);
  }

  SetChange.Verdict add(ClusterRecord record, SetChange.Asking node, boolean changing) {
    return SetChange.add(record, node, changing);
  }

  SetChange.Verdict remove(ClusterRecord record, long nodeId, boolean changing) {
    return SetChange.remove(record, nodeId, "it does not answer", changing);
  }

  SetChange.Verdict greeting(
      ClusterRecord record, Member greeted, Map<String, SetChange.Greeting> databases) {
    return SetChange.greeting(record, greeted, databases, false);
  }

  SetChange.Outcome outcome(
      ClusterRecord before, ClusterRecord proposed, ClusterRecord read, boolean owned) {
    return SetChange.outcome(before, proposed, read, owned);
  }

  long announced(Tail tail) {
    return tail.announced();
  }

  long cut(Tail tail) {
    return tail.cut();
  }

  StartView.Verdict start(ClusterRecord record, long committed, long logEnd) {
    return StartView.judge(record.mode(), committed, logEnd);
  }

  long following(long shown, long first, long announced, long durable) {
    return StartView.following(shown, first, announced, durable);
  }

  boolean isSettled(Tail tail) {
    return tail.isSettled();
  }

  /** What a primary that has settled shows its own programs. */
  long shown(Tail tail) {
    return tail.committed();
  }

  // What the parts around the decisions have to keep.

  boolean storeCarriesOut(boolean sameVersion, boolean sameOwner) {
    return sameVersion && sameOwner;
  }

  boolean acknowledgesBeforeSync() {
    return false;
  }

  /** Who asks to be admitted has drawn a token since it was told that it is no member. */
  boolean asksWithNewToken() {
    return true;
  }

  boolean epochIsDurable() {
    return true;
  }

  boolean readsLogEndBeforeFencing() {
    return false;
  }

  boolean comparesLogsBeforePromise() {
    return false;
  }

  boolean keepsAcksOfOtherEpochs() {
    return false;
  }

  boolean takesNewEpochToAbort() {
    return true;
  }

  boolean appliesBeforeDurable() {
    return false;
  }

  /** The same record, but anybody is far enough for it. */
  static ClusterRecord withoutLeast(ClusterRecord record) {
    return new ClusterRecord(
        record.version(),
        record.clusterId(),
        record.epoch(),
        record.primary(),
        record.members(),
        record.mode(),
        record.minInSync(),
        new TreeMap<>(),
        record.successor());
  }
}
