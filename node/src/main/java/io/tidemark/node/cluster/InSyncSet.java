package io.tidemark.node.cluster;

import io.tidemark.lease.BootClock;
import io.tidemark.lease.protocol.ClusterRecord;
import io.tidemark.lease.protocol.CommitMode;
import io.tidemark.lease.protocol.LogPoint;
import io.tidemark.lease.protocol.Member;
import io.tidemark.lease.protocol.MemberAck;
import io.tidemark.lease.protocol.SetChange;
import io.tidemark.lease.protocol.Tail;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * A primary's view of who is in the in-sync set and who should be: turns what is known of the
 * connected nodes into questions to {@link SetChange}. For one thread.
 */
final class InSyncSet {
  private final BootClock clock;
  private final LocalData data;
  private final Duration slowTime;

  /** Since when each member has not been connected, {@link BootClock#nanos}. */
  private final Map<Long, Long> awaySince = new HashMap<>();

  /** What each connected member lacks, and since when. */
  private final Map<Long, Behind> behind = new HashMap<>();

  /** Up to where a node that asks to be admitted has to come before it is waited for. */
  private final Map<Streams.Peer, Map<String, Long>> goals = new HashMap<>();

  /** Who was a member in this epoch and left: it comes back with a token that it draws anew. */
  private final Set<Member> left = new HashSet<>();

  private List<Member> members = List.of();

  private record Behind(long since, Map<String, Long> wanted) {}

  /**
   * @param slowTime how long a connected member may owe a sync commit its acknowledgement
   */
  InSyncSet(BootClock clock, LocalData data, Duration slowTime) {
    this.clock = clock;
    this.data = data;
    this.slowTime = slowTime;
  }

  /**
   * An epoch of this node begins.
   *
   * @param since when members that are not connected could have been, {@link BootClock#nanos}
   */
  void begin(ClusterRecord record, long since) {
    awaySince.clear();
    behind.clear();
    goals.clear();
    left.clear();
    members = record.members();
    record.members().forEach(member -> awaySince.put(member.nodeId(), since));
  }

  /**
   * How the set should change; of {@link SetChange.Kind#CHANGE} or {@link SetChange.Kind#NONE}.
   *
   * @param awayTime how long a member may not be connected
   */
  SetChange.Verdict next(
      ClusterRecord record, Collection<Streams.Peer> peers, Commits commits, Duration awayTime) {
    if (members != record.members()) {
      left.addAll(members);
      left.removeAll(record.members());
      members = record.members();
    }
    Set<Long> here = new HashSet<>();
    for (Streams.Peer peer : peers) {
      here.add(peer.member().nodeId());
      SetChange.Verdict verdict = of(record, peer, commits);
      if (verdict.kind() == SetChange.Kind.CHANGE) {
        return verdict;
      }
    }
    goals.keySet().retainAll(peers);
    behind.keySet().retainAll(here);
    return away(record, here, awayTime);
  }

  private SetChange.Verdict of(ClusterRecord record, Streams.Peer peer, Commits commits) {
    if (!peer.isOpen()) {
      return greeting(record, peer, commits);
    }
    if (peer.asksForAdmission() && !peer.member().equals(record.member(peer.member().nodeId()))) {
      // Its admission of before says nothing: it may not even hear that it has left.
      return left.contains(peer.member())
          ? nothing(peer.member() + " has left the set, and has not asked again")
          : add(record, peer, commits);
    }
    return slow(record, peer);
  }

  /** What a node that has connected must not have lost, see {@link SetChange#greeting}. */
  private SetChange.Verdict greeting(ClusterRecord record, Streams.Peer peer, Commits commits) {
    Map<String, SetChange.Greeting> databases = new TreeMap<>();
    data.ends()
        .keySet()
        .forEach(
            name -> {
              long has = data.sharedWith(name, peer.ends().getOrDefault(name, LogPoint.NONE));
              // Async: what was not there yet when a connection was cut is no loss.
              long committed =
                  record.mode() == CommitMode.SYNC
                      ? commits.tail(name).committed()
                      : record.least().getOrDefault(name, LogPoint.NONE).txid();
              // A member that cannot be sent records gets a copy, and is not one meanwhile.
              boolean copy = !data.hasRecordsAfter(name, has);
              databases.put(
                  name, new SetChange.Greeting(has, 0, copy ? Long.MAX_VALUE : committed));
            });
    return SetChange.greeting(record, peer.member(), databases, false);
  }

  private SetChange.Verdict add(ClusterRecord record, Streams.Peer peer, Commits commits) {
    Map<String, Long> goal = goals.computeIfAbsent(peer, key -> positions());
    SetChange.Verdict verdict = SetChange.add(record, asking(record, peer, goal, commits), false);
    if (verdict.kind() == SetChange.Kind.CHANGE) {
      goals.remove(peer);
    }
    return verdict;
  }

