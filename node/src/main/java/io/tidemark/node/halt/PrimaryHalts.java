package io.tidemark.node.halt;

import io.tidemark.database.Database;
import io.tidemark.database.DatabasePosition;
import io.tidemark.database.LogPosition;
import io.tidemark.database.RefusedException;
import io.tidemark.database.Role;
import io.tidemark.database.Store;
import io.tidemark.ltx.LtxTrailer;
import io.tidemark.node.halt.HaltRefusedException.Reason;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.HexFormat;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Gives the halt locks of a primary, and commits what their holders send. */
public final class PrimaryHalts implements Halts {
  private static final Logger LOG = LoggerFactory.getLogger(PrimaryHalts.class);
  private static final Duration LIFE = Duration.ofSeconds(10);

  /** How long a writer that is at work may keep the lock from being taken. */
  private static final Duration WRITERS = Duration.ofSeconds(10);

  /** How long readers in rollback mode may keep a transaction from being committed. */
  private static final Duration READERS = Duration.ofSeconds(3);

  private static final long PAUSE_MILLIS = 2;
  private static final long LOOK_MILLIS = 100;

  /** One database; guarded by its {@code monitor}. */
  private static final class Entry {
    final ReentrantLock monitor = new ReentrantLock();
    final HaltLock lock =
        new HaltLock(System::nanoTime, LIFE, new SecureRandom().nextLong() >>> 16);

    /** Whose own writers wait, or null. */
    Database halted;
  }

  private final Store store;
  private final Map<String, Entry> entries = new ConcurrentHashMap<>();
  private final ScheduledExecutorService ticker;

  public PrimaryHalts(Store store) {
    this.store = store;
    this.ticker = newTicker();
    ticker.scheduleWithFixedDelay(this::look, LOOK_MILLIS, LOOK_MILLIS, TimeUnit.MILLISECONDS);
  }

  static ScheduledExecutorService newTicker() {
    return Executors.newSingleThreadScheduledExecutor(daemons("tidemark-halt"));
  }

  static ThreadFactory daemons(String name) {
    return task -> {
      Thread thread = new Thread(task, name);
      thread.setDaemon(true);
      return thread;
    };
  }

  @Override
  public HaltGrant take(String name, String id) throws HaltRefusedException, IOException {
    Database database = store.find(name);
    if (database == null) {
      throw new HaltRefusedException(Reason.UNKNOWN, "the primary has no database '" + name + "'");
    }
    Entry entry = entries.computeIfAbsent(name, key -> new Entry());
    entry.monitor.lock();
    try {
      endIfOver(name, entry);
      if (entry.lock.take(id, store.epoch())) {
        halt(entry, database);
        entry.lock.take(id, store.epoch()); // its time begins now
        LOG.info("{}: {} holds the halt lock; writers here wait", name, id);
      }
      return new HaltGrant(
          name,
          id,
          entry.lock.term(),
          store.epoch(),
          positionOf(entry.halted.position()),
          entry.lock.remainingMillis());
    } finally {
      entry.monitor.unlock();
    }
  }

  private static LogPosition positionOf(DatabasePosition position) {
    return new LogPosition(position.epoch(), position.txid(), position.checksum());
  }

  private void halt(Entry entry, Database database) throws HaltRefusedException, IOException {
    boolean done = false;
    try {
      long end = System.nanoTime() + WRITERS.toNanos();
      while (!database.tryHalt()) {
        if (System.nanoTime() - end > 0) {
          throw new HaltRefusedException(
              Reason.BUSY, "a program on the primary has been writing for " + WRITERS);
        }
        pause();
      }
      entry.halted = database;
      done = true;
    } finally {
      if (!done) {
        database.endHalt();
        entry.lock.end();
      }
    }
  }

  static void pause() throws IOException {
    try {
      TimeUnit.MILLISECONDS.sleep(PAUSE_MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
  }

  @Override
  public boolean release(String name, String id) {
    Entry entry = entries.get(name);
    if (entry == null) {
      return false;
    }
    entry.monitor.lock();
    try {
      endIfOver(name, entry);
      boolean released = entry.lock.release(id);
      if (released) {
        LOG.info("{}: {} gave the halt lock back", name, id);
        resume(entry);
      }
      return released;
    } finally {
      entry.monitor.unlock();
    }
  }

  @Override
  public LogPosition commit(Transaction transaction, Path ltx)
      throws HaltRefusedException, IOException {
    Entry entry = entries.get(transaction.name());
    if (entry == null) {
      throw new HaltRefusedException(
          Reason.NOT_HELD, "nobody holds the halt lock of '" + transaction.name() + "'");
    }
    String content = endOf(ltx);
    entry.monitor.lock();
    try {
      endIfOver(transaction.name(), entry);
      LogPosition known = entry.lock.answered(transaction, store.epoch(), content);
      if (known != null) {
        return known;
      }
      DatabasePosition now = entry.halted.commitForHolder(ltx, transaction.base(), READERS);
      LogPosition position = positionOf(now);
      entry.lock.committed(transaction, content, position);
      return position;
    } catch (RefusedException e) {
      if (e.kind() == RefusedException.Kind.BUSY) {
        throw new HaltRefusedException(Reason.BUSY, e.getMessage());
      }
      if (e.kind() == RefusedException.Kind.READ_ONLY) {
        throw new HaltRefusedException(Reason.NOT_NEXT, e.getMessage());
      }
      throw e;
    } finally {
      entry.monitor.unlock();
    }
  }

  /** The checksums at the end of an LTX file: of the database after it, and of the file. */
  private static String endOf(Path ltx) throws IOException {
    try (FileChannel file = FileChannel.open(ltx)) {
      ByteBuffer end = ByteBuffer.allocate(LtxTrailer.SIZE);
      if (file.size() < end.capacity() || file.read(end, file.size() - end.capacity()) < 0) {
        throw new EOFException("an LTX file has at least " + end.capacity() + " bytes");
      }
      return HexFormat.of().formatHex(end.array());
    }
  }

  private void look() {
    entries.forEach(
        (name, entry) -> {
          if (entry.monitor.tryLock()) { // who has it is at work for the holder
            try {
              endIfOver(name, entry);
            } finally {
              entry.monitor.unlock();
            }
          }
        });
  }

  private void endIfOver(String name, Entry entry) {
    boolean lost =
        entry.halted != null && (store.role() != Role.PRIMARY || store.get(name) != entry.halted);
    if (lost || entry.lock.isOver(store.epoch())) {
      LOG.warn("{}: the halt lock has expired; writers here go on", name);
      entry.lock.end();
      resume(entry);
    }
  }

  private static void resume(Entry entry) {
    Database database = entry.halted;
    entry.halted = null;
    if (database != null) {
      database.endHalt();
    }
  }

  @Override
  public void close() {
    ticker.shutdown();
    for (Entry entry : entries.values()) {
      entry.monitor.lock();
      try {
        entry.lock.end();
        resume(entry);
      } finally {
        entry.monitor.unlock();
      }
    }
  }
}
