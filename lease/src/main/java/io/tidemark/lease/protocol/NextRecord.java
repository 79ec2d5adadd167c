package io.tidemark.lease.protocol;

import io.tidemark.lease.protocol.ClusterRecord.Primary;
import io.tidemark.lease.protocol.ClusterRecord.Successor;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * The record that replaces another one. Each is written only on the condition that the store still
 * has the one before and, except for an acquisition, that the writer still owns the lease.
 */
public final class NextRecord {
  /** More than a cluster can have counted unseen. */
  private static final long FORCED_GAP = 1 << 20;

  private NextRecord() {}

  /**
   * The first record of a cluster. Its founder is its only member.
   *
   * @param seenEpoch greatest epoch in the founder's data, 0 if none: a cluster that was static
   *     goes on above it
   * @param positions where the founder's databases are
   */
  public static ClusterRecord founding(
      long clusterId,
      Primary primary,
      Member founder,
      long seenEpoch,
      CommitMode mode,
      int minInSync,
      Map<String, LogPoint> positions) {
    return new ClusterRecord(
        1,
        clusterId,
        above(seenEpoch),
        primary,
        List.of(founder),
        mode,
        minInSync,
        ClusterRecordJson.fitting(positions),
        Optional.empty());
  }

  /**
   * What a node writes that an operator has made primary although others may have transactions that
   * it lacks. Epoch and version leave a gap: nodes that know newer ones than this node and the
   * store, and come back later, must follow.
   *
   * @param before what the store has, null for nothing
   * @param clusterId of the node's data
   * @param seenVersion newest record version that the node knows of, 0 if none
   * @param seenEpoch newest epoch that it knows of, 0 if none
   */
  public static ClusterRecord forced(
      ClusterRecord before,
      long clusterId,
      Primary primary,
      Member founder,
      long seenVersion,
      long seenEpoch,
      CommitMode mode,
      int minInSync,
      Map<String, LogPoint> positions) {
    long version = before == null ? seenVersion : Math.max(before.version(), seenVersion);
    long epoch = before == null ? seenEpoch : Math.max(before.epoch(), seenEpoch);
    return new ClusterRecord(
        Math.addExact(version, FORCED_GAP),
        clusterId,
        Math.addExact(epoch, FORCED_GAP),
        primary,
        List.of(founder),
        mode,
        minInSync,
        ClusterRecordJson.fitting(positions),
        Optional.empty());
  }

  /**
   * What a new primary writes as it acquires the lease. The set stays as it is: who is in it may
   * hold what nobody else holds, and leaves it only by a change of its own.
   *
   * @param greatestEpoch the greatest that its own data and the members it could ask have seen
   * @param mode of the new primary's configuration; so is {@code minInSync}
   */
  public static ClusterRecord acquired(
      ClusterRecord before, Primary primary, long greatestEpoch, CommitMode mode, int minInSync) {
    return new ClusterRecord(
        before.version() + 1,
        before.clusterId(),
        above(Math.max(before.epoch(), greatestEpoch)),
        primary,
        before.members(),
        mode,
        minInSync,
        before.least(),
        Optional.empty());
  }

  /**
   * The primary changes the in-sync set.
   *
   * @param committed what is committed now; raises the least positions
   */
  public static ClusterRecord withMembers(
      ClusterRecord before, Collection<Member> members, Map<String, LogPoint> committed) {
    return changed(before, before.epoch(), members, committed, Optional.empty());
  }

  /** The primary takes a new epoch without giving up the lease, to abort what is in doubt. */
  public static ClusterRecord withNewEpoch(ClusterRecord before, Map<String, LogPoint> committed) {
    return changed(before, above(before.epoch()), before.members(), committed, Optional.empty());
  }

  /** The primary gives up the lease, in the same transaction of the store, for another node. */
  public static ClusterRecord handedOver(
      ClusterRecord before, Successor successor, Map<String, LogPoint> committed) {
    return changed(before, before.epoch(), before.members(), committed, Optional.of(successor));
  }

  /**
   * The same again with the next version. Written to make sure that a change whose answer was lost
   * cannot happen any more: it was conditional on the version before.
   */
  public static ClusterRecord refreshed(ClusterRecord before, Map<String, LogPoint> committed) {
    return withMembers(before, before.members(), committed);
  }

  private static ClusterRecord changed(
      ClusterRecord before,
      long epoch,
      Collection<Member> members,
      Map<String, LogPoint> committed,
      Optional<Successor> successor) {
    return new ClusterRecord(
        before.version() + 1,
        before.clusterId(),
        epoch,
        before.primary(),
        List.copyOf(members),
        before.mode(),
        before.minInSync(),
        ClusterRecordJson.fitting(raised(before.least(), committed)),
        successor);
  }

  private static Map<String, LogPoint> raised(
      Map<String, LogPoint> least, Map<String, LogPoint> committed) {
    Map<String, LogPoint> raised = new TreeMap<>(least);
    committed.forEach(
        (name, point) -> raised.merge(name, point, (old, now) -> now.isLaterThan(old) ? now : old));
    return raised;
  }

  private static long above(long epoch) {
    return Math.addExact(epoch, 1);
  }
}
