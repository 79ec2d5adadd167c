package io.tidemark.database;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells the listener of the store what happens to one database. Called under its lock, as the
 * listener expects.
 */
final class DatabaseEvents {
  private static final Logger LOG = LoggerFactory.getLogger(DatabaseEvents.class);

  private final Store store;
  private final Database database;

  DatabaseEvents(Store store, Database database) {
    this.store = store;
    this.database = database;
  }

  void committed() {
    store.listener().committed(database);
    for (CommitListener listener : store.commitListeners()) {
      try {
        listener.committed(database);
      } catch (RuntimeException e) {
        // The transaction is committed; whoever waits for its answer must not be told otherwise.
        LOG.warn("{}: a listener failed at a commit", database.name(), e);
      }
    }
  }

  void shown() {
    for (CommitListener listener : store.commitListeners()) {
      try {
        listener.shown(database);
      } catch (RuntimeException e) {
        LOG.warn("{}: a listener failed when readers saw more", database.name(), e);
      }
    }
  }

  void diverged(Divergence divergence) {
    for (CommitListener listener : store.commitListeners()) {
      try {
        listener.diverged(database, divergence);
      } catch (RuntimeException e) {
        // Nobody's trouble with the news may keep the database from following the primary.
        LOG.warn("{}: a listener failed at a divergence", database.name(), e);
      }
    }
  }

  void replaced() {
    store.listener().replaced(database);
  }

  void walIndexSuspect() {
    store.listener().walIndexSuspect(database);
  }

  void rangeReverted(long offset, long length) {
    store.listener().rangeReverted(database, offset, length);
  }

  void unjournaledWrites() {
    store.listener().unjournaledWrites(database);
  }
}
