package io.tidemark.lease.protocol.model;

import io.tidemark.lease.protocol.ClusterRecord;
import io.tidemark.lease.protocol.ClusterRecord.Primary;
import io.tidemark.lease.protocol.CommitRule;
import io.tidemark.lease.protocol.Eligibility;
import io.tidemark.lease.protocol.FollowRule;
import io.tidemark.lease.protocol.InDoubt;
import io.tidemark.lease.protocol.Member;
import io.tidemark.lease.protocol.MemberAck;
import io.tidemark.lease.protocol.SetChange;
import io.tidemark.lease.protocol.StartView;
import io.tidemark.lease.protocol.Tail;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Defects, each of which the model check has to find, and bounds within which it does. */
final class Mutants {
  /**
   * @param broken part of the message of the promise that has to break
   */
  record Mutant(String name, Bounds bounds, Rules rules, String broken) {
    @Override
    public String toString() {
      return name;
    }
  }

  private static final Bounds FAILOVER = Bounds.named("failover").history(2, 3, 4);
  private static final Bounds SMALL = Bounds.named("small").history(1, 2, 2);
  private static final Bounds SET = Bounds.named("set").nodes(3, 3, 1).withSetChanges();
  private static final Bounds JOIN = Bounds.named("join").nodes(3, 2, 1).withSetChanges();

  private Mutants() {}

