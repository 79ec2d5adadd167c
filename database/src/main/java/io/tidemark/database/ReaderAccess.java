package io.tidemark.database;

import java.nio.ByteBuffer;

/**
 * How the applier gets past programs that have a database open: SQLite's own locks, taken like any
 * other process takes them, and the kernel's caches. The mount implements it; without one there are
 * no programs.
 *
 * <p>No method may send a request to the mount in steady state, and none may wait for a program but
 * {@link #tryExclusive} for a bounded time. Unless it says otherwise a method is called without the
 * lock of the database, because telling the kernel may wait for a READ that waits for that lock.
 */
public interface ReaderAccess {
  /** Nobody reads. */
  ReaderAccess NONE = new ReaderAccess() {};

  /**
   * Whether a program has the database or a file beside it open; descriptors of the daemon itself
   * do not count. Called under the lock of the database, in which opens wait: who is not counted
   * yet comes after.
   */
  default boolean inUse(Database database) {
    return database.hasHandles();
  }

  /**
   * Takes PENDING, then EXCLUSIVE on the lock bytes of the database file (SQLite's os.h,
   * PENDING_BYTE), as a writer in rollback mode does before it writes. May wait for some
   * milliseconds, in which new readers stay outside.
   *
   * @return false if readers are still there; nothing is held then
   */
  default boolean tryExclusive(Database database) {
    return true;
  }

  /** Gives up what {@link #tryExclusive} took. */
  default void releaseExclusive(Database database) {}

  /**
   * Committed bytes have changed in the database file: what the kernel has cached of them is old.
   * Called under {@link #tryExclusive}; in a checkpoint, under CKPT and READ0; or, when nobody had
   * the database open, under its lock.
   *
   * @param bytes the new ones, from position to limit
   */
  default void bytesChanged(Database database, MainFile file, long offset, ByteBuffer bytes) {}

  /**
   * Takes what a SQLite writer needs, RESERVED and, where a wal-index is in use, WAL_WRITE, and
   * keeps it, also from programs that open the database later. Readers go on.
   *
   * @return false if a program writes: ask again, or tell {@link #writersChanged}
   */
  default boolean tryKeepWritersOut(Database database) {
    return true;
  }

  /**
   * Who may write is another one now, see {@link Database#isHalted}, {@link Database#isForwarding}
   * and {@link Store#isKeepingWritersOut}.
   */
  default void writersChanged(Database database) {}

  /** The size of the database file has changed. Called as {@link #bytesChanged}. */
  default void sizeChanged(Database database, MainFile file) {}

  /**
   * The {@code -journal}, or {@code -wal} and {@code -shm}, are gone although no program deleted
   * them. Their names and what is cached of them must be forgotten before this returns. Called as
   * {@link #bytesChanged}.
   */
  default void sideFilesRemoved(Database database) {}

  /**
   * Takes one of the locks in the wal-index (SQLite's wal.c: 0 WRITE, 1 CKPT, 2 RECOVER, 3-7
   * READ0-4), without waiting.
   *
   * @return false if a program holds it
   */
  default boolean tryLockShm(Database database, int index, boolean exclusive) {
    return true;
  }

  /** Gives up what {@link #tryLockShm} took. */
  default void unlockShm(Database database, int index) {}

  /**
   * Reads the wal-index as programs see it in their mappings.
   *
   * @return false if it has not so many bytes
   */
  default boolean readShm(Database database, long offset, ByteBuffer dst) {
    return false;
  }

  /** Bytes of the {@code -wal} have changed, which {@link Database#wal} has already. */
  default void walChanged(Database database, SideFile wal, long offset, ByteBuffer bytes) {}

  /** Bytes of the wal-index have changed; one call is one store, in the order of the calls. */
  default void shmChanged(Database database, SideFile shm, long offset, ByteBuffer bytes) {}
}
