package io.tidemark.database;

import io.tidemark.database.Disk.DiskFile;
import java.io.IOException;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The redo point of a database: checkpoints that move it, the regular work that makes such moves
 * possible, and the deletion of the log before it.
 *
 * <p>Invariants:
 *
 * <ul>
 *   <li>The database file on the disk has everything up to the redo point of the last checkpoint;
 *       the log has everything after it.
 *   <li>The redo point never moves again after a failed sync of the database file: another sync
 *       would prove nothing.
 *   <li>No segment goes that the last checkpoint or a pin needs.
 * </ul>
 *
 * <p>Its methods take the lock of the database themselves, for what must be consistent, and hold it
 * during no sync of the database file, unless the caller does; only {@link #redoTxid} wants it
 * held.
 */
final class Checkpointer {
  private static final Logger LOG = LoggerFactory.getLogger(Checkpointer.class);

  /** Log bytes after the redo point that make a checkpoint worthwhile. */
  private static final long CHECKPOINT_LOG_BYTES = 64 << 20;

  private final DatabaseFiles files;
  private final ReentrantLock lock;
  private final Availability availability;
  private final StoreOptions options;
  private final TransactionLog log;
  private final CommittedState committed;
  private final MainContent content;
  private final WalMode walMode;
  private final LogPins pins;

  private CheckpointFile last = CheckpointFile.NONE;
  private volatile String fileSyncFailure;

  /** Checkpoints on their way, which may still write the checkpoint file. */
  private int running;

  private final Condition idle;

  /** Sum of the transactions of log and image when the last upkeep left nothing to do. */
  private volatile long upkept = -1;

  Checkpointer(
      DatabaseFiles files,
      ReentrantLock lock,
      Availability availability,
      StoreOptions options,
      TransactionLog log,
      CommittedState committed,
      MainContent content,
      WalMode walMode,
      LogPins pins) {
    this.files = files;
    this.lock = lock;
    this.idle = lock.newCondition();
    this.availability = availability;
    this.options = options;
    this.log = log;
    this.committed = committed;
    this.content = content;
    this.walMode = walMode;
    this.pins = pins;
  }

  /** What recovery starts from, or {@link CheckpointFile#NONE}. */
  CheckpointFile last() {
    return last;
  }

  /**
   * Reads the checkpoint on the disk.
   *
   * @return false if there is no valid one
   */
  boolean read() throws IOException {
    CheckpointFile found = CheckpointFile.read(files.disk(), files.checkpoint());
    last = found == null ? CheckpointFile.NONE : found;
    return found != null;
  }

  /** The last transaction of which the database file has everything. Wants the lock held. */
  long redoTxid() {
    return content.redoTxid(walMode.redoTxid());
  }

  /**
   * Makes the database file and the page checksums durable and moves the redo point, so that the
   * log before it is needed only for replicas and history.
   */
  void checkpoint() throws IOException {
    CheckpointFile next;
    DiskFile file;
    lock.lock();
    try {
      DatabasePosition position = committed.position();
      if (availability.isFailed() || position.txid() == 0) {
        return;
      }
      MainFile main = content.current();
      next =
          new CheckpointFile(
              redoTxid(),
              position.txid(),
              position.checksum(),
              position.epoch(),
              committed.pageSize(),
              committed.isWal(),
              committed.commitMillis(),
              main == null ? 0 : main.file.size(),
              committed.sums().copy());
      if (next.redoTxid() == last.redoTxid() && next.txid() == last.txid()) {
        return;
      }
      file = committed.exists() ? files.openDatabase() : null;
      running++;
    } finally {
      lock.unlock();
    }
    try {
      write(next, file);
    } finally {
      lock.lock();
      try {
        running--;
        idle.signalAll();
      } finally {
        lock.unlock();
      }
    }
  }

  /**
   * Returns when no checkpoint is on its way. None begins before the caller gives up the lock, if
   * it holds it, or once the database is not served.
   */
  void awaitIdle() {
    lock.lock();
    try {
      while (running > 0) {
        idle.awaitUninterruptibly();
      }
    } finally {
      lock.unlock();
    }
  }

  /** Another history begins with this checkpoint; wants the lock held and no checkpoint running. */
  void restart(CheckpointFile written) {
    last = written.txid() == 0 ? CheckpointFile.NONE : written;
    fileSyncFailure = null;
    upkept = -1;
  }

  private void write(CheckpointFile next, DiskFile file) throws IOException {
    try {
      // A history that goes on after a damaged one was set aside may have no record yet.
      files.disk().createDirectories(files.logDirectory());
      log.awaitDurable(next.txid());
      if (fileSyncFailure != null) {
        throw new IOException(fileSyncFailure);
      }
      if (file != null) {
        syncDatabaseFile(file);
        // The checkpoint must not outlive the name of the file.
        files.disk().syncDirectory(files.directory());
      }
      FaultPoint.CHECKPOINT_AFTER_SYNC.pass();
    } finally {
      if (file != null) {
        file.close();
      }
    }
    next.write(files.disk(), files.checkpoint());
    lock.lock();
    try {
      last = next;
    } finally {
      lock.unlock();
    }
  }

  /**
   * After a failed sync the kernel may have dropped pages and marked them clean, so another sync
   * proves nothing. The redo point then stays where it is; the next start writes the pages again.
   */
  private void syncDatabaseFile(DiskFile file) throws IOException {
    try {
      file.sync();
    } catch (IOException e) {
      fileSyncFailure =
          "the database file of "
              + files.name()
              + " could not be synced ("
              + e.getMessage()
              + "); the log keeps all its transactions until a restart writes them again";
      LOG.error("{}", fileSyncFailure);
      throw e;
    }
  }

  /**
   * Regular work: sync what no application asked to sync, apply what waited, checkpoint when the
   * log after the redo point has grown long.
   */
  void upkeep() throws IOException {
    // Both grow: the log may be ahead of what counts (on a replica), then the image follows.
    long progress = log.tailTxid() + committed.position().txid();
    if (availability.isFailed()
        || (upkept == progress && log.failure() == null && content.applyProblem() == null)) {
      return;
    }
    log.retryIfFenced();
    if (!log.isDurable(log.tailTxid())) {
      log.awaitDurable(log.tailTxid());
    }
    boolean checkpointDue;
    lock.lock();
    try {
      log.keepCommitted();
      content.applyWhatWaited();
      checkpointDue =
          redoTxid() > last.redoTxid() && log.bytesAfter(last.redoTxid()) > CHECKPOINT_LOG_BYTES;
    } finally {
      lock.unlock();
    }
    if (checkpointDue) {
      checkpoint();
    }
    upkept = progress;
  }

  /** Deletes log segments that are older than the retention allows, and that nothing needs. */
  void enforceRetention(long nowMillis) throws IOException {
    long keepMillis = options.retention().toMillis();
    if (availability.isFailed()) {
      return;
    }
    lock.lock();
    try {
      log.deleteVoided();
    } finally {
      lock.unlock();
    }
    if (keepMillis <= 0 && options.retentionBytes() <= 0) {
      return;
    }
    boolean needsCheckpoint;
    lock.lock();
    try {
      needsCheckpoint = log.segmentCount() > 1 && redoTxid() > last.redoTxid();
    } finally {
      lock.unlock();
    }
    if (needsCheckpoint) {
      checkpoint();
    }
    lock.lock();
    try {
      long needed = Math.min(last.redoTxid(), pins.lowest());
      long olderThan = keepMillis <= 0 ? Long.MIN_VALUE : nowMillis - keepMillis;
      log.reap(needed, olderThan, options.retentionBytes());
    } finally {
      lock.unlock();
    }
  }
}
