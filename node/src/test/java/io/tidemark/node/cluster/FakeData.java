package io.tidemark.node.cluster;

import static io.tidemark.node.cluster.Cluster3.point;

import io.tidemark.database.CommitGate;
import io.tidemark.database.InDoubt;
import io.tidemark.database.LogPosition;
import io.tidemark.lease.protocol.Eligibility;
import io.tidemark.lease.protocol.LogPoint;
import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Databases that are nothing but logs. Writes down, in order, what it is told to do. */
final class FakeData implements LocalData {
  private static final class Log {
    final List<LogPoint> records = new ArrayList<>();
    long durable;
    long committed;
    boolean doubtful;
    long firstKept = 1;

    LogPoint end() {
      return at(records.size());
    }

    LogPoint at(long txid) {
      return txid == 0 || txid > records.size() ? LogPoint.NONE : records.get((int) txid - 1);
    }
  }

  private final List<String> events;
  private final long nodeId;
  private final long incarnation;
  private final Map<String, Log> logs = new TreeMap<>();
  private long clusterId;
  private long epoch;
  private String fault;
  private boolean diskRefuses;
  private boolean writing;
  private boolean holding;
  private boolean primary;
  private CommitGate gate = CommitGate.ASYNC;

  FakeData(List<String> events, long nodeId, long incarnation) {
    this.events = events;
    this.nodeId = nodeId;
    this.incarnation = incarnation;
  }

  // ------------------------------------------------------------------ for tests

  synchronized FakeData follows(long newClusterId, long newEpoch) {
    clusterId = newClusterId;
    epoch = newEpoch;
    return this;
  }

  private Log log(String name) {
    return logs.computeIfAbsent(name, key -> new Log());
  }

  /** Appends records up to a transaction; on disk. */
  synchronized FakeData append(String name, long ofEpoch, long upTo) {
    Log log = log(name);
    while (log.records.size() < upTo) {
      log.records.add(point(ofEpoch, log.records.size() + 1));
    }
    log.durable = log.records.size();
    return this;
  }

  synchronized FakeData committed(String name, long txid) {
    log(name).committed = txid;
    return this;
  }

  synchronized FakeData durable(String name, long txid) {
    log(name).durable = txid;
    return this;
  }

  /** The program that waited for what is not committed was told that it is in doubt. */
  synchronized void doubt(String name) {
    log(name).doubtful = true;
  }

  synchronized void firstKept(String name, long txid) {
    log(name).firstKept = txid;
  }

  synchronized void fault(String why) {
    fault = why;
  }

  /** Whether nothing can be written. */
  synchronized void diskRefuses(boolean now) {
    diskRefuses = now;
  }

  private void checkDisk() throws IOException {
    if (diskRefuses) {
      throw new IOException("the disk refuses");
    }
  }

  /** Whether a program is in the middle of a transaction. */
  synchronized void writing(boolean now) {
    writing = now;
  }

  synchronized boolean isHolding() {
    return holding;
  }

  synchronized boolean isPrimary() {
    return primary;
  }

  synchronized CommitGate gate() {
    return gate;
  }

  // ------------------------------------------------------------------ as LocalData

  @Override
  public long nodeId() {
    return nodeId;
  }

  @Override
  public synchronized long clusterId() {
    return clusterId;
  }

  @Override
  public synchronized long foundingId() {
    return clusterId == 0 ? Cluster3.CLUSTER : clusterId;
  }

  @Override
  public long incarnation() {
    return incarnation;
  }

  @Override
  public synchronized long epoch() {
    return epoch;
  }

  @Override
  public synchronized Map<String, Eligibility.Database> databases() {
    Map<String, Eligibility.Database> all = new TreeMap<>();
    logs.forEach((name, log) -> all.put(name, new Eligibility.Database(log.end(), log::at, fault)));
    return all;
  }

