package io.tidemark.mount;

import io.tidemark.database.Database;
import io.tidemark.database.DatabaseListener;

/** Passes on what databases tell. It only takes note, as their locks are held. */
final class MountListener implements DatabaseListener {
  private final KernelView kernel;
  private final LockWatchers watchers;

  MountListener(KernelView kernel, LockWatchers watchers) {
    this.kernel = kernel;
    this.watchers = watchers;
  }

  @Override
  public void replaced(Database database) {
    kernel.databaseReplaced(database);
  }

  @Override
  public void rangeReverted(Database database, long offset, long length) {
    kernel.bytesChanged(database, offset, length);
  }

  @Override
  public void walIndexSuspect(Database database) {
    watchers.walIndexSuspect(database);
  }

  @Override
  public void unjournaledWrites(Database database) {
    watchers.unjournaledWrites(database);
  }
}
