package io.tidemark.mount;

import io.tidemark.database.Database;
import io.tidemark.database.MainFile;
import io.tidemark.database.SideFile;
import io.tidemark.mount.fuse.OwnMountFiles;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * The daemon among the programs that have a database open: its descriptors on the files and the
 * locks it holds on them, as SQLite's (os.h: PENDING_BYTE and after; wal.c: bytes 120 to 128 of the
 * wal-index).
 *
 * <p>Opening waits for the file system, so a seat is used by threads that serve no request, and
 * never under a lock that a request may want. The kernel drops the locks with the descriptors, so a
 * daemon that dies leaves none behind.
 */
final class ReaderSeat {
  private static final long PENDING = 0x40000000L;
  private static final long RESERVED = PENDING + 1;
  private static final long SHARED_FIRST = PENDING + 2;
  private static final long SHARED_SIZE = 510;
  private static final long SHM_LOCKS = 120;
  private static final int WRITE = 0;
  private static final int CKPT = 1;
  private static final long DMS = 128;
  private static final int HEADER = 48;
  private static final int IS_INITIALISED = 12;

  /** How long new readers are kept out while those that are there come to an end. */
  private static final long EXCLUSIVE_NANOS = TimeUnit.MILLISECONDS.toNanos(5);

  private static final long PAUSE_NANOS = 200_000;

  private final Database database;
  private final OwnDescriptors descriptors;
  private final ByteBuffer direct = ByteBuffer.allocateDirect(32 << 10);

  /** The database file on which RESERVED is held for as long as it is to have no other writer. */
  private MainFile reserved;

  /** The wal-index on which WAL_WRITE, CKPT and DMS are held for as long as it is in use. */
  private volatile SideFile held;

  /**
   * Locks of the applier: as long as it has one, no descriptor may be closed, because that would
   * let readers in while pages are replaced.
   */
  private boolean exclusive;

  private int taken;

  private boolean retired;

  ReaderSeat(Database database, Path mountPoint) {
    this.database = database;
    this.descriptors = new OwnDescriptors(mountPoint);
  }

  Database database() {
    return database;
  }

  private int mainFd(MainFile main) throws IOException {
    checkNotRetired();
    if (reserved != null && reserved != main) {
      reserved = null; // goes with the descriptor of the old one
    }
    return descriptors.get(database.name(), main);
  }

  private int shmFd(SideFile shm) throws IOException {
    checkNotRetired();
    if (held != null && held != shm) {
      held = null; // the descriptor of the old one goes, and its locks with it
    }
    return descriptors.get(shmPath(), shm);
  }

  // --------------------------------------------------------- rollback mode

  /**
   * Becomes and stays the writer in rollback mode: others find the database busy, readers go on.
   *
   * @return false if a program is
   */
  synchronized boolean holdReserved(MainFile main) throws IOException {
    int fd = mainFd(main);
    if (reserved == null && OwnMountFiles.tryLock(fd, RESERVED, 1, true)) {
      reserved = main;
    }
    return reserved != null;
  }

  /** Whether nobody is the writer in rollback mode, this seat included. */
  synchronized boolean isReservedFree(MainFile main) throws IOException {
    int fd = mainFd(main);
    return reserved == null && !OwnMountFiles.heldByOthers(fd, RESERVED, 1);
  }

  /** Gives up what {@link #holdReserved} took, and nothing else. */
  synchronized void freeReserved() throws IOException {
    if (reserved != null && reserved == database.mainFile()) {
      OwnMountFiles.unlock(mainFd(reserved), RESERVED, 1);
    }
    reserved = null;
  }

  /** PENDING, then EXCLUSIVE; with neither if readers stay. */
  synchronized boolean tryExclusive(MainFile main) throws IOException {
    int fd = mainFd(main);
    if (!OwnMountFiles.tryLock(fd, PENDING, 1, true)) {
      return false;
    }
    boolean done = false;
    try {
      long end = System.nanoTime() + EXCLUSIVE_NANOS;
      do {
        done = OwnMountFiles.tryLock(fd, SHARED_FIRST, SHARED_SIZE, true);
        if (!done) {
          LockSupport.parkNanos(PAUSE_NANOS);
        }
      } while (!done && System.nanoTime() < end);
      exclusive = done;
      return done;
    } finally {
      if (!done) {
        OwnMountFiles.unlock(fd, PENDING, 1);
      }
    }
  }

  /** Back to what it was before: SHARED if WAL_WRITE is held, else nothing. */
  synchronized boolean releaseExclusive() throws IOException {
    exclusive = false;
    MainFile main = database.mainFile();
    if (main == null) {
      return true;
    }
    int fd = mainFd(main);
    if (held != null) {
      OwnMountFiles.tryLock(fd, SHARED_FIRST, SHARED_SIZE, false);
    } else {
      OwnMountFiles.unlock(fd, SHARED_FIRST, SHARED_SIZE);
    }
    OwnMountFiles.unlock(fd, PENDING, 1);
    return true;
  }

  // -------------------------------------------------------------- WAL mode

