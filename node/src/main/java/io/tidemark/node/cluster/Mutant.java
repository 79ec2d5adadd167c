package io.tidemark.node.cluster;

import io.tidemark.lease.protocol.ClusterRecord;
import io.tidemark.lease.protocol.Member;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Defects that a node has on purpose, one at a time: the tests of the cluster are good if they find
 * them. Chosen by the environment variable TIDEMARK_MUTANT, and only in a virtual machine that runs
 * with assertions enabled, as nobody but a test does.
 */
enum Mutant {
  /** A sender is listened to whatever its epoch is. */
  SENDER_NOT_JUDGED,
  /** The lease is believed in for ever, and its loss is not noticed. */
  LEASE_NEVER_ENDS,
  /** Who is not in the in-sync set may be primary. */
  ANYONE_MAY_BE_PRIMARY,
  /** An empty or old data directory passes as the one that was admitted. */
  TOKEN_IGNORED,
  /** A new primary takes the epoch of the one before. */
  EPOCH_REUSED,
  /** A node becomes a member before it has what is committed. */
  MEMBER_ADDED_EARLY,
  /** The fastest member confirms for all. */
  ONE_MEMBER_CONFIRMS,
  /** The primary's own disk confirms for all. */
  NOBODY_CONFIRMS,
  /** One node is enough, whatever the configuration says. */
  MIN_IN_SYNC_IGNORED,
  /** What was inherited is shown before the members have confirmed it. */
  TAIL_SHOWN_EARLY,
  /** Commits do not wait for a member that is to be removed, before the record says so. */
  REMOVAL_COUNTED_EARLY,
  /** Commits do not wait for a member that should be removed, and the record never says so. */
  REMOVAL_NOT_RECORDED,
  /** What was not confirmed in time is shown as if it had been. */
  DOUBT_SHOWN,
  /** Followers are told that all is committed that is in the log. */
  ANNOUNCED_EARLY;

  private static final Mutant CHOSEN = chosen();

  private static Mutant chosen() {
    boolean testing = false;
    assert testing = true;
    String name = testing ? System.getenv("TIDEMARK_MUTANT") : null;
    return name == null || name.isEmpty() ? null : valueOf(name);
  }

  /** Whether this node has the defect. */
  boolean isOn() {
    return CHOSEN == this;
  }

  /** A record of which a node is a member, if that defect is on. */
  static ClusterRecord withSelf(ClusterRecord record, Member self) {
    if (!ANYONE_MAY_BE_PRIMARY.isOn() || record.member(self.nodeId()) != null) {
      return record;
    }
    List<Member> members = new ArrayList<>(record.members());
    members.add(self);
    members.sort(null);
    return copy(record, record.epoch(), members);
  }

  /** A record with the epoch before, if that defect is on. */
  static ClusterRecord withEpoch(ClusterRecord next, long before) {
    return EPOCH_REUSED.isOn() && before > 0 ? copy(next, before, next.members()) : next;
  }

  private static ClusterRecord copy(ClusterRecord of, long epoch, List<Member> members) {
    return new ClusterRecord(
        of.version(),
        of.clusterId(),
        epoch,
        of.primary(),
        members,
        of.mode(),
        of.minInSync(),
        of.least(),
        of.successor());
  }

  /** Whether {@link #committed} says what is committed. */
  static boolean judgesCommits() {
    return NOBODY_CONFIRMS.isOn() || ONE_MEMBER_CONFIRMS.isOn();
  }

  /** The commit position of a database by a defective rule. */
  static long committed(long own, String name, List<Streams.Peer> peers) {
    if (NOBODY_CONFIRMS.isOn()) {
      return own;
    }
    return Math.min(own, peers.stream().mapToLong(peer -> peer.durable(name)).max().orElse(0));
  }

  /** What the goals of a node are that wants to be added. */
  static Map<String, Long> goals(Map<String, Long> goals) {
    return MEMBER_ADDED_EARLY.isOn() ? Map.of() : goals;
  }
}
