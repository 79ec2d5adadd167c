package io.tidemark.database;

import io.tidemark.database.RefusedException.Kind;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Whether a database is served at all.
 *
 * <p>Invariant: while there is a failure, no program reads or changes the content of the database,
 * and its durable files stay as they are. Changed under the lock of the database or before it is
 * known to others; read by anybody.
 */
final class Availability {
  /** What is told here concerns the database as a whole, so it is told in its name. */
  private static final Logger LOG = LoggerFactory.getLogger(Database.class);

  private final String name;
  private volatile String failure;

  Availability(String name) {
    this.name = name;
  }

  /** Why nothing is served, or null. */
  String failure() {
    return failure;
  }

  boolean isFailed() {
    return failure != null;
  }

  /** Nothing is served from now on; people are told why. */
  void fail(String reason) {
    failure = reason;
    LOG.error("{} is not served: {}", name, reason);
  }

  /**
   * Sets the failure without a word: the reason is known already.
   *
   * @param reason null to serve again
   */
  void set(String reason) {
    failure = reason;
  }

  void check() throws RefusedException {
    if (failure != null) {
      throw new RefusedException(Kind.IO, failure);
    }
  }
}
