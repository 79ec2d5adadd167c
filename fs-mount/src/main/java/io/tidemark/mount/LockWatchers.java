package io.tidemark.mount;

import io.tidemark.database.Database;
import io.tidemark.database.Store;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/**
 * What looks at SQLite's locks on our own mount, while it can be used: {@link UnlockWatcher},
 * {@link WalIndexGuard} and {@link ReplicaReaders}. Before it is mounted and while it is being
 * unmounted there are none; then nothing is watched and every lock counts as free.
 */
final class LockWatchers {
  /** How long unmounting waits at most for each of their threads. */
  private static final long END_MILLIS = TimeUnit.SECONDS.toMillis(5);

  private final Store store;
  private final KernelView kernel;
  private volatile ReplicaReaders replicaReaders;
  private volatile UnlockWatcher unlockWatcher;
  private volatile WalIndexGuard walIndexGuard;

  LockWatchers(Store store, KernelView kernel) {
    this.store = store;
    this.kernel = kernel;
  }

  /** The mount can be used. */
  void start(Path mountPoint) {
    unlockWatcher = new UnlockWatcher(mountPoint);
    walIndexGuard = new WalIndexGuard(mountPoint, kernel);
    replicaReaders = new ReplicaReaders(store, mountPoint, kernel);
  }

  /** Gives up everything that would keep the mount busy. */
  void stop() {
    UnlockWatcher watcher = unlockWatcher;
    if (watcher != null) {
      watcher.stop();
      walIndexGuard.stop();
      watcher.awaitEnd(END_MILLIS);
      walIndexGuard.awaitEnd(END_MILLIS);
      replicaReaders.stop(END_MILLIS);
      unlockWatcher = null;
      walIndexGuard = null;
      replicaReaders = null;
    }
  }

  /** Writes outside a journal have begun. */
  void unjournaledWrites(Database database) {
    UnlockWatcher watcher = unlockWatcher;
    if (watcher != null) {
      watcher.watch(database);
    }
  }

  /**
   * Whether no writer is in the middle of a transaction; what waited outside a journal is committed
   * then. Waits for the answer.
   */
  boolean settle(Database database) {
    UnlockWatcher watcher = unlockWatcher;
    return watcher == null || watcher.settle(database).join();
  }

  /** A committed frame of the WAL was nearly overwritten. */
  void walIndexSuspect(Database database) {
    WalIndexGuard guard = walIndexGuard;
    if (guard != null) {
      guard.check(database);
    }
  }

  /** Whether {@link #join} has something to do. */
  boolean isToJoin(Database database) {
    ReplicaReaders readers = replicaReaders;
    return readers != null && readers.isToJoin(database);
  }

  /** As {@link ReplicaReaders#join}. */
  void join(Database database) {
    ReplicaReaders readers = replicaReaders;
    if (readers != null) {
      readers.join(database);
    }
  }

  /** A program got a handle. */
  void opened(Content content) {
    WalIndexGuard guard = walIndexGuard;
    ReplicaReaders readers = replicaReaders;
    if (guard != null && readers != null && content instanceof Content.Shm shm) {
      guard.opened(shm.file());
      readers.opened(shm.database(), shm.file());
    }
  }

  /** A program closed a descriptor, maybe by dying. */
  void closed(Content content) {
    if (content instanceof Content.Wal || content instanceof Content.Shm) {
      walIndexSuspect(((Content.Side) content).database());
    }
  }

  /** A program's handle is gone. */
  void released(Content content) {
    WalIndexGuard guard = walIndexGuard;
    ReplicaReaders readers = replicaReaders;
    if (guard != null && readers != null && content instanceof Content.Shm shm) {
      guard.released(shm.database(), shm.file());
      readers.released(shm.file());
    }
  }
}
