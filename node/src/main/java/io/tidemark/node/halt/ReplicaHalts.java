package io.tidemark.node.halt;

import io.tidemark.database.Database;
import io.tidemark.database.DatabasePosition;
import io.tidemark.database.Forwarder;
import io.tidemark.database.LogPosition;
import io.tidemark.database.RefusedException;
import io.tidemark.database.RefusedException.Kind;
import io.tidemark.database.Role;
import io.tidemark.database.Store;
import io.tidemark.node.halt.HaltRefusedException.Reason;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The halt locks that this replica has of its primary, each for a client of its own that takes and
 * renews it here. While one is held programs write the database here, and each commit is one of the
 * primary.
 *
 * <p>Invariant: this node takes a lock for over before the primary does, because it counts from the
 * moment in which it asked.
 */
public final class ReplicaHalts implements Halts {
  private static final Logger LOG = LoggerFactory.getLogger(ReplicaHalts.class);

  /** How long the stream may take to bring what the primary has. */
  private static final long CATCH_UP_NANOS = TimeUnit.SECONDS.toNanos(8);

  private static final long LOOK_MILLIS = 100;
  private static final long AGAIN_MILLIS = 100;

  private final Store store;
  private final Supplier<PrimaryApi> primary;
  private final Map<String, Held> locks = new ConcurrentHashMap<>();
  private final ReentrantLock change = new ReentrantLock();
  private final ScheduledExecutorService ticker = PrimaryHalts.newTicker();

  /** A thread for each transaction on its way to the primary. */
  private final ExecutorService forwards =
      Executors.newCachedThreadPool(PrimaryHalts.daemons("tidemark-forward"));

  /**
   * @param primary gives null if this node knows none
   */
  public ReplicaHalts(Store store, Supplier<PrimaryApi> primary) {
    this.store = store;
    this.primary = primary;
    ticker.scheduleWithFixedDelay(this::look, LOOK_MILLIS, LOOK_MILLIS, TimeUnit.MILLISECONDS);
  }

  @Override
  public HaltGrant take(String name, String id) throws HaltRefusedException, IOException {
    primary();
    Held known = locks.get(name);
    if (known != null && !known.isOver()) {
      if (!known.id.equals(id)) {
        throw new HaltRefusedException(
            Reason.HELD,
            "the halt lock is held by " + known.id + " for another " + known.leftMillis() + " ms");
      }
      return renew(known);
    }
    change.lock();
    try {
      end(known);
      return begin(name, id);
    } finally {
      change.unlock();
    }
  }

  private PrimaryApi primary() throws HaltRefusedException {
    PrimaryApi now = primary.get();
    if (now == null) {
      throw new HaltRefusedException(Reason.NO_PRIMARY, "this replica does not know its primary");
    }
    return now;
  }

  private HaltGrant renew(Held held) throws HaltRefusedException, IOException {
    long asked = System.nanoTime();
    HaltGrant grant = primary().take(held.name, held.id);
    if (grant.term() != held.term) {
      held.lost("it expired on the primary");
      primary().release(held.name, held.id);
      throw new HaltRefusedException(
          Reason.NOT_HELD, "the halt lock expired on the primary before it was renewed");
    }
    held.expires = asked + TimeUnit.MILLISECONDS.toNanos(grant.remainingMillis());
    return grant;
  }

  private HaltGrant begin(String name, String id) throws HaltRefusedException, IOException {
    long asked = System.nanoTime();
    HaltGrant grant = primary().take(name, id);
    boolean done = false;
    try {
      Database database = awaitPosition(grant);
      if (primary().take(name, id).term() != grant.term()) {
        throw new HaltRefusedException(Reason.NOT_HELD, "the halt lock expired too early");
      }
      Held held = new Held(database, grant, asked);
      locks.put(name, held);
      database.forwardTo(held);
      LOG.info("{}: {} holds the halt lock; programs write here", name, id);
      done = true;
      return grant;
    } finally {
      if (!done) {
        giveBack(name, id);
      }
    }
  }

  private Database awaitPosition(HaltGrant grant) throws HaltRefusedException, IOException {
    long end = System.nanoTime() + CATCH_UP_NANOS;
    while (true) {
      Database database = store.find(grant.name());
      DatabasePosition here = database == null ? null : database.position();
      if (here != null
          && store.epoch() == grant.epoch()
          && grant.position().equals(new LogPosition(here.epoch(), here.txid(), here.checksum()))) {
        return database;
      }
      if (System.nanoTime() - end > 0) {
        throw new HaltRefusedException(
            Reason.BUSY,
            "this replica is at "
                + here
                + ", the primary at "
                + grant.position()
                + ": it did not catch up in time");
      }
      PrimaryHalts.pause();
    }
  }

