package io.tidemark.node.cluster;

import io.tidemark.lease.BootClock;
import io.tidemark.lease.Change;
import io.tidemark.lease.Lease;
import io.tidemark.lease.LeaseStoreException;
import io.tidemark.lease.LeaseTimes;
import io.tidemark.lease.Owner;
import io.tidemark.lease.Renewal;
import io.tidemark.lease.Revision;
import io.tidemark.lease.protocol.ClusterRecord;
import io.tidemark.lease.protocol.CommitRule;
import io.tidemark.lease.protocol.LogPoint;
import io.tidemark.lease.protocol.Member;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Defects that a node has on purpose, one at a time: the tests of the cluster are good if they find
 * them. Chosen by the environment variable TIDEMARK_MUTANT, and only in a virtual machine that runs
 * with assertions enabled, as nobody but a test does.
 */
enum Mutant {
  /** The lease is believed in for ever, and its loss is not noticed. */
  LEASE_NEVER_ENDS,
  /** Who is not in the in-sync set may be primary. */
  ANYONE_MAY_BE_PRIMARY,
  /**
   * An old data directory passes as the one that was admitted; and nobody looks at least positions,
   * which would tell, too.
   */
  TOKEN_IGNORED,
  /** A new primary takes the epoch of the one before, and followers take any sender. */
  EPOCH_NOT_CHECKED,
  /** A renewal counts from when its answer was read, which is late; and there is no margin. */
  DEADLINE_FROM_ANSWER,
  /**
   * A node becomes a member before it has what is committed; and nobody looks at least positions,
   * which would tell, too.
   */
  MEMBER_ADDED_EARLY,
  /** Commits wait for a new member when the answer of the store is there, and not before. */
  MEMBER_WAITED_FOR_LATE,
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
    return copy(record, record.epoch(), members, record.least());
  }

  /** A record with the epoch before, if that defect is on. */
  static ClusterRecord withEpoch(ClusterRecord next, long before) {
    return EPOCH_NOT_CHECKED.isOn() && before > 0
        ? copy(next, before, next.members(), next.least())
        : next;
  }

  /** The record by which a node judges whether it may be primary. */
  static ClusterRecord judged(ClusterRecord record) {
    return record != null && (TOKEN_IGNORED.isOn() || MEMBER_ADDED_EARLY.isOn())
        ? copy(record, record.epoch(), record.members(), new TreeMap<>())
        : record;
  }

  private static ClusterRecord copy(
      ClusterRecord of, long epoch, List<Member> members, SortedMap<String, LogPoint> least) {
    return new ClusterRecord(
        of.version(),
        of.clusterId(),
        epoch,
        of.primary(),
        members,
        of.mode(),
        of.minInSync(),
        least,
        of.successor());
  }

  /** What a primary believes of its lease. */
  static Lease lease(Lease lease, BootClock clock) {
    return DEADLINE_FROM_ANSWER.isOn() ? new LateLease(lease, clock) : lease;
  }

  /** Reads answers as late as after a pause of the process. */
  private record LateLease(Lease lease, BootClock clock) implements Lease {
    private static final Duration LATE = Duration.ofSeconds(3);

    @Override
    public Owner owner() {
      return lease.owner();
    }

    @Override
    public Renewal.Renewed granted() {
      return lease.granted();
    }

    @Override
    public Renewal renew(Duration timeout) throws LeaseStoreException {
      if (!(lease.renew(timeout) instanceof Renewal.Renewed renewed)) {
        return new Renewal.Lost("the store has said so");
      }
      try {
        Thread.sleep(LATE.toMillis());
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
      return new Renewal.Renewed(
          clock.nanos() + LeaseTimes.of(renewed.ttl()).margin().toNanos(), renewed.ttl());
    }

    @Override
    public Change change(Revision expected, String nextRecord) throws LeaseStoreException {
      return lease.change(expected, nextRecord);
    }

    @Override
    public Change release(Revision expected, String lastRecord) throws LeaseStoreException {
      return lease.release(expected, lastRecord);
    }
  }

  /** Whom commits wait for while a change of the set is under way; null for the right ones. */
  static CommitRule rule(ClusterRecord record, ClusterRecord next, boolean adds) {
    if (!adds && (REMOVAL_COUNTED_EARLY.isOn() || REMOVAL_NOT_RECORDED.isOn())) {
      return new CommitRule(next, null);
    }
    return adds && MEMBER_WAITED_FOR_LATE.isOn() ? new CommitRule(record, null) : null;
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