  /**
   * Whether a node has all that is committed at this moment: looked at again when its
   * acknowledgements are already waited for.
   */
  boolean isCaughtUp(ClusterRecord record, Streams.Peer peer, Commits commits) {
    return SetChange.add(record, asking(record, peer, positions(), commits), false).kind()
        == SetChange.Kind.CHANGE;
  }

  private Map<String, Long> positions() {
    Map<String, Long> positions = new TreeMap<>();
    data.positions().forEach((name, point) -> positions.put(name, point.txid()));
    return positions;
  }

  private static SetChange.Asking asking(
      ClusterRecord record, Streams.Peer peer, Map<String, Long> goal, Commits commits) {
    Map<String, SetChange.Lane> lanes = new TreeMap<>();
    Mutant.goals(goal)
        .forEach(
            (name, txid) -> {
              long has = peer.durable(name);
              MemberAck ack = has < 0 ? null : new MemberAck(peer.member(), peer.epoch(), has);
              Tail tail = commits.tail(name);
              lanes.put(name, new SetChange.Lane(new Tail(tail.inherited(), txid), ack));
            });
    return new SetChange.Asking(peer.member(), peer.fault(), peer.isResynchronising(), lanes);
  }

  private static SetChange.Verdict nothing(String reason) {
    return new SetChange.Verdict(SetChange.Kind.NONE, null, reason);
  }

  /** Sync: a member that does not acknowledge holds up all commits. */
  private SetChange.Verdict slow(ClusterRecord record, Streams.Peer peer) {
    long nodeId = peer.member().nodeId();
    if (record.mode() == CommitMode.ASYNC || !peer.member().equals(record.member(nodeId))) {
      return nothing(peer.member() + " holds up nothing");
    }
    Behind known = behind.get(nodeId);
    if (known == null || has(peer, known.wanted())) {
      Map<String, Long> wanted = new TreeMap<>();
      data.ends().keySet().forEach(name -> wanted.put(name, data.durable(name)));
      behind.put(nodeId, new Behind(clock.nanos(), wanted));
      return nothing(peer.member() + " acknowledges");
    }
    Duration late = Duration.ofNanos(clock.nanos() - known.since());
    return late.compareTo(slowTime) < 0
        ? nothing(peer.member() + " may still acknowledge")
        : SetChange.remove(
            record, nodeId, "it has not acknowledged for " + late.toMillis() + " ms", false);
  }

  private static boolean has(Streams.Peer peer, Map<String, Long> wanted) {
    for (Map.Entry<String, Long> database : wanted.entrySet()) {
      if (peer.durable(database.getKey()) < database.getValue()) {
        return false;
      }
    }
    return true;
  }

  private SetChange.Verdict away(ClusterRecord record, Set<Long> here, Duration awayTime) {
    long now = clock.nanos();
    SetChange.Verdict verdict = nothing("all members are connected");
    for (Member member : record.members()) {
      long nodeId = member.nodeId();
      if (nodeId == record.primary().nodeId() || here.contains(nodeId)) {
        awaySince.remove(nodeId);
        continue;
      }
      long since = awaySince.computeIfAbsent(nodeId, key -> now);
      if (now - since >= awayTime.toNanos()) {
        verdict =
            SetChange.remove(
                record,
                nodeId,
                "it has been away for " + Duration.ofNanos(now - since).toMillis() + " ms",
                false);
        if (verdict.kind() == SetChange.Kind.CHANGE) {
          return verdict;
        }
      }
    }
    return verdict;
  }

  /** Lets the streams of nodes begin of which nothing stands in the way. */
  void openWelcome(ClusterRecord record, Collection<Streams.Peer> peers, Commits commits) {
    for (Streams.Peer peer : peers) {
      if (!peer.isOpen() && greeting(record, peer, commits).kind() == SetChange.Kind.NONE) {
        peer.open();
      }
    }
  }

  /** Why no sync commit can be confirmed now, or null. */
  static String obstacle(ClusterRecord record, Collection<Streams.Peer> peers) {
    if (record.members().size() < record.minInSync()) {
      return record.members().size()
          + " in-sync nodes, and replication.min-in-sync is "
          + record.minInSync();
    }
    for (Member member : record.members()) {
      boolean here =
          member.nodeId() == record.primary().nodeId()
              || peers.stream().anyMatch(peer -> peer.isOpen() && peer.member().equals(member));
      if (!here) {
        return "the in-sync member " + member + " is not connected";
      }
    }
    return null;
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
      if (asked && unfitness(record, peers, peer) == null) {
        long sum = data.ends().keySet().stream().mapToLong(peer::durable).sum();
        if (sum > most) {
          most = sum;
          best = peer;
        }
      }
    }
    return best;
  }

  /** Why that node cannot take over, or null if it can. */
  static String unfitness(ClusterRecord record, Collection<Streams.Peer> peers, Streams.Peer peer) {
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
    for (Map.Entry<String, LogPoint> end : ends.entrySet()) {
      if (peer.durable(end.getKey()) < end.getValue().txid()) {
        return false;
      }
    }
    return true;
  }
}
