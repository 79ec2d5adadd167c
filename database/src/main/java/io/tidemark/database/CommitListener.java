package io.tidemark.database;

/** Hears of every transaction that counts from now on, of all databases of a store. */
public interface CommitListener {
  /**
   * A record was published: {@link Database#position} has it. Called under the lock of the
   * database, on the way of a commit, so it must only take note: it must not wait, not do I/O, and
   * not call what takes the lock of another database.
   */
  void committed(Database database);

  /**
   * On a replica: readers see what was published, all of it, where {@link #committed} came before
   * they did. Called on the way of the next transactions, so it must only take note.
   */
  default void shown(Database database) {}

  /**
   * Another object stands for the name from now on, because the database is served again or was set
   * aside as damaged. All readers of the old one have ended. Called under no lock.
   */
  default void retired(Database old, Database successor) {}

  /**
   * Transactions of this node that the primary does not have were set aside, durably. Called under
   * no lock, on the way to following the primary, so it must only take note.
   */
  default void diverged(Database database, Divergence divergence) {}
}
