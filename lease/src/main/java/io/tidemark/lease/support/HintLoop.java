package io.tidemark.lease.support;

import io.tidemark.lease.LeaseStoreException;
import io.tidemark.lease.LeaseWatch;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A thread that waits for changes again and again and turns each into a hint. After trouble it
 * gives a hint, because something may have been missed, and pauses.
 */
public final class HintLoop implements LeaseWatch {
  /** Waits for one change. */
  @FunctionalInterface
  public interface Source {
    /**
     * Returns true when something may have changed, false after a while without.
     *
     * @throws LeaseStoreException when the store cannot be watched now
     */
    boolean awaitChange() throws LeaseStoreException, InterruptedException;
  }

  private static final Logger LOG = LoggerFactory.getLogger(HintLoop.class);
  private static final long PAUSE_MILLIS = 500;
  private static final long WORKS_NANOS = 2_000_000_000L;

  private final String store;
  private final Source source;
  private final Runnable hint;
  private final Thread thread;
  private volatile boolean closed;

  private HintLoop(String store, Source source, Runnable hint) {
    this.store = store;
    this.source = source;
    this.hint = hint;
    thread = new Thread(this::run, "lease-watch");
    thread.setDaemon(true);
  }

  static HintLoop start(String store, Source source, Runnable hint) {
    HintLoop loop = new HintLoop(store, source, hint);
    loop.thread.start();
    return loop;
  }

  private void run() {
    boolean troubled = false;
    while (!closed) {
      try {
        long begun = System.nanoTime();
        boolean changed = source.awaitChange();
        // A watch can also be made, and break, while the store cannot be reached.
        boolean works = changed || System.nanoTime() - begun > WORKS_NANOS;
        if (troubled && works) {
          LOG.info("watching {} again", store);
          troubled = false;
        }
        if (changed) {
          hint();
        }
      } catch (InterruptedException e) {
        return; // close()
      } catch (LeaseStoreException | RuntimeException e) {
        if (closed) {
          return;
        }
        if (!troubled) {
          LOG.warn("cannot watch {}, trying again: {}", store, e.getMessage());
        }
        troubled = true;
        hint();
        if (!pause()) {
          return;
        }
      }
    }
  }

  private void hint() {
    if (!closed) {
      hint.run();
    }
  }

  private static boolean pause() {
    try {
      Thread.sleep(PAUSE_MILLIS);
      return true;
    } catch (InterruptedException e) {
      return false; // close()
    }
  }

  @Override
  public void close() {
    closed = true;
    thread.interrupt();
  }
}
