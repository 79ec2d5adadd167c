package io.tidemark.database;

import io.tidemark.database.RefusedException.Kind;
import java.io.IOException;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Ends doubts about the transactions at the end of the log of a primary: shows them like records of
 * another node, because their programs have been told of an error and have rolled back, or cuts
 * them off.
 *
 * <p>Invariant: of a commit over several databases nothing is shown before every other node has all
 * parts.
 */
final class Doubts {
  private static final Logger LOG = LoggerFactory.getLogger(Doubts.class);

  private final Store store;
  private final DatabaseFiles files;
  private final ReentrantLock lock;
  private final Availability availability;
  private final TransactionLog log;
  private final CommittedState committed;
  private final CommitWait waits;
  private final Applier applier;

  Doubts(DatabaseParts parts, CommitWait waits, Applier applier) {
    store = parts.store();
    files = parts.files();
    lock = parts.lock();
    availability = parts.availability();
    log = parts.log();
    committed = parts.committed();
    this.waits = waits;
    this.applier = applier;
  }

  /**
   * Shows what is committed.
   *
   * @return whether all of it, up to a transaction, is shown
   */
  boolean settle(long upToTxid) throws IOException {
    lock.lock();
    try {
      waits.awaitIdle();
      availability.check();
      waits.reached(Math.min(upToTxid, log.tailTxid()));
    } finally {
      lock.unlock();
    }
    long first = committed.position().txid() + 1;
    for (long txid = first; raise(txid, upToTxid); txid++) {
      LOG.info("{}: transaction {}, which was in doubt, is committed", files.name(), txid);
    }
    applier.showAll();
    return committed.position().txid() >= upToTxid;
  }

  /**
   * The commit position goes beyond one record.
   *
   * @return false if it cannot
   */
  private boolean raise(long txid, long upToTxid) throws IOException {
    GroupInfo group;
    long cuts;
    lock.lock();
    try {
      if (txid > Math.min(upToTxid, log.tailTxid())) {
        return false;
      }
      group = log.groupOf(txid);
      cuts = log.restarts();
    } finally {
      lock.unlock();
    }
    // Without the lock: it looks at other databases.
    if (group != null && !store.isGroupReached(group)) {
      return false;
    }
    lock.lock();
    try {
      if (cuts != log.restarts()) {
        return false;
      }
      log.point().raise(txid);
      return true;
    } finally {
      lock.unlock();
    }
  }

  boolean canCutAfter(long txid) {
    lock.lock();
    try {
      return !availability.isFailed()
          && txid >= Math.max(committed.position().txid(), log.committedTxid())
          && store.epoch() > log.tailEpoch();
    } finally {
      lock.unlock();
    }
  }

  void cutAfter(long txid) throws IOException {
    lock.lock();
    try {
      waits.awaitIdle();
      availability.check();
      long tail = log.tailTxid();
      if (tail <= txid) {
        return;
      }
      DatabasePosition now = committed.position();
      if (txid < Math.max(now.txid(), log.committedTxid())) {
        throw new RefusedException(
            Kind.NOT_PERMITTED,
            "transactions of "
                + files.name()
                + " after "
                + txid
                + " are committed up to "
                + Math.max(now.txid(), log.committedTxid())
                + " and are not cut off");
      }
      if (store.epoch() <= log.tailEpoch()) {
        throw new RefusedException(
            Kind.NOT_PERMITTED,
            "transaction "
                + tail
                + " of "
                + files.name()
                + " is of epoch "
                + log.tailEpoch()
                + "; it can be cut off only in a later one");
      }
      log.awaitDurable(txid);
      LogPosition last =
          txid == now.txid()
              ? new LogPosition(now.epoch(), txid, now.checksum())
              : log.positionAt(txid);
      log.cutAfter(last, store.epoch());
      waits.cut(txid);
      if (store.role() != Role.REPLICA && now.txid() >= txid) {
        availability.show();
      }
      LOG.warn(
          "{}: transactions {} to {}, which were in doubt, were not committed and are cut off",
          files.name(),
          txid + 1,
          tail);
    } catch (RefusedException e) {
      throw e;
    } catch (IOException e) {
      throw files.refused("cutting off what is in doubt of", e);
    } finally {
      lock.unlock();
    }
  }
}
