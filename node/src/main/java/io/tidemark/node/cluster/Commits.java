package io.tidemark.node.cluster;

import io.tidemark.database.CommitGate;
import io.tidemark.database.Database;
import io.tidemark.database.RefusedException;
import io.tidemark.lease.protocol.CommitMode;
import io.tidemark.lease.protocol.CommitRule;
import io.tidemark.lease.protocol.MemberAck;
import io.tidemark.lease.protocol.Tail;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/**
 * Which transactions are committed while this node is primary. Asks {@link CommitRule} whenever the
 * log of this node or of a member has grown.
 *
 * <p>Invariant: a commit position is found with the rule of an epoch and with acknowledgements of
 * that epoch, and {@link Database#committedUpTo} takes it only as long as the epoch lasts. When a
 * rule has been replaced, nothing is committed by the one before: whoever looks at the commit
 * positions then sees all of them.
 */
final class Commits implements CommitGate {
  private final LocalData data;
  private final Streams streams;
  private final boolean sync;
  private final Duration ackTimeout;
  private final ReentrantReadWriteLock change = new ReentrantReadWriteLock();
  private volatile Reign reign; // replaced under the write lock
  private volatile String obstacle;

  /**
   * One epoch of this node.
   *
   * @param inherited where the log of each database ended when it began; a database goes away here
   *     when all of that is committed and shown
   */
  private record Reign(Tenancy tenancy, long epoch, CommitRule rule, Map<String, Long> inherited) {}

  Commits(LocalData data, Streams streams, CommitMode mode, Duration ackTimeout) {
    this.data = data;
    this.streams = streams;
    this.sync = mode == CommitMode.SYNC;
    this.ackTimeout = ackTimeout;
  }

  // ------------------------------------------------------- from the cluster's thread

  /** An epoch begins; the ends of the logs do not change before this returns. */
  void begin(Tenancy tenancy, CommitRule rule, Map<String, Long> inherited) {
    obstacle = "the primary has not settled yet";
    replace(new Reign(tenancy, rule.epoch(), rule, new ConcurrentHashMap<>(inherited)));
  }

  private void replace(Reign next) {
    change.writeLock().lock();
    try {
      reign = next;
    } finally {
      change.writeLock().unlock();
    }
  }

  /** The record has changed, or a change of it is under way. */
  void rule(CommitRule rule) {
    Reign now = reign;
    replace(new Reign(now.tenancy(), now.epoch(), rule, now.inherited()));
    data.ends().keySet().forEach(this::judge);
  }

  /** Why programs may not commit although this node is primary; null if they may. */
  void obstacle(String why) {
    obstacle = why;
  }

  /** Nothing is committed here any more. */
  void end() {
    replace(null);
  }

  /** Whether this node is primary, or settles what it has inherited. */
  boolean hasBegun() {
    return reign != null;
  }

  CommitRule rule() {
    return reign.rule();
  }

  /** What this epoch has inherited of a database, and what is committed of that. */
  Tail tail(String name) {
    Reign now = reign;
    return new Tail(
        now.inherited().getOrDefault(name, 0L),
        Math.max(data.committed(name), committed(now, name)));
  }

  /** Databases of which something that was inherited is not known to be committed. */
  Map<String, Long> unsettled() {
    Reign now = reign;
    return now == null ? Map.of() : new TreeMap<>(now.inherited());
  }

  /** All that a database has inherited is committed, and shown. */
  void settled(String name) {
    reign.inherited().remove(name);
  }

  // ------------------------------------------------------------------- from any thread

  /** The commit position that followers are told of; -1 for none yet. */
  long announced(Database database) {
    Reign now = reign;
    return now == null || now.inherited().containsKey(database.name())
        ? -1
        : Mutant.ANNOUNCED_EARLY.isOn() ? data.durable(database.name()) : database.commitTxid();
  }

  /** A member has more of a database on its disk. */
  void acknowledged(String name) {
    judge(name);
  }

  private void judge(String name) {
    if (!sync) {
      return; // the log alone decides
    }
    change.readLock().lock();
    try {
      Reign now = reign;
      if (now != null && !now.inherited().containsKey(name)) {
        data.committedUpTo(name, now.epoch(), committed(now, name));
      }
    } finally {
      change.readLock().unlock();
    }
  }

  private long committed(Reign now, String name) {
    return Mutant.judgesCommits()
        ? Mutant.committed(data.durable(name), name, streams.peers())
        : now.rule().committed(0, data.durable(name), acks(name));
  }

  /** The newest acknowledgements for a database. */
  CommitRule.Acks acks(String name) {
    List<Streams.Peer> peers = streams.peers(); // once, not for each member
    return nodeId -> {
      for (Streams.Peer peer : peers) {
        if (peer.member().nodeId() == nodeId) {
          long durable = peer.durable(name);
          return durable < 0 ? null : new MemberAck(peer.member(), peer.epoch(), durable);
        }
      }
      return null;
    };
  }

  // --------------------------------------------------------------------- as a gate

  @Override
  public boolean waits() {
    return sync; // must not change between the append of a record and the wait for it
  }

  @Override
  public void check() throws RefusedException {
    String why = sync ? obstacle : null;
    if (why != null) {
      throw new RefusedException(RefusedException.Kind.BUSY, why);
    }
  }

  @Override
  public void offered(Database database, long epoch, long txid) {
    streams.offered(database);
  }

  @Override
  public void durable(Database database, long epoch, long txid) {
    judge(database.name());
  }

  @Override
  public boolean holds(long epoch) {
    Reign now = reign;
    return now != null && now.epoch() == epoch && now.tenancy().isHeld();
  }

  @Override
  public Duration ackTimeout() {
    return ackTimeout;
  }
}
