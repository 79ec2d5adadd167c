package io.tidemark.database;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * A cluster of one test: what it says becomes of the commits of a store. Until it is told
 * otherwise, the other nodes confirm each record as soon as this node has it on its disk.
 */
public final class FakeCommitGate implements CommitGate {
  /** What a record was that this node was to offer to others. */
  public record Offer(String name, long epoch, long txid) {}

  private final List<Offer> offers = new ArrayList<>();
  private volatile boolean sync = true;
  private volatile boolean confirms = true;
  private volatile String onlyOf;
  private volatile boolean holds = true;
  private volatile RefusedException.Kind refusal;
  private volatile Duration timeout = Duration.ofSeconds(30);
  private volatile CountDownLatch reached = new CountDownLatch(0);

  /** Commits count at once from now on. */
  public FakeCommitGate async() {
    sync = false;
    return this;
  }

  /** Commits wait for other nodes from now on. */
  public FakeCommitGate sync() {
    sync = true;
    return this;
  }

  /** The other nodes are silent from now on. */
  public FakeCommitGate silent() {
    onlyOf = null;
    confirms = false;
    reached = new CountDownLatch(1);
    return this;
  }

  /** The same for one database; the others are confirmed. */
  public FakeCommitGate silentFor(String name) {
    silent();
    onlyOf = name;
    return this;
  }

  /** The other nodes confirm what comes from now on. */
  public FakeCommitGate confirming() {
    confirms = true;
    return this;
  }

  public FakeCommitGate timeout(Duration newTimeout) {
    timeout = newTimeout;
    return this;
  }

  /** No transaction may be begun to commit from now on; null to let them. */
  public FakeCommitGate refuse(RefusedException.Kind kind) {
    refusal = kind;
    return this;
  }

  /** Whether the lease is valid. */
  public FakeCommitGate holds(boolean valid) {
    holds = valid;
    return this;
  }

  /** Returns when a commit waits since {@link #silent}. */
  public boolean awaitWaiting() {
    try {
      return reached.await(10, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  public synchronized List<Offer> offers() {
    return new ArrayList<>(offers);
  }

  @Override
  public boolean waits() {
    return sync;
  }

  @Override
  public void check() throws RefusedException {
    RefusedException.Kind kind = refusal;
    if (kind != null) {
      throw new RefusedException(kind, "too few members");
    }
  }

  @Override
  public synchronized void offered(Database database, long epoch, long txid) {
    offers.add(new Offer(database.name(), epoch, txid));
  }

  @Override
  public void durable(Database database, long epoch, long txid) {
    if (!database.isDurable(txid)) {
      throw new AssertionError(txid + " is not on the disk");
    }
    String silent = onlyOf;
    if (confirms || (silent != null && !silent.equals(database.name()))) {
      database.committedUpTo(epoch, txid);
    } else {
      reached.countDown();
    }
  }

  @Override
  public boolean holds(long epoch) {
    return holds;
  }

  @Override
  public Duration ackTimeout() {
    return timeout;
  }
}
