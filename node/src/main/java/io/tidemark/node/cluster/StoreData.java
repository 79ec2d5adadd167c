package io.tidemark.node.cluster;

import io.tidemark.database.CommitGate;
import io.tidemark.database.Database;
import io.tidemark.database.DatabasePosition;
import io.tidemark.database.InDoubt;
import io.tidemark.database.LogPosition;
import io.tidemark.database.ReplicationException;
import io.tidemark.database.Role;
import io.tidemark.database.Store;
import io.tidemark.lease.protocol.Eligibility;
import io.tidemark.lease.protocol.LogPoint;
import io.tidemark.stream.DatabaseHistory;
import io.tidemark.stream.Position;
import io.tidemark.stream.StepBack;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.HexFormat;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.random.RandomGenerator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The databases of a store, as the cluster sees them. */
final class StoreData implements LocalData {
  private static final Logger LOG = LoggerFactory.getLogger(StoreData.class);

  private final Store store;

  /** Whose writers are held. */
  private final Map<String, Database> held = new ConcurrentHashMap<>();

  /** For a cluster that this node founds without having been in one. */
  private final long newClusterId;

  StoreData(Store store, RandomGenerator random) {
    this.store = store;
    this.newClusterId = random.nextLong() | 1;
  }

  private static long number(String hex) {
    return Long.parseUnsignedLong(hex, 16);
  }

  @Override
  public long nodeId() {
    return number(store.nodeId());
  }

  @Override
  public long clusterId() {
    return store.hasTransactions() || store.epoch() > 0 ? number(store.clusterId()) : 0;
  }

  @Override
  public long foundingId() {
    long known = number(store.clusterId());
    return known == 0 ? newClusterId : known;
  }

  @Override
  public long incarnation() {
    return number(store.incarnation());
  }

  @Override
  public long epoch() {
    return store.epoch();
  }

  @Override
  public Map<String, Eligibility.Database> databases() {
    Map<String, Eligibility.Database> all = new TreeMap<>();
    for (Database database : store.allDatabases()) {
      String fault = database.failure();
      LogPoint end = fault == null ? endOf(database) : LogPoint.NONE;
      all.put(
          database.name(), new Eligibility.Database(end, txid -> pointAt(database, txid), fault));
    }
    return all;
  }

  private static LogPoint pointAt(Database database, long txid) {
    try {
      DatabasePosition then = database.positionAt(txid);
      return then == null ? null : point(then);
    } catch (IOException e) {
      LOG.debug("{} at {}: {}", database.name(), txid, e.toString());
      return null; // cannot be told
    }
  }

  private static LogPoint point(DatabasePosition position) {
    return position.txid() == 0
        ? LogPoint.NONE
        : new LogPoint(position.epoch(), position.txid(), position.checksum());
  }

  private static LogPoint endOf(Database database) {
    LogPosition end = database.replicaLog().received();
    return end.txid() == 0 ? LogPoint.NONE : new LogPoint(end.epoch(), end.txid(), end.checksum());
  }

  @Override
  public Map<String, LogPoint> ends() {
    Map<String, LogPoint> ends = new TreeMap<>();
    for (Database database : store.allDatabases()) {
      LogPoint end = endOf(database);
      if (database.failure() == null && !end.isNone()) {
        ends.put(database.name(), end);
      }
    }
    return ends;
  }

  @Override
  public Map<String, LogPoint> positions() {
    Map<String, LogPoint> positions = new TreeMap<>();
    for (Database database : store.allDatabases()) {
      LogPoint now = point(database.position());
      if (database.failure() == null && !now.isNone()) {
        positions.put(database.name(), now);
      }
    }
    return positions;
  }

  @Override
  public long durable(String name) {
    Database database = store.get(name);
    return database == null ? 0 : database.appendedDurable();
  }

  @Override
  public long committed(String name) {
    Database database = store.get(name);
    return database == null ? 0 : database.commitTxid();
  }

  @Override
  public Map<String, Long> inherit() {
    Map<String, Long> ends = new TreeMap<>();
    ends()
        .forEach(
            (name, end) -> {
              try {
                store.get(name).replicaLog().awaitDurable(end.txid());
                ends.put(name, end.txid());
              } catch (ReplicationException e) {
                LOG.error("{}: not served: {}", name, e.getMessage());
              }
            });
    return ends;
  }

  @Override
  public boolean hasRecordsAfter(String name, long txid) {
    Database database = store.get(name);
    return database == null
        || txid >= database.appended().txid()
        || database.firstInLog() <= txid + 1 && database.firstInLog() > 0;
  }

  @Override
  public long sharedWith(String name, LogPoint end) {
    Database database = store.get(name);
    if (database == null || end.isNone()) {
      return 0;
    }
    if (end.equals(pointAt(database, end.txid()))) {
      return end.txid();
    }
    Position theirs = Position.of(end.epoch(), end.txid(), end.checksum());
    try {
      return StepBack.candidate(theirs, new DatabaseHistory(database)).txid().value();
    } catch (UncheckedIOException e) {
      LOG.warn("{}: cannot compare with {}: {}", name, end, e.toString());
      return 0; // the other node leaves the set, which is the safe side
    }
  }

  @Override
  public String fault() {
    for (Database database : store.allDatabases()) {
      if (database.failure() != null) {
        return "'" + database.name() + "' cannot be served: " + database.failure();
      }
    }
    return null;
  }

  @Override
  public void commitGate(CommitGate gate) {
    store.commitGate(gate);
  }

  @Override
  public void committedUpTo(String name, long epoch, long txid) {
    Database database = store.get(name);
    if (database != null) {
      database.committedUpTo(epoch, txid);
    }
  }

  @Override
  public boolean settle(String name, long txid) throws IOException {
    Database database = store.get(name);
    return database == null || database.settleCommitted(txid);
  }

  @Override
  public Map<String, InDoubt> doubts() {
    Map<String, InDoubt> doubts = new TreeMap<>();
    for (Database database : store.allDatabases()) {
      InDoubt doubt = database.failure() == null ? database.inDoubt() : null;
      if (doubt != null) {
        doubts.put(database.name(), doubt);
      }
    }
    return doubts;
  }

  @Override
  public void cutAfter(String name, long txid) throws IOException {
    store.get(name).cutAfter(txid);
  }

  @Override
  public void followEpoch(long clusterId, long epoch) throws IOException {
    store.follow(HexFormat.of().toHexDigits(clusterId), epoch);
  }

  @Override
  public void becomePrimary(long epoch) throws IOException {
    store.becomePrimary(epoch);
  }

  @Override
  public void becomeReplica() {
    if (store.role() != Role.REPLICA) {
      store.becomeReplica();
    }
  }

  @Override
  public boolean tryHoldWriters() throws IOException {
    for (Database database : store.databases()) {
      if (database.failure() == null && held.get(database.name()) != database) {
        if (!database.tryHalt()) {
          database.endHalt(); // what an unsuccessful attempt took
          return false;
        }
        held.put(database.name(), database);
      }
    }
    return true;
  }

  @Override
  public void releaseWriters() {
    held.values().forEach(Database::endHalt);
    held.clear();
  }
}
