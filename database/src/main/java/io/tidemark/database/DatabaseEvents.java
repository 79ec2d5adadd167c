package io.tidemark.database;

/**
 * Tells the listener of the store what happens to one database. Called under its lock, as the
 * listener expects.
 */
final class DatabaseEvents {
  private final Store store;
  private final Database database;

  DatabaseEvents(Store store, Database database) {
    this.store = store;
    this.database = database;
  }

  void committed() {
    store.listener().committed(database);
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