  @Override
  public synchronized Map<String, LogPoint> ends() {
    Map<String, LogPoint> ends = new TreeMap<>();
    logs.forEach((name, log) -> ends.put(name, log.end()));
    return ends;
  }

  @Override
  public synchronized Map<String, Long> inherit() {
    events.add("inherit");
    Map<String, Long> ends = new TreeMap<>();
    logs.forEach(
        (name, log) -> {
          log.durable = log.records.size();
          ends.put(name, log.durable);
        });
    return ends;
  }

  @Override
  public synchronized long durable(String name) {
    return log(name).durable;
  }

  @Override
  public synchronized long committed(String name) {
    return log(name).committed;
  }

  @Override
  public synchronized boolean hasRecordsAfter(String name, long txid) {
    Log log = log(name);
    return txid >= log.records.size() || log.firstKept <= txid + 1;
  }

  @Override
  public synchronized long sharedWith(String name, LogPoint end) {
    Log log = log(name);
    for (long txid = Math.min(end.txid(), log.records.size()); txid > 0; txid--) {
      LogPoint here = log.at(txid);
      if (here.equals(end) || here.epoch() < end.epoch() && txid < end.txid()) {
        return txid;
      }
    }
    return 0;
  }

  @Override
  public synchronized String fault() {
    return fault;
  }

  @Override
  public synchronized void commitGate(CommitGate newGate) {
    gate = newGate;
  }

  @Override
  public synchronized void committedUpTo(String name, long ofEpoch, long txid) {
    Log log = log(name);
    if (ofEpoch == epoch && !log.doubtful) {
      log.committed = Math.max(log.committed, Math.min(txid, log.records.size()));
    }
  }

  @Override
  public synchronized boolean settle(String name, long txid) {
    Log log = log(name);
    log.committed = Math.max(log.committed, txid);
    log.doubtful = false;
    events.add("settle " + name + " " + txid);
    return true;
  }

  @Override
  public synchronized Map<String, InDoubt> doubts() {
    Map<String, InDoubt> doubts = new TreeMap<>();
    logs.forEach(
        (name, log) -> {
          LogPoint end = log.end();
          if (primary && log.doubtful && end.txid() > log.committed) {
            doubts.put(
                name,
                new InDoubt(
                    log.committed + 1,
                    new LogPosition(end.epoch(), end.txid(), end.checksum()),
                    Instant.EPOCH));
          }
        });
    return doubts;
  }

  @Override
  public synchronized void cutAfter(String name, long txid) throws IOException {
    checkDisk();
    Log log = log(name);
    log.records.subList((int) txid, log.records.size()).clear();
    log.durable = Math.min(log.durable, txid);
    log.doubtful = false;
    events.add("cut " + name + " " + txid);
  }

  @Override
  public synchronized Map<String, LogPoint> positions() {
    Map<String, LogPoint> positions = new TreeMap<>();
    logs.forEach(
        (name, log) -> {
          if (log.committed > 0) {
            positions.put(name, log.at(log.committed));
          }
        });
    return positions;
  }

  @Override
  public synchronized void followEpoch(long newClusterId, long newEpoch) throws IOException {
    checkDisk();
    clusterId = newClusterId;
    epoch = newEpoch;
    events.add("epoch " + newEpoch);
  }

  @Override
  public synchronized void becomePrimary(long newEpoch) throws IOException {
    checkDisk();
    if (!primary || epoch != newEpoch) {
      events.add("primary " + newEpoch);
    }
    primary = true;
    epoch = newEpoch;
  }

  @Override
  public synchronized void becomeReplica() {
    if (primary) {
      events.add("replica");
    }
    primary = false;
  }

  @Override
  public synchronized boolean holdWriters() {
    if (!holding) {
      events.add("hold");
    }
    holding = true;
    return !writing;
  }

  @Override
  public synchronized void releaseWriters() {
    if (holding) {
      events.add("let in");
    }
    holding = false;
  }
}
