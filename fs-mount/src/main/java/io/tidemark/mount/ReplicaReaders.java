package io.tidemark.mount;

import io.tidemark.database.Database;
import io.tidemark.database.MainFile;
import io.tidemark.database.ReaderAccess;
import io.tidemark.database.Role;
import io.tidemark.database.SideFile;
import io.tidemark.database.Store;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How the applier of a replica gets past programs that have a database open: a {@link ReaderSeat}
 * among them for each database, and the kernel's caches.
 *
 * <p>A thread of its own keeps WAL databases that are open under WAL_WRITE, so that local writers
 * find it busy and wait as long as their busy timeout says.
 */
final class ReplicaReaders implements ReaderAccess {
  private static final Logger LOG = LoggerFactory.getLogger(ReplicaReaders.class);
  private static final long POLL_MILLIS = 1;
  private static final long IDLE_MILLIS = 1000;
  private static final long JOIN_NANOS = TimeUnit.SECONDS.toNanos(2);

  /** The same while only a program can set up the wal-index: it may be the one that waits. */
  private static final long SET_UP_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

  private final Store store;
  private final Path mountPoint;
  private final KernelView kernel;
  private final Map<Database, ReaderSeat> seats = new ConcurrentHashMap<>();

  /** Databases of a primary whose own writers wait: another node holds their halt lock. */
  private final Set<Database> keptFromWriters = ConcurrentHashMap.newKeySet();

  /** Programs' handles on each wal-index. */
  private final Map<SideFile, Integer> opened = new ConcurrentHashMap<>();

  private final Thread thread = new Thread(this::run, "tidemark-reader-seats");
  private volatile boolean stopped;
  private boolean changed;

  ReplicaReaders(Store store, Path mountPoint, KernelView kernel) {
    this.store = store;
    this.mountPoint = mountPoint;
    this.kernel = kernel;
    thread.setDaemon(true);
    thread.start();
    store.readerAccess(this);
  }

  /** Gives up all descriptors. */
  void stop(long millis) {
    store.readerAccess(ReaderAccess.NONE);
    stopped = true;
    wake();
    try {
      thread.join(millis);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    seats.values().forEach(ReaderSeat::close);
  }

  // ------------------------------------------------------- holding WAL_WRITE

  /** Whether a program that opens the database could become the writer of its WAL. */
  boolean isToJoin(Database database) {
    if (!isToHold(database) || !database.isWal() || !database.exists()) {
      return false;
    }
    ReaderSeat seat = seats.get(database);
    return seat == null || !seat.holds(database.shm());
  }

  /**
   * A program is about to open a database in WAL mode, and waits for this: takes the place of its
   * writer first. If that takes too long, because other programs are just setting up the wal-index,
   * the thread here goes on trying; until then a writer is refused by an I/O error instead.
   */
  void join(Database database) {
    long begin = System.nanoTime();
    while (!with(database, seat -> tryToJoin(database, seat))
        && isToJoin(database)
        && System.nanoTime() - begin
            < (isForProgramsToSetUp(database) ? SET_UP_NANOS : JOIN_NANOS)) {
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(POLL_MILLIS));
    }
    wake();
  }

  private boolean isForProgramsToSetUp(Database database) {
    SideFile shm = database.shm();
    return shm == null || with(database, seat -> !seat.isSetUp(shm));
  }

  /** Each time anew: the files beside the database may be others by now. */
  private boolean tryToJoin(Database database, ReaderSeat seat) throws IOException {
    SideFile shm = setUpForReaders(database);
    return shm != null && seat.holdWriteLock(shm);
  }

  private SideFile setUpForReaders(Database database) throws IOException {
    database.prepareForReaders();
    kernel.forgetSideNamesNow(database);
    return database.shm();
  }

  /** A program opened a wal-index. */
  void opened(Database database, SideFile shm) {
    opened.merge(shm, 1, Integer::sum);
    if (store.role() == Role.REPLICA || areWritersOut(database)) {
      seats.computeIfAbsent(database, this::seat);
      wake();
    }
  }

  /** A program's handle of a wal-index is gone. */
  void released(SideFile shm) {
    opened.computeIfPresent(shm, (key, count) -> count == 1 ? null : count - 1);
    wake();
  }

  private ReaderSeat seat(Database database) {
    return new ReaderSeat(database, mountPoint);
  }

  private synchronized void wake() {
    changed = true;
    notifyAll();
  }

  private synchronized void await(long millis) throws InterruptedException {
    if (!changed) {
      TimeUnit.MILLISECONDS.timedWait(this, millis);
    }
    changed = false;
  }