  @Override
  public boolean release(String name, String id) {
    change.lock();
    try {
      Held held = locks.get(name);
      if (held == null || !held.id.equals(id)) {
        return false;
      }
      end(held);
      return true;
    } finally {
      change.unlock();
    }
  }

  /** Programs may not write here any more; then the primary's may. */
  private void end(Held held) {
    if (held != null && locks.remove(held.name, held)) {
      held.lost("it was given back");
      held.database.stopForwarding();
      LOG.info("{}: {} does not hold the halt lock any more", held.name, held.id);
      giveBack(held.name, held.id);
    }
  }

  private void giveBack(String name, String id) {
    try {
      primary().release(name, id);
    } catch (HaltRefusedException e) {
      LOG.debug("{}: {}", name, e.getMessage()); // it has expired there
    } catch (IOException e) {
      LOG.warn("{}: the halt lock could not be given back; it will expire: {}", name, e.toString());
    }
  }

  private void look() {
    for (Held held : locks.values()) {
      if ((held.isOver() || store.role() != Role.REPLICA || store.get(held.name) != held.database)
          && change.tryLock()) {
        try {
          end(held);
        } catch (RuntimeException e) {
          LOG.warn("{}: ending the halt lock failed", held.name, e);
        } finally {
          change.unlock();
        }
      }
    }
  }

  @Override
  public LogPosition commit(Transaction transaction, Path ltx) throws HaltRefusedException {
    throw new HaltRefusedException(Reason.NOT_HELD, "this node is not the primary");
  }

  @Override
  public void close() {
    ticker.shutdown();
    change.lock();
    try {
      locks.values().forEach(this::end);
    } finally {
      change.unlock();
    }
    forwards.shutdown();
  }

  /** A lock that is held, and what it forwards. */
  private final class Held implements Forwarder {
    final Database database;
    final String name;
    final String id;
    final long term;
    volatile long expires;
    private volatile String lost;
    private long sequence;

    Held(Database database, HaltGrant grant, long asked) {
      this.database = database;
      this.name = grant.name();
      this.id = grant.id();
      this.term = grant.term();
      this.expires = asked + TimeUnit.MILLISECONDS.toNanos(grant.remainingMillis());
    }

    boolean isOver() {
      return lost != null || leftMillis() <= 0;
    }

    long leftMillis() {
      return (expires - System.nanoTime()) / 1_000_000;
    }

    void lost(String why) {
      if (lost == null) {
        lost = why;
      }
    }

    @Override
    public void check() throws RefusedException {
      if (isOver()) {
        throw new RefusedException(
            Kind.READ_ONLY,
            "the halt lock of "
                + name
                + " is not held any more ("
                + (lost == null ? "it expired" : lost)
                + "); this node is a replica, write on the primary");
      }
    }

    @Override
    public CompletableFuture<Void> forward(Path ltx, LogPosition base, long epoch) {
      CompletableFuture<Void> answer = new CompletableFuture<>();
      try {
        forwards.execute(
            () -> {
              try {
                send(ltx, base, epoch);
                answer.complete(null);
              } catch (RefusedException | RuntimeException e) {
                answer.completeExceptionally(e);
              }
            });
      } catch (RejectedExecutionException e) {
        lost("this node stops");
        answer.completeExceptionally(
            new RefusedException(Kind.READ_ONLY, name + ": this node stops", e));
      }
      return answer;
    }

    private void send(Path ltx, LogPosition base, long epoch) throws RefusedException {
      Transaction transaction = new Transaction(name, id, epoch, sequence + 1, base);
      IOException unknown = null;
      while (!isOver()) {
        try {
          primary().commit(transaction, ltx);
          sequence++;
          return;
        } catch (HaltRefusedException e) {
          if (unknown == null && e.reason() == Reason.BUSY) {
            throw new RefusedException(Kind.BUSY, e.getMessage());
          }
          lost(e.getMessage());
          if (unknown == null) {
            throw new RefusedException(Kind.READ_ONLY, name + ": " + e.getMessage(), e);
          }
        } catch (IOException e) {
          if (unknown == null) {
            LOG.warn("{}: forwarding a transaction: {}; trying again", name, e.toString());
          }
          unknown = e;
          pause();
        }
      }
      lost("the primary did not answer");
      throw new RefusedException(
          Kind.IO,
          "it is not known whether the primary has committed transaction "
              + (base.txid() + 1)
              + " of "
              + name
              + "; the stream will tell",
          unknown);
    }

    private void pause() throws RefusedException {
      try {
        TimeUnit.MILLISECONDS.sleep(AGAIN_MILLIS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new RefusedException(Kind.IO, "interrupted", e);
      }
    }
  }
}
