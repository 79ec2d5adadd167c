package io.tidemark.database;

import io.tidemark.database.RefusedException.Kind;

/**
 * Whose transactions one database takes while somebody holds its halt lock. Without a halt lock the
 * role of the node decides alone.
 *
 * <p>Changed under the lock of the database.
 */
final class WriteGate {
  private final Store store;
  private final String name;
  private final OwnRecords ownRecords = new OwnRecords();

  /** On a replica that holds the halt lock: where its transactions go. */
  private volatile Forwarder forwarder;

  /** On the primary: another node writes this database, this node's programs do not. */
  private volatile boolean halted;

  WriteGate(Store store, String name) {
    this.store = store;
    this.name = name;
  }

  /** What the primary has committed for this node. */
  OwnRecords ownRecords() {
    return ownRecords;
  }

  Forwarder forwarder() {
    return forwarder;
  }

  void forwardTo(Forwarder newForwarder) {
    forwarder = newForwarder;
  }

  boolean isHalted() {
    return halted;
  }

  void halted(boolean now) {
    halted = now;
  }

  /** Whether programs may not change what is committed. */
  boolean isReadOnly() {
    return forwarder == null && store.isReplica();
  }

  /**
   * @throws RefusedException when this node's programs may not commit
   */
  void check() throws RefusedException {
    Forwarder to = forwarder;
    if (to != null) {
      to.check();
      return;
    }
    if (halted) {
      throw new RefusedException(
          Kind.BUSY, "a replica holds the halt lock of " + name + "; try again when it is over");
    }
    store.checkMayCommit();
  }
}
