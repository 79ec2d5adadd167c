package io.tidemark.database;

import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The lock of a database, for a thread that has to keep it while it waits for another node, and for
 * one that must go on all the same, because the other node waits for it. Who waits does for the
 * other what is to be done under the lock; all others are kept out as ever.
 */
final class LendingLock {
  private static final Runnable WAKE_UP = () -> {};

  private final ReentrantLock lock;
  private final BlockingQueue<Runnable> asked = new LinkedBlockingQueue<>();

  /** Guarded by this object. */
  private boolean lent;

  /** Guarded by the lock. */
  private boolean busy;

  LendingLock(ReentrantLock lock) {
    this.lock = lock;
  }

  /** Something to be done under the lock; it must not wait for the thread that asks for it. */
  interface Work<T> {
    T run() throws RefusedException, ReplicationException;
  }

  /** Does it under the lock, or has it done by the thread that lends it. */
  <T> T call(Work<T> work) throws RefusedException, ReplicationException {
    boolean interrupted = false;
    try {
      while (true) {
        try {
          // In turn, because the lock may be lent by one who has it already.
          if (lock.tryLock(1, TimeUnit.MILLISECONDS)) {
            try {
              return work.run();
            } finally {
              lock.unlock();
            }
          }
        } catch (InterruptedException e) {
          interrupted = true;
        }
        FutureTask<T> task = new FutureTask<>(work::run);
        if (ask(task)) {
          return resultOf(task);
        }
      }
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /** The same for what cannot fail. */
  void run(Runnable work) {
    try {
      call(
          () -> {
            work.run();
            return null;
          });
    } catch (RefusedException | ReplicationException e) {
      throw new IllegalStateException(e); // a Runnable throws neither
    }
  }

  private synchronized boolean ask(Runnable task) {
    return lent && asked.add(task);
  }

  private synchronized boolean takeBack(CompletableFuture<?> done) {
    lent = busy || !done.isDone() || !asked.isEmpty();
    return !lent;
  }

  private static <T> T resultOf(FutureTask<T> task) throws RefusedException, ReplicationException {
    boolean interrupted = false;
    try {
      while (true) {
        try {
          return task.get();
        } catch (InterruptedException e) {
          interrupted = true; // what was asked for is done, whoever waits for it
        } catch (ExecutionException e) {
          throw rethrown(e.getCause());
        }
      }
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private static RuntimeException rethrown(Throwable cause)
      throws RefusedException, ReplicationException {
    if (cause instanceof RefusedException refused) {
      throw refused;
    }
    if (cause instanceof ReplicationException trouble) {
      throw trouble;
    }
    if (cause instanceof Error error) {
      throw error;
    }
    return (RuntimeException) cause; // Work throws nothing else
  }

  /**
   * Under the lock: whether something was begun that another call will end. Who lends does not go
   * on before.
   */
  void setBusy(boolean nowBusy) {
    assert lock.isHeldByCurrentThread();
    busy = nowBusy;
  }

  /**
   * Lends the lock, which the caller holds and keeps.
   *
   * @param done until this ends, one way or the other, and nothing is left begun
   */
  void lendUntil(CompletableFuture<?> done) {
    assert lock.isHeldByCurrentThread();
    synchronized (this) {
      lent = true;
    }
    done.whenComplete((value, error) -> asked.add(WAKE_UP));
    boolean interrupted = false;
    do {
      try {
        asked.take().run();
      } catch (InterruptedException e) {
        interrupted = true; // the other node may have it by now: this has to be known
      }
    } while (!takeBack(done));
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