  private void run() {
    OwnDescriptors.registerThread();
    try {
      while (!stopped) {
        boolean settled = true;
        for (ReaderSeat seat : seats.values()) {
          settled &= settle(seat);
        }
        await(settled ? IDLE_MILLIS : POLL_MILLIS);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /**
   * @return false if it has to be tried again soon
   */
  private boolean settle(ReaderSeat seat) {
    Database database = seat.database();
    SideFile shm = database.shm();
    try {
      if (areWritersOut(database)) {
        return holdWriterLocks(seat);
      }
      seat.freeReserved();
      if (isToHold(database) && shm != null && isUsed(seat, shm)) {
        return seat.holdWriteLock(shm);
      }
      if (database.hasHandles()) {
        return seat.leave();
      }
      return retire(seat);
    } catch (IOException e) {
      LOG.debug("{}: {}", seat.database().name(), e.toString());
      return false;
    }
  }

  /** Whether no program here may write to the database. */
  private boolean isToHold(Database database) {
    return areWritersOut(database) || (store.role() == Role.REPLICA && !database.isForwarding());
  }

  private boolean areWritersOut(Database database) {
    return store.isKeepingWritersOut() || keptFromWriters.contains(database);
  }

  /** Programs have the wal-index open, or have the database open and are about to. */
  private boolean isUsed(ReaderSeat seat, SideFile shm) {
    return opened.containsKey(shm) || (seat.holds(shm) && seat.database().hasHandles());
  }

  private boolean holdWriterLocks(ReaderSeat seat) throws IOException {
    MainFile main = seat.database().mainFile();
    SideFile shm = seat.database().shm();
    if (main == null) {
      return false;
    }
    if (seat.isReservedFree(main)) {
      // Still a hot journal: at no moment may a reader take the pages of its writer for committed.
      seat.database().writersKeptOut();
    }
    if (!seat.holdReserved(main)) {
      return false;
    }
    seat.database().writersKeptOut(); // what was written between the two
    return shm == null || !isUsed(seat, shm) || seat.holdWriteLock(shm);
  }

  private boolean retire(ReaderSeat seat) {
    if (!seat.retire()) {
      return false;
    }
    seats.remove(seat.database(), seat);
    SideFile shm = seat.database().shm();
    if (shm != null && opened.containsKey(shm)) {
      seats.computeIfAbsent(seat.database(), this::seat); // opened just now
    }
    return true;
  }

  // ------------------------------------------------------- for the applier

  private interface SeatWork {
    boolean run(ReaderSeat seat) throws IOException;
  }

  private boolean with(Database database, SeatWork work) {
    try {
      return work.run(seats.computeIfAbsent(database, this::seat));
    } catch (IOException e) {
      // The file may just be going away, with the program that had it open.
      LOG.debug("{}: {}", database.name(), e.toString());
      return false;
    }
  }

  @Override
  public boolean tryExclusive(Database database) {
    MainFile main = database.mainFile();
    return main != null && with(database, seat -> seat.tryExclusive(main));
  }

  /**
   * Who waited for this may find a database that is in WAL mode now, and go on to write at once:
   * the place of its writer is taken before.
   */
  @Override
  public void releaseExclusive(Database database) {
    with(
        database,
        seat -> {
          try {
            SideFile shm = isToJoin(database) ? setUpForReaders(database) : null;
            return shm != null && seat.holdWriteLockToo(shm);
          } finally {
            seat.releaseExclusive();
          }
        });
  }

  @Override
  public boolean tryKeepWritersOut(Database database) {
    keptFromWriters.add(database); // before, or the thread gives up what is taken here
    return with(database, this::holdWriterLocks);
  }

  @Override
  public void writersChanged(Database database) {
    boolean kept = database.isHalted() || store.isKeepingWritersOut();
    if (!kept) {
      keptFromWriters.remove(database);
    }
    ReaderSeat seat = seats.get(database);
    boolean writersHere = store.role() == Role.REPLICA ? database.isForwarding() : !kept;
    if (seat != null && writersHere) {
      seat.leave(); // now: a writer without a busy timeout would not wait for the thread
    }
    wake();
  }

  @Override
  public boolean tryLockShm(Database database, int index, boolean exclusive) {
    SideFile shm = database.shm();
    return shm != null && with(database, seat -> seat.tryLock(shm, index, exclusive));
  }

  @Override
  public void unlockShm(Database database, int index) {
    with(database, seat -> seat.unlock(index));
  }

  @Override
  public boolean readShm(Database database, long offset, ByteBuffer dst) {
    SideFile shm = database.shm();
    return shm != null && with(database, seat -> seat.read(shm, offset, dst));
  }

  @Override
  public void bytesChanged(Database database, MainFile file, long offset, ByteBuffer bytes) {
    kernel.show(database, file, offset, bytes);
  }

  @Override
  public void sizeChanged(Database database, MainFile file) {
    kernel.resized(database, file);
  }

  @Override
  public void sideFilesRemoved(Database database) {
    kernel.sideFilesRemoved(database);
    wake();
  }

  @Override
  public void walChanged(Database database, SideFile wal, long offset, ByteBuffer bytes) {
    kernel.show(database, wal, Names.Side.WAL, offset, bytes);
  }

  @Override
  public void shmChanged(Database database, SideFile shm, long offset, ByteBuffer bytes) {
    kernel.show(database, shm, Names.Side.SHM, offset, bytes);
  }
}
