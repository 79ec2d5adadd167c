package io.tidemark.database;

import io.tidemark.database.RefusedException.Kind;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Whether a database is served at all.
 *
 * <p>Invariants:
 *
 * <ul>
 *   <li>While there is a failure, no program reads or changes the content of the database, and its
 *       durable files stay as they are.
 *   <li>While it is hidden no program opens it. So after a start of a replica nobody sees less than
 *       before: what is known on the disk to be committed can be less than what was shown, and all
 *       that the log has can be more than was committed.
 * </ul>
 *
 * <p>Changed under the lock of the database or before it is known to others; read by anybody.
 */
final class Availability {
  /** What is told here concerns the database as a whole, so it is told in its name. */
  private static final Logger LOG = LoggerFactory.getLogger(Database.class);

  private final String name;
  private final DatabaseEvents events;
  private volatile String failure;
  private volatile String hidden;

  /** What has to be shown before it is not hidden any more, a TXID; -1 if that is not known. */
  private volatile long shownFrom = -1;

  Availability(String name, DatabaseEvents events) {
    this.name = name;
    this.events = events;
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

  /** Programs do not get the database until {@link #shown} or {@link #show}. */
  void hide(String reason) {
    hidden = reason;
    LOG.warn("{}: {}", name, reason);
  }

  /** Why programs do not get the database, or null. */
  String unserved() {
    return failure != null ? failure : hidden;
  }

  boolean isHidden() {
    return hidden != null;
  }

  /** A primary has told how much is committed: at least so much was ever shown. */
  void showFrom(long txid) {
    if (shownFrom < 0) {
      shownFrom = txid;
    }
  }

  /** Programs would see everything up to a transaction. */
  void shown(long txid) {
    long from = shownFrom;
    if (hidden != null && from >= 0 && txid >= from) {
      show();
    }
  }

  /**
   * What programs would see is known to be all that was ever shown. Whoever asked for the database
   * before has been told that it is not there; the mount hears that it is. Under the lock.
   */
  void show() {
    if (hidden != null) {
      hidden = null;
      events.replaced();
    }
  }

  void check() throws RefusedException {
    if (failure != null) {
      throw new RefusedException(Kind.IO, failure);
    }
  }
}