  /**
   * Becomes and stays the writer of the WAL: local writers find it busy. SHARED on the database and
   * DMS on the wal-index keep the last program that closes from deleting the WAL.
   *
   * @return false if a program is still in the way, or has not set up the wal-index
   */
  synchronized boolean holdWriteLock(SideFile shm) throws IOException {
    if (held == shm && isInitialised(shmFd(shm))) {
      return true;
    }
    if (isApplying()) {
      return false;
    }
    if (held == shm) {
      close(); // a reader has to set the index up again, for which it needs WAL_WRITE
      return false;
    }
    MainFile main = database.mainFile();
    if (main == null) {
      return false;
    }
    int fd = shmFd(shm);
    // Whoever opens it first must be able to set it up, which takes WAL_WRITE.
    if (!isInitialised(fd)) {
      return false;
    }
    boolean all =
        OwnMountFiles.tryLock(mainFd(main), SHARED_FIRST, SHARED_SIZE, false) && lockWalIndex(fd);
    if (all) {
      held = shm;
    } else if (reserved == main) {
      OwnMountFiles.unlock(fd, SHM_LOCKS, DMS - SHM_LOCKS + 1);
      OwnMountFiles.unlock(mainFd(main), SHARED_FIRST, SHARED_SIZE);
    } else {
      close();
    }
    return all;
  }

  /**
   * The same while the applier has the database for itself: SHARED comes with {@link
   * #releaseExclusive}.
   */
  synchronized boolean holdWriteLockToo(SideFile shm) throws IOException {
    int fd = shmFd(shm);
    if (!exclusive || held != null || !isInitialised(fd)) {
      return false;
    }
    if (lockWalIndex(fd)) {
      held = shm;
    } else {
      OwnMountFiles.unlock(fd, SHM_LOCKS, DMS - SHM_LOCKS + 1);
    }
    return held != null;
  }

  private static boolean lockWalIndex(int fd) throws IOException {
    return OwnMountFiles.tryLock(fd, DMS, 1, false)
        && OwnMountFiles.tryLock(fd, SHM_LOCKS + WRITE, 1, true)
        && OwnMountFiles.tryLock(fd, SHM_LOCKS + CKPT, 1, true);
  }

  private String shmPath() {
    return database.name() + Names.Side.SHM.suffix;
  }

  /**
   * Whether it is the writer of the WAL with that index. Never waits: it is asked by threads that
   * serve requests, while this seat may wait for one of them.
   */
  boolean holds(SideFile shm) {
    return shm != null && held == shm;
  }

  private boolean isApplying() {
    return exclusive || taken != 0;
  }

  /** Whether the wal-index has a header. */
  synchronized boolean isSetUp(SideFile shm) throws IOException {
    return isInitialised(shmFd(shm));
  }

  private boolean isInitialised(int fd) throws IOException {
    direct.clear().limit(HEADER);
    return OwnMountFiles.pread(fd, direct, 0) == HEADER && direct.get(IS_INITIALISED) != 0;
  }

  synchronized boolean tryLock(SideFile shm, int index, boolean exclusive) throws IOException {
    int fd = shmFd(shm);
    boolean alone = index == WRITE && held == null;
    if (alone && !keepWal()) {
      return false; // the last program that closes is just deleting it
    }
    boolean done = isKept(index) || OwnMountFiles.tryLock(fd, SHM_LOCKS + index, 1, exclusive);
    if (done) {
      taken |= 1 << index;
    } else if (alone) {
      letWalGo();
    }
    return done;
  }

  /** SHARED on the database: nobody who closes gets EXCLUSIVE, which comes before deleting. */
  private boolean keepWal() throws IOException {
    MainFile main = database.mainFile();
    return main != null && OwnMountFiles.tryLock(mainFd(main), SHARED_FIRST, SHARED_SIZE, false);
  }

  private void letWalGo() throws IOException {
    MainFile main = database.mainFile();
    if (main != null) {
      OwnMountFiles.unlock(mainFd(main), SHARED_FIRST, SHARED_SIZE);
    }
  }

  synchronized boolean unlock(int index) throws IOException {
    taken &= ~(1 << index);
    SideFile shm = database.shm();
    if (shm != null && !isKept(index)) {
      OwnMountFiles.unlock(shmFd(shm), SHM_LOCKS + index, 1);
    }
    if (index == WRITE && held == null) {
      letWalGo();
    }
    return true;
  }

  private boolean isKept(int index) {
    return held != null && (index == WRITE || index == CKPT);
  }

  /**
   * Reads the wal-index as programs see it: from the kernel's cache, without a request.
   *
   * @return false if it has not so many bytes
   */
  synchronized boolean read(SideFile shm, long offset, ByteBuffer dst) throws IOException {
    int fd = shmFd(shm);
    long at = offset;
    while (dst.hasRemaining()) {
      direct.clear().limit(Math.min(direct.capacity(), dst.remaining()));
      int n = OwnMountFiles.pread(fd, direct, at);
      if (n <= 0) {
        return false;
      }
      dst.put(direct.flip());
      at += n;
    }
    dst.flip();
    return true;
  }

  /**
   * Gives up all locks and descriptors, unless the applier is at work.
   *
   * @return whether it did
   */
  synchronized boolean leave() {
    if (isApplying()) {
      return false;
    }
    close();
    return true;
  }

  /**
   * Leaves for good: whoever still knows this seat has to ask for another one.
   *
   * @return false if the applier is at work
   */
  synchronized boolean retire() {
    retired = leave();
    return retired;
  }

  private void checkNotRetired() throws IOException {
    if (retired) {
      throw new IOException("this seat was given up; there is another one");
    }
  }

  /** The same as {@link #leave}, whoever is at work. */
  synchronized void close() {
    exclusive = false;
    taken = 0;
    held = null;
    reserved = null;
    descriptors.closeAll();
  }
}
