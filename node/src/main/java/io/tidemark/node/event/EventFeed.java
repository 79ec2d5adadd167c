package io.tidemark.node.event;

import io.tidemark.database.CommitListener;
import io.tidemark.database.Database;
import io.tidemark.database.Divergence;
import io.tidemark.node.json.Json;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

/**
 * Tells listeners what happens. A commit is only noted, and only while somebody listens; a thread
 * of its own turns notes into lines and hands them over. What waits is bounded: here by the number
 * of notes, at a listener by what it says ({@link Listener#offer}).
 */
public final class EventFeed implements CommitListener, AutoCloseable {
  /** Takes lines of JSON. */
  public interface Listener {
    /**
     * Takes lines, each with its line feed; must not wait.
     *
     * @return false when there is no room: the listener hears {@link #last} and nothing more
     */
    boolean offer(List<byte[]> lines);

    /** The last line. */
    void last(byte[] line);
  }

  private static final int MOST_NOTES = 8192;
  private static final int BATCH = 1024;
  private static final long NAP_NANOS = 2_000_000;
  private static final byte[] LOST =
      line(
          new Event.Lost(
              "events came faster than they were read, and some are lost",
              "Connect again and compare positions: GET /status has those of now."));

  private final int mostListeners;
  private final CopyOnWriteArrayList<Listener> listeners = new CopyOnWriteArrayList<>();
  private final ConcurrentLinkedQueue<Event> notes = new ConcurrentLinkedQueue<>();
  private final AtomicInteger noted = new AtomicInteger();
  private final AtomicBoolean asleep = new AtomicBoolean();
  private final Thread thread = new Thread(this::run, "tidemark-events");
  private volatile boolean lost;
  private volatile boolean closed;

  // Guarded by this.
  private Event.Init now;

  /**
   * A feed of a node.
   *
   * @param hostname of the primary, or null if none is known
   * @param mostListeners at the same time
   */
  public EventFeed(boolean isPrimary, String hostname, int mostListeners) {
    this.now = new Event.Init(isPrimary, hostname == null ? "" : hostname);
    this.mostListeners = mostListeners;
    thread.setDaemon(true);
    thread.start();
  }

  // ------------------------------------------------------------- listeners

  /** Adds a listener, which hears who is primary first; false if there are too many. */
  public synchronized boolean subscribe(Listener listener) {
    if (listeners.size() >= mostListeners) {
      return false;
    }
    listener.offer(List.of(line(now)));
    listeners.add(listener);
    return true;
  }

  /** It hears nothing more. */
  public void unsubscribe(Listener listener) {
    listeners.remove(listener);
  }

  /** How many listen. */
  public int listeners() {
    return listeners.size();
  }

  // ----------------------------------------------------------- what happens

  @Override
  public void committed(Database database) {
    if (!listeners.isEmpty()) {
      note(new Event.Tx(database.name(), database.position(), database.commitMillis()));
    }
  }

  @Override
  public void diverged(Database database, Divergence divergence) {
    note(new Event.Diverged(divergence));
  }

  /**
   * Another node is the primary.
   *
   * @param hostname of the primary, or null if none is known
   */
  public void primaryChanged(boolean isPrimary, String hostname) {
    String name = hostname == null ? "" : hostname;
    synchronized (this) {
      now = new Event.Init(isPrimary, name);
    }
    note(new Event.PrimaryChange(isPrimary, name));
  }

  void note(Event event) {
    if (noted.incrementAndGet() > MOST_NOTES) {
      noted.decrementAndGet();
      lost = true;
    } else {
      notes.add(event);
    }
    if (asleep.get() && asleep.compareAndSet(true, false)) {
      LockSupport.unpark(thread);
    }
  }

  // ------------------------------------------------------------- the thread

  private void run() {
    while (!closed) {
      asleep.set(true);
      if (notes.isEmpty() && !closed) {
        LockSupport.park(this);
      }
      asleep.set(false);
      deliver();
      // Commits that follow one another wake nobody.
      LockSupport.parkNanos(this, NAP_NANOS);
    }
  }

  private void deliver() {
    List<byte[]> lines = new ArrayList<>();
    Event event = notes.poll();
    while (event != null) {
      noted.decrementAndGet();
      lines.add(line(event));
      event = lines.size() < BATCH ? notes.poll() : null; // more may come as fast as these go
    }
    boolean all = !lost;
    lost = false;
    synchronized (this) {
      for (Listener listener : listeners) {
        if (!all || !listener.offer(lines)) {
          listeners.remove(listener);
          listener.last(LOST);
        }
      }
    }
  }

  private static byte[] line(Event event) {
    return (Json.write(event.json()) + "\n").getBytes(StandardCharsets.UTF_8);
  }

  @Override
  public void close() {
    closed = true;
    LockSupport.unpark(thread);
  }
}
