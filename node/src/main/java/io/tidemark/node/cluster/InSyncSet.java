package io.tidemark.node.cluster;

import io.tidemark.lease.BootClock;
import io.tidemark.lease.protocol.ClusterRecord;
import io.tidemark.lease.protocol.LogPoint;
import io.tidemark.lease.protocol.Member;
import io.tidemark.lease.protocol.MemberAck;
import io.tidemark.lease.protocol.NextRecord;
import io.tidemark.lease.protocol.SetChange;
import io.tidemark.lease.protocol.Tail;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * A primary's view of who is in the in-sync set and who should be: turns what is known of the
 * connected nodes into questions to {@link SetChange}. For one thread.
 */
final class InSyncSet {
  private final BootClock clock;
  private final Duration awayTime;

  /** Since when each member has not been seen, {@link BootClock#nanos}. */
  private final Map<Long, Long> awaySince = new HashMap<>();

  /**
   * What a node that asks to be admitted has to have; it was committed when it was written down.
   */
  private final Map<Long, Goal> goals = new HashMap<>();

  private record Goal(Streams.Peer peer, Map<String, LogPoint> points) {}

  InSyncSet(BootClock clock, Duration awayTime) {
    this.clock = clock;
    this.awayTime = awayTime;
  }

  /** A new epoch of this node has begun. */
  void begin(ClusterRecord record) {
    awaySince.clear();
    goals.clear();
  }

  /**
   * The record that should take the place of this one, or null.
   *
   * @param positions what is committed now
   */
  ClusterRecord next(
      ClusterRecord record, Collection<Streams.Peer> peers, Map<String, LogPoint> positions) {
    SetChange.Verdict verdict = verdict(record, peers, positions);
    return verdict == null ? null : NextRecord.withMembers(record, verdict.members(), positions);
  }

  private SetChange.Verdict verdict(
      ClusterRecord record, Collection<Streams.Peer> peers, Map<String, LogPoint> positions) {
    Set<Long> here = new HashSet<>();
    for (Streams.Peer peer : peers) {
      here.add(peer.member().nodeId());
      SetChange.Verdict verdict =
          peer.isOpen() ? add(record, peer, positions) : greeting(record, peer, positions);
      if (verdict.kind() == SetChange.Kind.CHANGE) {
        return verdict;
      }
    }
    goals.keySet().retainAll(here);
    return away(record, here);
  }

  private static SetChange.Verdict greeting(
      ClusterRecord record, Streams.Peer peer, Map<String, LogPoint> positions) {
    Map<String, SetChange.Greeting> databases = new TreeMap<>();
    positions.forEach(
        (name, position) -> {
          long has = peer.ends().getOrDefault(name, LogPoint.NONE).txid();
          // Async: what was not yet there when the connection was cut is no loss.
          databases.put(name, new SetChange.Greeting(has, 0, leastOf(record, name)));
        });
    return SetChange.greeting(record, peer.member(), databases, false);
  }

  private static long leastOf(ClusterRecord record, String name) {
    return record.least().getOrDefault(name, LogPoint.NONE).txid();
  }

  private SetChange.Verdict add(
      ClusterRecord record, Streams.Peer peer, Map<String, LogPoint> positions) {
    long nodeId = peer.member().nodeId();
    Goal goal = goals.get(nodeId);
    if (goal == null || !goal.peer().equals(peer)) {
      goal = new Goal(peer, Map.copyOf(positions));
      goals.put(nodeId, goal);
    }
    Map<String, Long> durable = peer.durable();
    Map<String, SetChange.Lane> lanes = new TreeMap<>();
    goal.points()
        .forEach(
            (name, point) -> {
              Long has = durable.get(name);
              MemberAck ack =
                  has == null ? null : new MemberAck(peer.member(), record.epoch(), has);
              lanes.put(name, new SetChange.Lane(new Tail(0, point.txid()), ack));
            });
    SetChange.Verdict verdict =
        SetChange.add(
            record, new SetChange.Asking(peer.member(), peer.fault(), false, lanes), false);
    if (verdict.kind() != SetChange.Kind.WAIT) {
      goals.remove(nodeId);
    }
    return verdict;
  }

  private SetChange.Verdict away(ClusterRecord record, Set<Long> here) {
    long now = clock.nanos();
    for (Member member : record.members()) {
      long nodeId = member.nodeId();
      if (nodeId == record.primary().nodeId() || here.contains(nodeId)) {
        awaySince.remove(nodeId);
        continue;
      }
      long since = awaySince.computeIfAbsent(nodeId, key -> now);
      if (now - since > awayTime.toNanos()) {
        awaySince.remove(nodeId);
        SetChange.Verdict verdict =
            SetChange.remove(
                record, nodeId, "it has been away for " + awayTime.toSeconds() + " s", false);
        if (verdict.kind() == SetChange.Kind.CHANGE) {
          return verdict;
        }
      }
    }
    return null;
  }

  /** Lets the streams of nodes begin of which nothing stands in the way. */
  void openWelcome(
      ClusterRecord record, Collection<Streams.Peer> peers, Map<String, LogPoint> positions) {
    for (Streams.Peer peer : peers) {
      if (!peer.isOpen() && greeting(record, peer, positions).kind() == SetChange.Kind.NONE) {
        peer.open();
      }
    }
  }

  /**
   * The member that can take over best, or null.
   *
   * @param wanted only this node; 0 for any
   */
  Streams.Peer successor(ClusterRecord record, Collection<Streams.Peer> peers, long wanted) {
    Streams.Peer best = null;
    long most = -1;
    for (Streams.Peer peer : peers) {
      boolean asked = wanted == 0 || peer.member().nodeId() == wanted;
      if (asked && fitness(record, peers, peer) == null) {
        long sum = peer.durable().values().stream().mapToLong(Long::longValue).sum();
        if (sum > most) {
          most = sum;
          best = peer;
        }
      }
    }
    return best;
  }

  /** Why that node cannot take over, or null if it can. */
  String fitness(ClusterRecord record, Collection<Streams.Peer> peers, Streams.Peer peer) {
    if (!peers.contains(peer)) {
      return "it is not connected any more";
    }
    if (!peer.isOpen() || !peer.member().equals(record.member(peer.member().nodeId()))) {
      return "it is not in the in-sync set";
    }
    return peer.fault();
  }

  /** Whether a node has acknowledged the ends of all logs. */
  static boolean hasAll(Streams.Peer peer, Map<String, LogPoint> ends) {
    Map<String, Long> durable = peer.durable();
    for (Map.Entry<String, LogPoint> end : ends.entrySet()) {
      if (durable.getOrDefault(end.getKey(), 0L) < end.getValue().txid()) {
        return false;
      }
    }
    return true;
  }
}
