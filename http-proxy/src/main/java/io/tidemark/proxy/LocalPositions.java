package io.tidemark.proxy;

import java.util.List;

/** The databases of this node, as programs on it see them. Safe for all threads; never waits. */
public interface LocalPositions {
  /** Names of the databases that have at least one transaction, sorted. */
  List<String> databases();

  /** Where programs find a database, or null if there is none of that name. */
  Mark mark(String database);

  /**
   * Adds somebody who is told, on any thread, whenever a database may have a later mark. It must
   * return at once.
   */
  void onAdvance(Runnable listener);

  /**
   * A point in the history of a database.
   *
   * @param epoch of its last transaction
   * @param txid its last transaction
   */
  record Mark(long epoch, long txid) {
    /** Whether everything up to that point is here: a later epoch has all of what it came from. */
    boolean hasReached(Mark other) {
      return epoch > other.epoch || (epoch == other.epoch && txid >= other.txid);
    }
  }
}