  static List<Mutant> all() {
    return List.of(
        new Mutant(
            "the epoch of a sender is not checked",
            SET.history(2, 2, 3),
            new Rules() {
              @Override
              FollowRule.Verdict follow(FollowRule.Promise own, FollowRule.Sender sender) {
                return sender.epoch() == own.epoch()
                    ? super.follow(own, sender)
                    : new FollowRule.Verdict(FollowRule.Kind.NEW_EPOCH, "any");
              }
            },
            ""),
        new Mutant(
            "acknowledgements of another epoch count",
            Bounds.named("abort").history(3, 2, 2).withAborts(),
            new Rules() {
              @Override
              boolean keepsAcksOfOtherEpochs() {
                return true;
              }

              @Override
              long committed(CommitRule rule, long before, long ownDurable, CommitRule.Acks acks) {
                return super.committed(
                    rule,
                    before,
                    ownDurable,
                    node -> {
                      MemberAck ack = acks.of(node);
                      return ack == null
                          ? null
                          : new MemberAck(ack.member(), rule.epoch(), ack.durable());
                    });
              }
            },
            "disks"),
        new Mutant(
            "members are not waited for",
            SMALL,
            new Rules() {
              @Override
              long committed(CommitRule rule, long before, long ownDurable, CommitRule.Acks acks) {
                return ownDurable;
              }
            },
            "disks"),
        new Mutant(
            "the set may shrink below min-in-sync",
            Bounds.named("set").nodes(3, 2, 2).history(1, 2, 3).withSetChanges(),
            new Rules() {
              @Override
              SetChange.Verdict remove(ClusterRecord record, long nodeId, boolean changing) {
                return super.remove(withMin(record, 1), nodeId, changing);
              }

              @Override
              CommitRule rule(ClusterRecord record, ClusterRecord proposed) {
                return super.rule(withMin(record, 1), proposed);
              }
            },
            "disks"),
        new Mutant(
            "a change of the record does not compare its version",
            JOIN.history(1, 2, 4).withSlowStore(),
            new Rules() {
              @Override
              boolean storeCarriesOut(boolean sameVersion, boolean sameOwner) {
                return true;
              }
            },
            ""),
        new Mutant(
            "a member is added before its acknowledgements are required",
            JOIN.history(1, 2, 3).withSlowStore(),
            new Rules() {
              @Override
              CommitRule rule(ClusterRecord record, ClusterRecord proposed) {
                return super.rule(record, null);
              }
            },
            "committed"),
        new Mutant(
            "a member is added before it is caught up",
            JOIN.history(1, 2, 3),
            new Rules() {
              @Override
              Eligibility.Verdict eligibility(ClusterRecord record, Eligibility.Candidate node) {
                // The least positions would catch it, if nothing else did.
                return super.eligibility(Rules.withoutLeast(record), node);
              }

              @Override
              SetChange.Verdict add(ClusterRecord record, SetChange.Asking node, boolean changing) {
                return super.add(
                    record, new SetChange.Asking(node.member(), null, false, Map.of()), changing);
              }
            },
            "committed"),
        new Mutant(
            "a member is added that lacks what may have been committed before",
            JOIN.history(1, 3, 4),
            new Rules() {
              @Override
              Eligibility.Verdict eligibility(ClusterRecord record, Eligibility.Candidate node) {
                // The least positions would catch it, if nothing else did.
                return super.eligibility(Rules.withoutLeast(record), node);
              }

              @Override
              SetChange.Verdict add(ClusterRecord record, SetChange.Asking node, boolean changing) {
                SetChange.Lane lane = node.lanes().get(Records.DATABASE);
                Tail known = new Tail(0, lane.tail().committed());
                return super.add(
                    record,
                    new SetChange.Asking(
                        node.member(),
                        null,
                        false,
                        Map.of(Records.DATABASE, new SetChange.Lane(known, lane.ack()))),
                    changing);
              }
            },
            "committed"),
        new Mutant(
            "a commit goes on without a member before the record says so",
            SET.history(1, 2, 3).withSlowStore(),
            new Rules() {
              @Override
              CommitRule rule(ClusterRecord record, ClusterRecord proposed) {
                return super.rule(
                    proposed == null ? record : withMembers(record, proposed.members()), null);
              }
            },
            "committed"),
        new Mutant(
            "an unchanged version is taken for a change that did not happen",
            JOIN.history(1, 2, 3).withSlowStore(),
            new Rules() {
              @Override
              SetChange.Outcome outcome(
                  ClusterRecord before, ClusterRecord proposed, ClusterRecord read, boolean owned) {
                SetChange.Outcome outcome = super.outcome(before, proposed, read, owned);
                return outcome == SetChange.Outcome.OPEN ? SetChange.Outcome.VOID : outcome;
              }
            },
            "committed"),
        new Mutant(
            "a member acknowledges before its sync",
            Bounds.named("crash").nodes(2, 2, 2).history(1, 2, 2).crashes(1),
            new Rules() {
              @Override
              boolean acknowledgesBeforeSync() {
                return true;
              }
            },
            "disks"),
        new Mutant(
            "the tail is served before it is settled",
            FAILOVER,
            new Rules() {
              @Override
              boolean isSettled(Tail tail) {
                return true;
              }

              @Override
              long shown(Tail tail) {
                return Math.max(tail.inherited(), tail.committed());
              }
            },
            "shows"),
        new Mutant(
            "incarnation and token of a member are ignored",
            Bounds.named("loss").nodes(3, 3, 1).history(1, 2, 3).diskLosses(1),
            new Rules() {
              @Override
              Eligibility.Verdict eligibility(ClusterRecord record, Eligibility.Candidate node) {
                Member member = record.member(node.nodeId());
                return member == null
                    ? super.eligibility(record, node)
                    : super.eligibility(
                        Rules.withoutLeast(record),
                        new Eligibility.Candidate(
                            node.nodeId(),
                            node.clusterId(),
                            member.incarnation(),
                            member.token(),
                            node.seenVersion(),
                            node.seenEpoch(),
                            node.databases(),
                            false));
              }
            },
            "committed"),
        new Mutant(
            "the token of a member is ignored",
            Bounds.named("old volume")
                .nodes(2, 2, 1)
                .history(1, 2, 4)
                .withSetChanges()
                .withOldVolume(),
            new Rules() {
              @Override
              Eligibility.Verdict eligibility(ClusterRecord record, Eligibility.Candidate node) {
                Member member = record.member(node.nodeId());
                return super.eligibility(
                    Rules.withoutLeast(record),
                    new Eligibility.Candidate(
                        node.nodeId(),
                        node.clusterId(),
                        node.incarnation(),
                        member == null ? 0 : member.token(),
                        node.seenVersion(),
                        node.seenEpoch(),
                        node.databases(),
                        false));
              }
            },
            "committed"),
        new Mutant(
            "a node is admitted again with the token that it had before",
            Bounds.named("old volume")
                .nodes(2, 2, 1)
                .history(1, 2, 4)
                .withSetChanges()
                .withOldVolume(),
            new Rules() {
              @Override
              boolean asksWithNewToken() {
                return false;
              }

              @Override
              Eligibility.Verdict eligibility(ClusterRecord record, Eligibility.Candidate node) {
                return super.eligibility(Rules.withoutLeast(record), node);
              }
            },
            "committed"),
        new Mutant(
            "a node that is no member may acquire",
            SET.history(1, 2, 4),
            new Rules() {
              @Override
              Eligibility.Verdict eligibility(ClusterRecord record, Eligibility.Candidate node) {
                return new Eligibility.Verdict(Eligibility.Kind.ACQUIRE, "anybody may");
              }

              @Override
              ClusterRecord acquired(ClusterRecord before, Primary primary, long greatestEpoch) {
                List<Member> members = new ArrayList<>(before.members());
                if (before.member(primary.nodeId()) == null) {
                  members.add(new Member(primary.nodeId(), 100, 100));
                }
                return super.acquired(withMembers(before, members), primary, greatestEpoch);
              }
            },
            "committed"),
        new Mutant(
            "the end of the log is read before the fence",
            Bounds.named("failover").nodes(2, 2, 1).history(1, 2, 2),
            new Rules() {
              @Override
              boolean readsLogEndBeforeFencing() {
                return true;
              }
            },
            "committed"),
        new Mutant(
            "a node says what it has before it promises the epoch",
            Bounds.named("failover").nodes(3, 3, 1).history(1, 3, 3).network(2, false),
            new Rules() {
              @Override
              boolean comparesLogsBeforePromise() {
                return true;
              }
            },
            "committed"),
        new Mutant(
            "least positions are ignored",
            Bounds.named("restore")
                .nodes(3, 3, 1)
                .history(1, 2, 3)
                .withSetChanges()
                .restoredDisks(1),
            new Rules() {
              @Override
              Eligibility.Verdict eligibility(ClusterRecord record, Eligibility.Candidate node) {
                return super.eligibility(Rules.withoutLeast(record), node);
              }
            },
            "committed"),
        new Mutant(
            "a member that lost data is streamed to as if it had not",
            Bounds.named("restore")
                .nodes(3, 3, 1)
                .history(2, 2, 3)
                .withSetChanges()
                .restoredDisks(1),
            new Rules() {
              @Override
              SetChange.Verdict greeting(
                  ClusterRecord record, Member greeted, Map<String, SetChange.Greeting> databases) {
                return new SetChange.Verdict(SetChange.Kind.NONE, null, "whatever it has");
              }
            },
            "committed"),
        new Mutant(
            "a node whose disk went back follows anybody",
            Bounds.named("restored disk")
                .nodes(2, 2, 1)
                .history(2, 2, 4)
                .withSetChanges()
                .restoredDisks(1),
            new Rules() {
              @Override
              FollowRule.Promise atStart(FollowRule.Promise promise, ClusterRecord record) {
                return promise;
              }
            },
            "committed"),
        new Mutant(
            "an abort is final before all have confirmed it",
            Bounds.named("abort").history(1, 3, 3).withAborts(),
            new Rules() {
              @Override
              InDoubt.Step inDoubt(
                  InDoubt.Pending pending,
                  Tail tail,
                  long epoch,
                  CommitRule rule,
                  CommitRule.Acks acks) {
                return pending.cut()
                    ? new InDoubt.Step(InDoubt.Kind.ABORTED, "it is cut here")
                    : super.inDoubt(pending, tail, epoch, rule, acks);
              }
            },
            "aborted"),
        new Mutant(
            "an abort cuts without a new epoch",
            Bounds.named("abort").history(2, 2, 2).withAborts(),
            new Rules() {
              @Override
              boolean takesNewEpochToAbort() {
                return false;
              }
            },
            "second content"),
        new Mutant(
            "an abort cuts what was inherited",
            Bounds.named("abort").nodes(3, 3, 1).history(2, 3, 3).withAborts(),
            new Rules() {
              @Override
              boolean isSettled(Tail tail) {
                return true;
              }

              @Override
              long cut(Tail tail) {
                return tail.committed();
              }
            },
            "committed"),
        new Mutant(
            "a commit position is announced before the tail is settled",
            Bounds.named("crash").nodes(3, 3, 1).history(1, 2, 2).crashes(1),
            new Rules() {
              @Override
              long announced(Tail tail) {
                return tail.committed();
              }
            },
            "showed"),
        new Mutant(
            "a promised epoch does not survive a crash",
            Bounds.named("crash").nodes(2, 2, 1).history(2, 2, 3).withSetChanges().crashes(1),
            new Rules() {
              @Override
              boolean epochIsDurable() {
                return false;
              }
            },
            "showed"),
        new Mutant(
            "a record older than one that was seen is good enough",
            JOIN.history(1, 2, 4).withRestoredStore(),
            new Rules() {
              @Override
              Eligibility.Verdict eligibility(ClusterRecord record, Eligibility.Candidate node) {
                return super.eligibility(
                    record,
                    new Eligibility.Candidate(
                        node.nodeId(),
                        node.clusterId(),
                        node.incarnation(),
                        node.token(),
                        0,
                        0,
                        node.databases(),
                        false));
              }
            },
            ""),
        new Mutant(
            "a replica shows what is not on its disk",
            Bounds.named("crash").nodes(3, 2, 1).history(1, 1, 1).crashes(1),
            new Rules() {
              @Override
              boolean appliesBeforeDurable() {
                return true;
              }
            },
            "showed"),
        new Mutant(
            "a restarted node shows up to the commit position that it knows",
            Bounds.named("crash").nodes(2, 2, 2).history(1, 1, 1).crashes(1),
            new Rules() {
              @Override
              StartView.Verdict start(ClusterRecord record, long committed, long logEnd) {
                return new StartView.Verdict(true, committed, "what is known");
              }
            },
            "showed"),
        new Mutant(
            "an acquisition does not raise the epoch",
            SMALL.history(1, 3, 3),
            new Rules() {
              @Override
              ClusterRecord acquired(ClusterRecord before, Primary primary, long greatestEpoch) {
                return new ClusterRecord(
                    before.version() + 1,
                    before.clusterId(),
                    before.epoch(),
                    primary,
                    before.members(),
                    before.mode(),
                    before.minInSync(),
                    before.least(),
                    Optional.empty());
              }
            },
            "epoch"));
  }

  private static ClusterRecord withMin(ClusterRecord record, int minInSync) {
    return changed(record, record.members(), minInSync);
  }

  private static ClusterRecord withMembers(ClusterRecord record, List<Member> members) {
    return changed(record, members, record.minInSync());
  }

  private static ClusterRecord changed(ClusterRecord record, List<Member> members, int minInSync) {
    return new ClusterRecord(
        record.version(),
        record.clusterId(),
        record.epoch(),
        record.primary(),
        members,
        record.mode(),
        minInSync,
        record.least(),
        record.successor());
  }
}
