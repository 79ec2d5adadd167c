package io.tidemark.mount;

import io.tidemark.database.Database;
import io.tidemark.database.RefusedException;
import io.tidemark.database.SideFile;
import io.tidemark.mount.fuse.OwnMountFiles;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Publishes commits whose writer died between the WAL write that made them durable here and its
 * update of the wal-index. Other connections would not see such a commit, and the next writer would
 * overwrite it, while log and position hold it.
 *
 * <p>Under the WAL write lock (so that no writer is at work) the index is compared with the
 * committed frames. If it is behind, both copies of its header are made invalid: the next
 * connection then runs SQLite's own recovery, which adopts every valid frame of the WAL file.
 */
final class WalIndexGuard {
  private static final Logger LOG = LoggerFactory.getLogger(WalIndexGuard.class);

  /** Byte of the lock WAL_WRITE_LOCK in the -shm file (SQLite's wal.c: 120 + 0). */
  private static final long WRITE_LOCK = 120;

  /** Two copies of the header, 48 bytes each. */
  private static final int HEADERS = 96;

  private static final int IS_INITIALISED = 12;
  private static final int MAX_FRAME = 16;
  private static final int SALTS = 32;
  private static final long RETRY_MILLIS = 5;
  private static final int RETRIES = 400;

  private record Suspicion(Database database, int tries) {}

  private final OwnDescriptors descriptors;
  private final KernelView kernel;

  /** Handles that programs have on each wal-index. */
  private final Map<SideFile, Integer> inUse = new ConcurrentHashMap<>();

  private final LinkedBlockingQueue<Suspicion> queue = new LinkedBlockingQueue<>();
  private final ByteBuffer index =
      ByteBuffer.allocateDirect(HEADERS).order(ByteOrder.nativeOrder());
  private final Thread thread = new Thread(this::run, "tidemark-wal-index-guard");
  private volatile boolean stopped;

  WalIndexGuard(Path mountPoint, KernelView kernel) {
    this.descriptors = new OwnDescriptors(mountPoint);
    this.kernel = kernel;
    thread.setDaemon(true);
    thread.start();
  }

  /** Somebody closed the WAL or its index, maybe by dying; or a committed frame was nearly lost. */
  void check(Database database) {
    queue.add(new Suspicion(database, 0));
  }

  /** A program opened a wal-index. */
  void opened(SideFile shm) {
    inUse.merge(shm, 1, Integer::sum);
  }

  /** A program's handle of a wal-index is gone. */
  void released(Database database, SideFile shm) {
    inUse.computeIfPresent(shm, (key, count) -> count == 1 ? null : count - 1);
    check(database);
  }

  void stop() {
    stopped = true;
    queue.add(new Suspicion(null, 0));
  }

  /** Returns when the thread has given up its descriptors, or that time is over. */
  void awaitEnd(long millis) {
    try {
      thread.join(millis);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void run() {
    OwnDescriptors.registerThread();
    try {
      while (!stopped) {
        Suspicion suspicion = queue.take();
        if (suspicion.database != null && !settle(suspicion.database)) {
          if (suspicion.tries < RETRIES) {
            TimeUnit.MILLISECONDS.sleep(RETRY_MILLIS);
            queue.add(new Suspicion(suspicion.database, suspicion.tries + 1));
          }
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    descriptors.closeAll();
  }

  /**
   * @return false to look again soon: a writer is at work
   */
  private boolean settle(Database database) {
    SideFile shm = database.shm();
    String path = database.name() + Names.Side.SHM.suffix;
    if (shm == null || inUse.getOrDefault(shm, 0) == 0) {
      // Whoever comes next finds no wal-index in use and recovers it from the WAL.
      descriptors.close(path);
      return true;
    }
    if (shm.size() < HEADERS || database.walExtent().frames() == 0) {
      return true;
    }
    try {
      int fd = descriptors.get(path, shm);
      if (!isBehind(fd, database.walExtent())) {
        return true;
      }
      if (!OwnMountFiles.tryLock(fd, WRITE_LOCK, 1, true)) {
        return false;
      }
      try {
        Database.WalExtent extent = database.walExtent();
        if (isBehind(fd, extent)) {
          invalidate(database, shm);
          LOG.warn(
              "{}: a writer died between committing and telling the others; its transaction is"
                  + " kept ({} frames)",
              database.name(),
              extent.frames());
        }
      } finally {
        OwnMountFiles.unlock(fd, WRITE_LOCK, 1);
      }
      return true;
    } catch (IOException e) {
      LOG.debug("{}: {}", database.name(), e.toString());
      return true;
    }
  }

  /**
   * Salts differ after a restart of the log that the WAL file does not show yet: not behind then.
   */
  private boolean isBehind(int fd, Database.WalExtent extent) throws IOException {
    index.clear();
    if (extent.frames() == 0 || OwnMountFiles.pread(fd, index, 0) < HEADERS) {
      return false;
    }
    ByteBuffer salts = index.duplicate().order(ByteOrder.BIG_ENDIAN);
    return index.get(IS_INITIALISED) != 0
        && salts.getInt(SALTS) == extent.salt1()
        && salts.getInt(SALTS + 4) == extent.salt2()
        && Integer.toUnsignedLong(index.getInt(MAX_FRAME)) < extent.frames();
  }

  private void invalidate(Database database, SideFile shm) throws RefusedException {
    ByteBuffer zeros = ByteBuffer.allocateDirect(HEADERS);
    database.writeShm(shm, zeros.duplicate(), 0);
    kernel.show(database, shm, Names.Side.SHM, 0, zeros);
  }
}
