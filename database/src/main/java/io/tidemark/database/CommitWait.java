package io.tidemark.database;

import io.tidemark.database.RefusedException.Kind;
import java.time.Instant;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Waits until the transaction that one database has just appended is committed, and knows whether
 * it is in doubt afterwards.
 *
 * <p>While a commit waits, the lock of the database is free: the stream reads the record, readers
 * read, checkpoints go on. What would change the state that the transaction was captured from waits
 * for {@link #awaitIdle}.
 *
 * <p>Invariants:
 *
 * <ul>
 *   <li>Once a record was offered to other nodes there is no refusal: the wait ends with the
 *       transaction committed, or in doubt.
 *   <li>In doubt is what the log of a primary has beyond what counts. Nothing is appended after it.
 * </ul>
 *
 * <p>Guarded by the lock of the database; {@link #isWaiting} and {@link #reached} may be read
 * without.
 */
final class CommitWait {
  private static final Logger LOG = LoggerFactory.getLogger(CommitWait.class);

  private final Store store;
  private final Database database;
  private final ReentrantLock lock;
  private final Condition changed;
  private final TransactionLog log;
  private final CommittedState committed;

  private volatile boolean waiting;
  private boolean lost;

  /** Up to here all nodes that have to have the records have them. */
  private volatile long reached;

  /** When the doubt began that there may be. */
  private volatile Instant since = Instant.now();

  CommitWait(
      Store store,
      Database database,
      ReentrantLock lock,
      TransactionLog log,
      CommittedState committed) {
    this.store = store;
    this.database = database;
    this.lock = lock;
    this.changed = lock.newCondition();
    this.log = log;
    this.committed = committed;
  }

  /** Whether a commit waits for other nodes. */
  boolean isWaiting() {
    return waiting;
  }

  /** Returns when no commit waits; gives up the lock meanwhile, which the caller holds. */
  void awaitIdle() {
    while (waiting) {
      changed.awaitUninterruptibly();
    }
  }

  // ------------------------------------------------------------- one commit

  /**
   * Returns when the record that was just appended is committed. Gives up the lock meanwhile.
   *
   * @throws RefusedException (IN_DOUBT) when that is not known in time
   */
  void awaitCommitted(long epoch, long txid) throws RefusedException {
    long deadline = deadline();
    begin(txid);
    try {
      int holds = lock.getHoldCount();
      for (int i = 0; i < holds; i++) {
        lock.unlock();
      }
      RefusedException trouble;
      try {
        trouble = spread(epoch, txid);
      } finally {
        for (int i = 0; i < holds; i++) {
          lock.lock();
        }
      }
      if (trouble != null || !awaitReached(txid, deadline) || !store.commitGate().holds(epoch)) {
        throw doubt(txid, trouble);
      }
      FaultPoint.COMMIT_CONFIRMED.pass();
      log.point().raise(txid);
    } finally {
      end();
    }
  }

  /** The time until which a commit that begins to wait now may wait, {@link System#nanoTime}. */
  long deadline() {
    return System.nanoTime() + store.commitGate().ackTimeout().toNanos();
  }

  /** A commit begins to wait; other nodes may have its record from now on. */
  void begin(long txid) {
    assert !waiting;
    waiting = true;
    lost = false;
    log.point().await(txid);
    log.point().offer(txid);
  }

  /** Lets the record get to all disks; without any lock. Returns why this node's has not got it. */
  RefusedException spread(long epoch, long txid) {
    CommitGate gate = store.commitGate();
    gate.offered(database, epoch, txid);
    FaultPoint.COMMIT_OFFERED.pass();
    try {
      log.awaitDurable(txid);
    } catch (RefusedException e) {
      return e;
    }
    gate.durable(database, epoch, txid);
    return null;
  }

  /**
   * Waits for the other nodes; gives up the lock meanwhile.
   *
   * @return whether they have the record
   */
  boolean awaitReached(long txid, long deadline) {
    long begin = System.nanoTime();
    boolean interrupted = false;
    while (reached < txid && !lost) {
      long left = deadline - System.nanoTime();
      if (left <= 0) {
        break;
      }
      try {
        changed.awaitNanos(left);
      } catch (InterruptedException e) {
        interrupted = true; // the record is out: whoever wants this to end says that it is lost
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    database.metrics().ackLatency.record(System.nanoTime() - begin);
    return reached >= txid;
  }

  /** The commit that waited is through, one way or the other. */
  void end() {
    waiting = false;
    log.point().await(0);
    changed.signalAll();
  }

  /** The commit cannot be answered; its record stays in the log. */
  RefusedException doubt(long txid, RefusedException cause) {
    since = Instant.now();
    String why =
        cause != null
            ? cause.getMessage()
            : lost ? "this node is not primary any more" : "other nodes did not confirm it in time";
    String what =
        "transaction " + txid + " of " + database.name() + " is in doubt (" + why + "); it is";
    LOG.warn("{} shown nowhere until it is settled", what);
    return new RefusedException(
        Kind.IN_DOUBT,
        what + " shown nowhere until it is settled; 'tidemark status' tells when",
        cause);
  }

  // ------------------------------------------------------ what others say

  long reached() {
    return reached;
  }

  /** Every node that has to have the records up to {@code txid} has them on its disk. */
  void reached(long txid) {
    if (txid > reached) {
      reached = txid;
      changed.signalAll();
    }
  }

  /** This node cannot find out any more whether the transaction that waits is committed. */
  void lose() {
    lost = true;
    changed.signalAll();
  }

  /** The log has nothing after a transaction any more. */
  void cut(long tail) {
    reached = Math.min(reached, tail);
  }

  // ------------------------------------------------------------------ doubt

  /** What the log has beyond what counts is for this node to settle from now on. */
  void promoted() {
    since = Instant.now();
  }

  /** Whether the log has more than what counts, and no commit is under way. */
  private boolean isInDoubt() {
    return !waiting && log.tailTxid() > committed.position().txid();
  }

  InDoubt inDoubt() {
    return isInDoubt()
        ? new InDoubt(
            committed.position().txid() + 1,
            new LogPosition(log.tailEpoch(), log.tailTxid(), log.tailChecksum()),
            since)
        : null;
  }

  /**
   * @throws RefusedException (BUSY) when the transaction before is on its way
   */
  void checkIdle() throws RefusedException {
    if (waiting) {
      check();
    }
  }

  /**
   * @throws RefusedException when nothing may be appended; BUSY as long as the doubt may end soon
   */
  void check() throws RefusedException {
    if (waiting || isInDoubt()) {
      Instant soon = since.plus(store.commitGate().ackTimeout());
      throw new RefusedException(
          waiting || Instant.now().isBefore(soon) ? Kind.BUSY : Kind.IO,
          "transaction "
              + log.tailTxid()
              + " of "
              + database.name()
              + " is not settled yet"
              + (waiting ? "" : ", in doubt since " + since)
              + "; writes are refused until it is");
    }
  }
}
