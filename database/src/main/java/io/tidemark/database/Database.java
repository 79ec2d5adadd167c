package io.tidemark.database;

import io.tidemark.database.Disk.DiskFile;
import io.tidemark.database.RefusedException.Kind;
import io.tidemark.ltx.Checksum;
import io.tidemark.ltx.LtxDecoder;
import io.tidemark.ltx.LtxHeader;
import io.tidemark.ltx.PageChecksums;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongConsumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One database name: its committed image, its log, and the capture of what programs do to it.
 *
 * <p>Invariants:
 *
 * <ul>
 *   <li>The position's checksum is the XOR of all page checksums, bit 63 set.
 *   <li>The database file never holds a byte of a transaction that is not committed (no-steal), and
 *       a committed page only after its record is durable (write-ahead). What must wait stands in
 *       {@link WorkingImage}.
 *   <li>The database file has everything up to {@link #redoTxid}; the log has everything after it.
 *   <li>Whether a transaction commits is decided once, before its record is appended. What fails
 *       later is tried again, never undone, except a record that could not be synced and was shown
 *       to nobody.
 * </ul>
 *
 * <p>Mutable state is guarded by {@link #lock}. Reads of the database file may run without it,
 * because SQLite's own locks keep readers and writers of a page apart.
 */
public final class Database {
  private static final Logger LOG = LoggerFactory.getLogger(Database.class);
  private static final int MAX_PAGE = 65536;

  /** Log bytes after the redo point that make a checkpoint worthwhile. */
  static final long CHECKPOINT_LOG_BYTES = 64 << 20;

  private final Store store;
  private final Disk disk;
  private final String name;
  private final Path directory;
  private final Path volatileDirectory;
  private final DatabaseMetrics metrics = new DatabaseMetrics();
  final ReentrantLock lock = new ReentrantLock();

  private final TransactionLog log;
  private final PageSums sums = new PageSums();
  private int pageSize;
  private boolean walInHeader;
  private volatile long commitMillis;
  private volatile DatabasePosition position = DatabasePosition.NONE;

  private volatile MainFile main;
  private volatile WorkingImage image;
  private long unappliedSince;
  private volatile boolean unjournaled;

  /** Why writes were undone when no program was there to hear of it. */
  private volatile RefusedException unheard;

  /** Counts what programs change in the database file. */
  private volatile long changes;

  private volatile SideFile journal;
  private volatile boolean journalActive;
  private boolean syncRequested;
  private volatile SideFile wal;
  private volatile SideFile shm;
  private final WalCapture walCapture;
  private int sideFileCounter;

  private volatile String failed;
  private volatile String applyProblem;
  private volatile String fileSyncFailure;
  private CheckpointFile checkpoint = CheckpointFile.NONE;
  private final List<Long> pins = new ArrayList<>();

  /** Transaction up to which the last upkeep left nothing to do. */
  private volatile long upkept = -1;

  // the transaction being captured
  private final StagedPages staged = new StagedPages();
  private final IntMap lastFrames = new IntMap();

  Database(Store store, String name) throws IOException {
    this.store = store;
    this.disk = store.disk();
    this.name = name;
    this.directory = DataDirectory.databaseDirectory(store.dataDirectory().root(), name);
    this.volatileDirectory =
        store.dataDirectory().volatileDirectory().resolve(DatabaseNames.encode(name));
    this.log =
        new TransactionLog(disk, directory.resolve("log"), name, lock, metrics, store.background());
    this.walCapture = new WalCapture(name, this::commitFrames);
    disk.createDirectories(volatileDirectory);
    this.image = new WorkingImage(disk, volatileDirectory);
  }

  // ------------------------------------------------------------------ facts

  public String name() {
    return name;
  }

  public DatabaseMetrics metrics() {
    return metrics;
  }

  /** Where the committed image stands. */
  public DatabasePosition position() {
    return position;
  }

  /** Whether there is a committed image: it had a transaction and was not dropped. */
  public boolean exists() {
    return position.pageCount() > 0;
  }

  /** Size in bytes of the committed image. */
  public long size() {
    DatabasePosition now = position;
    return now.pageCount() * now.pageSize();
  }

  /** Time of the last commit in milliseconds since 1970, 0 if none is known. */
  public long commitMillis() {
    return commitMillis;
  }

  /** A moment's view for people and monitoring. */
  public DatabaseStatus status() {
    lock.lock();
    try {
      DatabaseStatus.Health health = DatabaseStatus.Health.OK;
      String problem = failed;
      if (problem != null) {
        health = DatabaseStatus.Health.FAILED;
      } else {
        problem = log.failure() != null ? log.failure() : applyProblem;
        if (problem == null && unjournaled && exists()) {
          problem = strayBytes();
        }
        if (problem != null) {
          health = DatabaseStatus.Health.READ_ONLY;
        }
      }
      return new DatabaseStatus(
          name,
          position.epoch(),
          position.txid(),
          position.checksum(),
          pageSize,
          sums.count(),
          walInHeader ? "wal" : "rollback",
          health,
          problem,
          log.bytes(),
          log.segmentCount(),
          redoTxid(),
          commitMillis == 0 ? null : Instant.ofEpochMilli(commitMillis));
    } finally {
      lock.unlock();
    }
  }

  /** Programs see something else than the committed image, and it cannot be committed. */
  private String strayBytes() {
    try {
      String content = problemOfContent();
      return content == null
          ? null
          : "written past SQLite, no database any more ("
              + content
              + "); not recorded. 'tidemark export' gives the last good state, a restart brings it"
              + " back";
    } catch (RefusedException e) {
      return e.getMessage();
    }
  }

  /** Why nothing of this database can be served, or null. */
  public String failure() {
    return failed;
  }

  void fail(String reason) {
    failed = reason;
    LOG.error("{} is not served: {}", name, reason);
  }

  /** Names, sizes and times of the files, to see whether somebody mended something. */
  String stateOfFiles() {
    StringBuilder state = new StringBuilder();
    try {
      for (Path path : List.of(directory, directory.resolve("log"))) {
        for (String entry : disk.list(path)) {
          Path file = path.resolve(entry);
          state.append(entry).append(' ').append(Files.size(file)).append(' ');
          state.append(Files.getLastModifiedTime(file).toMillis()).append('\n');
        }
      }
    } catch (IOException e) {
      state.append(e);
    }
    return state.toString();
  }

  /** Another object serves this name from now on; handles of this one fail. */
  void retire() {
    lock.lock();
    try {
      detachMain(MainFile.State.REPLACED);
      image.close();
      log.close();
    } finally {
      lock.unlock();
    }
  }

  private void checkUsable() throws RefusedException {
    if (failed != null) {
      throw new RefusedException(Kind.IO, failed);
    }
  }

  private void checkMayCommit() throws RefusedException {
    checkUsable();
    store.authority().check();
    if (applyProblem != null && !retryApply()) {
      boolean full = applyProblem.contains("No space left");
      throw new RefusedException(full ? Kind.NO_SPACE : Kind.IO, applyProblem);
    }
  }

  private RefusedException refused(String what, IOException e) {
    RefusedException refused = RefusedException.ofDisk(what + " " + name, e);
    LOG.warn("{}", refused.getMessage());
    return refused;
  }

  // --------------------------------------------------------------- recovery

  /**
   * First step of recovery: reads checkpoint and log.
   *
   * @return the group that the last record belongs to, or null
   */
  GroupInfo openLog() throws IOException {
    CheckpointFile found = CheckpointFile.read(disk, directory.resolve("checkpoint"));
    checkpoint = found == null ? CheckpointFile.NONE : found;
    GroupInfo group = found == null ? log.openWhole() : log.open(found.redoTxid(), found.txid());
    // What a checkpoint has was complete.
    return log.tailTxid() > checkpoint.txid() ? group : null;
  }

  long logTail() {
    return log.tailTxid();
  }

  /** The newest epoch that this database has seen. */
  long logEpoch() {
    return Math.max(log.tailEpoch(), checkpoint.epoch());
  }

  /** The group that the last record belongs to never became complete: the record does not count. */
  void cutIncompleteGroup() throws IOException {
    LOG.warn(
        "{}: transaction {} belonged to a commit over several databases that was not completed; it"
            + " is rolled back",
        name,
        log.tailTxid());
    log.cutLast();
  }

  /** The last transaction that is known of, also of a database that cannot be served. */
  long lastKnownTxid() {
    return Math.max(log.tailTxid(), checkpoint.txid());
  }

  /**
   * Starts an empty history whose TXIDs go on.
   *
   * @param txid last transaction of the history before
   */
  void startAfter(long txid) throws IOException {
    lock.lock();
    try {
      long checksum = txid == 0 ? 0 : Checksum.FLAG;
      position = new DatabasePosition(store.epoch(), txid, checksum, 0, 0);
      log.startAppending(txid, checksum);
    } finally {
      lock.unlock();
    }
  }

  /** Second step of recovery: brings the database file up to the end of the log. */
  void redo() throws IOException {
    disk.createDirectories(directory);
    lock.lock();
    try {
      DiskFile file = disk.open(directory.resolve("database"));
      boolean sumsKnown = checkpoint != CheckpointFile.NONE;
      pageSize = checkpoint.pageSize();
      walInHeader = checkpoint.wal();
      commitMillis = checkpoint.commitMillis();
      sums.load(checkpoint.sums().clone());
      long redone = redoRecords(file, sumsKnown);
      long tail = log.tailTxid();
      if (!sumsKnown && redone == 0 && tail > 0) {
        takeSizeFrom(file);
      }
      if (!sumsKnown && tail > 0) {
        computeSums(file);
        checkRolling(tail, log.tailChecksum());
      }
      long committedSize = sums.count() * pageSize;
      if (file.size() != committedSize) {
        file.truncate(committedSize);
      }
      readMode(file);
      long epoch = log.tailEpoch() == 0 ? checkpoint.epoch() : log.tailEpoch();
      long checksum = tail == checkpoint.txid() ? checkpoint.checksum() : log.tailChecksum();
      position = new DatabasePosition(epoch, tail, checksum, pageSize, sums.count());
      log.startAppending(tail, checksum);
      image.file(file);
      main = sums.count() > 0 ? new MainFile(file, committedSize) : null;
      if (main == null) {
        file.close();
      }
      if (redone > 0) {
        LOG.info("{}: applied {} transactions of the log, now at {}", name, redone, position);
      }
      if (!sumsKnown && tail > 0) {
        checkpoint();
      }
    } finally {
      lock.unlock();
    }
  }

  /** Without a checkpoint and without records only the file itself says how large it is. */
  private void takeSizeFrom(DiskFile file) throws IOException {
    ByteBuffer first = ByteBuffer.allocate(SqliteHeader.SIZE);
    file.read(first, 0);
    SqliteHeader header = new SqliteHeader(first.flip());
    if (header.hasMagic() && header.pageSize() > 0) {
      pageSize = header.pageSize();
      sums.resize(file.size() / pageSize);
    }
  }

  private long redoRecords(DiskFile file, boolean sumsKnown) throws IOException {
    long redone = 0;
    long sizeBefore = file.size();
    long expected =
        Math.min(checkpoint.fileSize(), (long) checkpoint.sums().length * checkpoint.pageSize());
    try (LogCursor cursor = log.cursorAfter(log.redoStart())) {
      while (cursor.next()) {
        LtxDecoder decoder = cursor.decoder();
        LtxHeader header = decoder.header();
        // The saved checksums are newer than the redo point: they have this record already.
        boolean inSums = sumsKnown && header.maxTxid() <= checkpoint.txid();
        redoRecord(file, decoder, inSums ? null : sums);
        if (!inSums) {
          pageSize = header.pageSize();
          commitMillis = header.timestampMillis();
          if (sumsKnown) {
            checkRolling(header.maxTxid(), decoder.trailer().postApplyChecksum());
          }
        }
        expected = Math.min(expected, header.commit() * header.pageSize());
        redone++;
        FaultPoint.RECOVERY_APPLYING.pass();
      }
    }
    if (sizeBefore < expected) {
      throw new CorruptLogException(
          "the file "
              + directory.resolve("database")
              + " has "
              + sizeBefore
              + " bytes instead of at least "
              + expected
              + ": it was deleted or cut short from outside. Put it back, or import a backup");
    }
    return redone;
  }

  private void checkRolling(long txid, long expected) throws CorruptLogException {
    if (sums.rolling() != expected) {
      throw new CorruptLogException(
          "after transaction "
              + txid
              + " of '"
              + name
              + "' the checksum is "
              + new Checksum(sums.rolling())
              + ", the log says "
              + new Checksum(expected)
              + "; the database file or the log was changed from outside. Import a backup, or drop"
              + " the database");
    }
  }

  /** Applies one record to a file; {@code into} gets the page checksums unless it is null. */
  private void redoRecord(DiskFile file, LtxDecoder decoder, PageSums into) throws IOException {
    LtxHeader header = decoder.header();
    int size = header.pageSize();
    if (into != null) {
      if (size != pageSize) {
        into.resize(0);
      }
      into.resize(header.commit());
    }
    PageScan.redo(file, decoder, Scratch.get().page, into == null ? (pgno, sum) -> {} : into::set);
  }

  private void computeSums(DiskFile file) throws IOException {
    long count = sums.count();
    sums.resize(0);
    sums.resize(count);
    PageScan.forEachPage(file, pageSize, count, sums::set);
  }

  private void readMode(DiskFile file) throws IOException {
    ByteBuffer header = ByteBuffer.allocate(SqliteHeader.SIZE);
    if (sums.count() > 0 && file.read(header, 0) == SqliteHeader.SIZE) {
      walInHeader = new SqliteHeader(header.flip()).isWal();
    }
  }

  // -------------------------------------------------- the database file itself

  /** The current content of the name, or null if there is no such file. */
  public MainFile mainFile() {
    return main;
  }

  /** Makes an empty file of this name; it becomes a database with its first transaction. */
  public MainFile create() throws RefusedException {
    lock.lock();
    try {
      checkUsable();
      if (main == null) {
        disk.createDirectories(directory);
        DiskFile file = disk.open(directory.resolve("database"));
        file.truncate(0);
        main = new MainFile(file, 0);
        image.file(file);
        unjournaled = false;
      }
      return main;
    } catch (IOException e) {
      throw refused("cannot create", e);
    } finally {
      lock.unlock();
    }
  }

  public void opened(MainFile file) {
    lock.lock();
    try {
      file.handles++;
    } finally {
      lock.unlock();
    }
  }

  /** A handle is gone. */
  public void released(MainFile file) {
    lock.lock();
    try {
      file.handles--;
      closeIfUnused(file);
    } finally {
      lock.unlock();
    }
  }

  private void closeIfUnused(MainFile file) {
    if (file.handles <= 0 && file.state != MainFile.State.LIVE) {
      try {
        file.file.close();
      } catch (IOException e) {
        LOG.warn("{}: closing: {}", name, e.toString());
      }
    }
  }

  /** Whether any handle of the current content is open. */
  public boolean inUse() {
    MainFile now = main;
    return now != null && now.handles > 0;
  }

  /**
   * Reads what programs see.
   *
   * @return bytes read, less than asked for only at the end of the file
   */
  public int read(MainFile file, ByteBuffer dst, long offset) throws IOException {
    if (file.state == MainFile.State.REPLACED) {
      throw new RefusedException(Kind.IO, name + " was replaced while it was open; open it again");
    }
    checkUsable();
    long available = file.size - offset;
    if (available <= 0) {
      return 0;
    }
    int length = (int) Math.min(dst.remaining(), available);
    int limit = dst.limit();
    dst.limit(dst.position() + length);
    if (file.state == MainFile.State.LIVE && !image.isPlain()) {
      lock.lock();
      try {
        image.read(dst, offset);
      } finally {
        lock.unlock();
      }
    } else {
      WorkingImage.readZeroFilled(file.file, dst, offset);
    }
    dst.limit(limit);
    return length;
  }

  /** Whether another thread is at work on this database, so that most calls here would wait. */
  public boolean isBusy() {
    return lock.isLocked() && !lock.isHeldByCurrentThread();
  }

  /** Whether {@link #read} may wait for the lock. */
  public boolean readMayWait(MainFile file) {
    return file.isLive() && !image.isPlain();
  }

  /** Whether a write to the database file has to wait for the log to be synced first. */
  public boolean writeMayWait(MainFile file) {
    return file.isLive() && walCapture.isActive() && !log.isDurable(log.tailTxid());
  }

  /** Takes what a program writes to the database file. */
  public void write(MainFile file, ByteBuffer src, long offset) throws RefusedException {
    metrics.databaseWrites.increment();
    lock.lock();
    try {
      long end = offset + src.remaining();
      if (!checkLive(file)) {
        file.file.write(src, offset);
        file.size = Math.max(file.size, end);
        return;
      }
      if (end > (long) (Integer.MAX_VALUE - 1) * Overlay.BLOCK) {
        throw new RefusedException(Kind.TOO_BIG, name + " would be larger than 8 TiB");
      }
      if (onlyCheckpointsWrite()) {
        checkpointWrite(src, offset);
        file.size = Math.max(file.size, end);
        return;
      }
      noteUnjournaled();
      changes++;
      image.write(src, offset);
      file.size = Math.max(file.size, end);
    } catch (IOException e) {
      throw refused("writing", e);
    } finally {
      lock.unlock();
    }
  }

  /**
   * @return true for the current content, false for that of a deleted name
   */
  private boolean checkLive(MainFile file) throws RefusedException {
    checkUsable();
    if (file.state == MainFile.State.REPLACED) {
      throw new RefusedException(Kind.IO, name + " was replaced while it was open; open it again");
    }
    return file.state == MainFile.State.LIVE;
  }

  private void noteUnjournaled() {
    if (!journalActive && !unjournaled) {
      unjournaled = true;
      store.listener().unjournaledWrites(this);
    }
  }

  /** Beside an empty WAL nothing is left to be checkpointed, and SQLite writes nothing at all. */
  private boolean onlyCheckpointsWrite() {
    return walCapture.isActive() || (wal != null && walInHeader && exists() && !journalActive);
  }

  /**
   * In WAL mode SQLite writes the database file only to checkpoint committed frames. Anything else
   * would change pages behind the back of readers and of the log.
   */
  private void checkpointWrite(ByteBuffer src, long offset) throws IOException {
    int length = src.remaining();
    if (offset % pageSize != 0 || length % pageSize != 0) {
      throw strayWrite(offset);
    }
    // First all, then nothing: a page that is no committed one leaves the file as it was.
    int[] frames = new int[length / pageSize];
    long needed = 0;
    ByteBuffer compare = Scratch.get().compare;
    for (int i = 0; i < frames.length; i++) {
      int pgno = (int) (offset / pageSize) + i + 1;
      ByteBuffer bytes = src.slice(src.position() + i * pageSize, pageSize);
      frames[i] = walCapture.frameOfPage(pgno, bytes);
      if (frames[i] < 0) {
        compare.clear().limit(pageSize);
        WorkingImage.readZeroFilled(main.file, compare, (pgno - 1L) * pageSize);
        if (!compare.flip().equals(bytes)) {
          throw strayWrite(offset + (long) i * pageSize);
        }
      } else {
        needed = Math.max(needed, walCapture.frames().txid(frames[i]));
      }
    }
    log.awaitDurable(needed);
    FaultPoint.WAL_CHECKPOINT_PAGE.pass();
    main.file.write(src, offset);
    for (int i = 0; i < frames.length; i++) {
      if (frames[i] >= 0) {
        walCapture.frames().backfilled((int) (offset / pageSize) + i + 1, frames[i]);
      }
    }
  }

  private RefusedException strayWrite(long offset) {
    return new RefusedException(
        Kind.IO,
        "a write to "
            + name
            + " at offset "
            + offset
            + " is no page of a committed transaction; in WAL mode only checkpoints write there");
  }

  /** ftruncate(2) on the database file. */
  public void truncate(MainFile file, long size) throws RefusedException {
    lock.lock();
    try {
      if (!checkLive(file)) {
        file.file.truncate(size);
        file.size = size;
        return;
      }
      if (size == file.size) {
        return;
      }
      long committedSize = sums.count() * pageSize;
      if (onlyCheckpointsWrite()) {
        // The end of a checkpoint cuts what the last commit no longer has; a size hint may grow.
        if (size < committedSize) {
          throw strayWrite(size);
        }
        main.file.truncate(size);
      } else if (size == 0 && committedSize > 0 && !journalActive) {
        throw new RefusedException(
            Kind.NOT_PERMITTED,
            name
                + " holds a database and cannot be emptied; delete it, or replace its content with"
                + " 'tidemark import'");
      } else if (size < file.size && (size < committedSize || image.hasUncommitted())) {
        noteUnjournaled();
        changes++;
        image.cut(size, file.size);
      }
      file.size = size;
    } catch (IOException e) {
      throw refused("truncating", e);
    } finally {
      lock.unlock();
    }
  }

  /**
   * fsync(2) of the database file. During a rollback-journal transaction it only says that the
   * transaction is to be durable; without a journal it is the commit (journal_mode MEMORY and OFF);
   * in WAL mode it belongs to a checkpoint, whose pages the log has.
   */
  public void sync(MainFile file) throws RefusedException {
    lock.lock();
    try {
      if (!checkLive(file) || walCapture.isActive()) {
        return;
      }
      if (journalActive) {
        syncRequested = true;
        return;
      }
      tellUnheard();
      commitUnjournaled(true, true);
    } finally {
      lock.unlock();
    }
  }

  /** Whether {@link #sync} and {@link #flush} have a failure to report. */
  public boolean hasUnheardRefusal() {
    return unheard != null;
  }

  private void tellUnheard() throws RefusedException {
    RefusedException reason = unheard;
    if (reason != null) {
      unheard = null;
      throw reason;
    }
  }

  /** Whether {@link #sync}, {@link #flush} or {@link #commitIfUnlocked} would have work. */
  public boolean hasUnjournaledWrites() {
    return unjournaled;
  }

  /**
   * Number of changes to the database file so far. Who asked for it, then found the writer's lock
   * free and finds the number still the same, holds no half of the next transaction.
   */
  public long changes() {
    return changes;
  }

  /**
   * A handle that wrote was closed: what it wrote outside any transaction is complete now.
   *
   * @param seen {@link #changes} before the writer's lock was found free; nothing is done if there
   *     were more
   */
  public void flush(MainFile file, long seen) throws RefusedException {
    lock.lock();
    try {
      tellUnheard();
      if (checkLive(file) && changes == seen && !journalActive && !walCapture.isActive()) {
        commitUnjournaled(false, true);
      }
    } finally {
      lock.unlock();
    }
  }

  /**
   * Nobody held RESERVED: writes outside a transaction are complete if they make a database.
   *
   * @param seen {@link #changes} before RESERVED was found free
   * @return false if there were more changes: the next transaction has begun
   */
  public boolean commitIfUnlocked(long seen) throws RefusedException {
    lock.lock();
    try {
      if (changes != seen) {
        return false;
      }
      if (main != null && failed == null && !journalActive && !walCapture.isActive()) {
        commitUnjournaled(false, false);
      }
      return true;
    } finally {
      lock.unlock();
    }
  }

  /**
   * @param heard whether the writer hears of a failure
   */
  private void commitUnjournaled(boolean sync, boolean heard) throws RefusedException {
    if (!image.hasUncommitted()) {
      unjournaled = false;
      return;
    }
    if (problemOfContent() != null) {
      return; // not a whole database yet, or none at all: its owner may still be writing
    }
    syncRequested = sync;
    try {
      commitImage(null);
    } catch (RefusedException e) {
      // There is no journal that somebody could roll back. What was refused must not come back when
      // the reason is gone; what nobody was told of waits for the disk.
      if (heard || e.kind() == Kind.READ_ONLY) {
        LOG.warn("{}: writes that were refused are undone", name);
        discardUncommitted();
        unheard = heard ? null : e;
      }
      throw e;
    }
    unheard = null;
    finishImage();
    unjournaled = false;
  }

  /** Why what programs see is not a whole SQLite database, or null. */
  public String problemOfContent() throws RefusedException {
    lock.lock();
    try {
      MainFile now = main;
      if (now == null || now.size == 0) {
        return "it is empty";
      }
      return visibleHeader().problem(now.size);
    } catch (IOException e) {
      throw refused("reading", e);
    } finally {
      lock.unlock();
    }
  }

  private SqliteHeader visibleHeader() throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(SqliteHeader.SIZE);
    image.read(bytes, 0);
    return new SqliteHeader(bytes.flip());
  }

  /**
   * The writer is gone and left something that is no database. The committed image is restored.
   *
   * @return whether there is a committed image
   */
  public boolean discardUncommitted() {
    lock.lock();
    try {
      int[] blocks = image.uncommittedBlocks();
      image.discard();
      unjournaled = false;
      syncRequested = false;
      if (main != null) {
        main.size = sums.count() * pageSize;
        for (int key : blocks) {
          store.listener().rangeReverted(this, (key - 1L) * Overlay.BLOCK, Overlay.BLOCK);
        }
      }
      return exists();
    } finally {
      lock.unlock();
    }
  }

  /** Whether the content is still only in memory and was never committed. */
  public boolean isProvisional() {
    return main != null && !exists();
  }

  /**
   * The file turned out not to be a database: gives up the name here.
   *
   * @param target receives the content as it is
   */
  public void convertToPlainFile(Path target) throws IOException {
    lock.lock();
    try {
      if (exists() || main == null) {
        throw new IllegalStateException(name + " holds a database");
      }
      try (DiskFile out = disk.open(target)) {
        ByteBuffer chunk = ByteBuffer.allocateDirect(64 * 1024);
        for (long offset = 0; offset < main.size; ) {
          chunk.clear().limit((int) Math.min(chunk.capacity(), main.size - offset));
          image.read(chunk, offset);
          int length = chunk.flip().limit();
          out.write(chunk, offset);
          offset += length;
        }
      }
      detachMain(MainFile.State.ORPHAN);
    } finally {
      lock.unlock();
    }
  }

  private void detachMain(MainFile.State state) {
    MainFile old = main;
    main = null;
    image.discard();
    unjournaled = false;
    syncRequested = false;
    if (old != null) {
      old.state = state;
      closeIfUnused(old);
    }
  }

  // ---------------------------------------------------------------- commits

  /** Gives the bytes of a page, filling {@code dst}. */
  private interface PageReader {
    void read(long pgno, ByteBuffer dst) throws IOException;
  }

  /** The first transaction of a file was rolled back: nothing was there before, nothing is now. */
  private boolean isEmptyAgain() {
    return sums.count() == 0 && main != null && main.size == 0;
  }

  /** Commits what the image holds, if it differs from the committed one. */
  private void commitImage(GroupInfo group) throws RefusedException {
    if (!image.hasUncommitted() || isEmptyAgain()) {
      return;
    }
    boolean appended = appendImage(group, false);
    if (appended && syncRequested) {
      awaitOrTakeBack();
    }
    if (appended) {
      publish();
    }
  }

  /**
   * @param onlyAsk says whether there would be a record, and appends none
   */
  private boolean appendImage(GroupInfo group, boolean onlyAsk) throws RefusedException {
    if (main.size == 0 && !exists()) {
      return false; // the first transaction of all was rolled back
    }
    try {
      SqliteHeader header = visibleHeader();
      // SQLite takes what the last page lacks for zeros; its backup can leave such a file.
      long wholePages = roundUp(main.size, Math.max(1, header.pageSize()));
      String problem = header.problem(wholePages);
      if (problem != null) {
        throw new RefusedException(Kind.IO, name + " would not be a database: " + problem);
      }
      int newPageSize = header.pageSize();
      long newCount = header.pageCount(wholePages);
      boolean whole = newPageSize != pageSize;
      int[] pages =
          whole ? allPages(newCount) : image.touchedPages(newPageSize, sums.count(), newCount);
      return append(
          pages,
          newCount,
          newPageSize,
          (pgno, dst) -> image.read(dst, (pgno - 1) * newPageSize),
          (pgno, dst) -> image.readCommitted(dst, (pgno - 1) * newPageSize),
          -1,
          0,
          group,
          onlyAsk);
    } catch (IOException e) {
      throw refused("capturing a transaction of", e);
    }
  }

  private static long roundUp(long size, int multiple) {
    return (size + multiple - 1) / multiple * multiple;
  }

  private static int[] allPages(long count) {
    int[] pages = new int[(int) count];
    Arrays.setAll(pages, i -> i + 1);
    return pages;
  }

  /** After a commit or a rollback: nothing is uncommitted any more. */
  private void finishImage() throws RefusedException {
    if (!image.hasUncommitted() && !image.hasUnapplied()) {
      image.discard();
      syncRequested = false;
      return;
    }
    long committedSize = sums.count() * pageSize;
    try {
      if (log.isDurable(log.tailTxid()) && (applyProblem == null || retryApply())) {
        image.apply(committedSize);
      } else {
        keepUnapplied(committedSize);
      }
    } catch (IOException e) {
      noteApplyProblem(e);
      try {
        keepUnapplied(committedSize);
      } catch (IOException again) {
        again.addSuppressed(e);
        // Memory and disk are both exhausted. The log has the transaction; the image is no longer
        // known to be right, so it must not be served.
        fail(
            "the committed pages of "
                + name
                + " can be neither written nor kept ("
                + again.getMessage()
                + "); free disk space and restart, the log has all transactions");
        throw refused("applying a transaction of", again);
      }
    }
    syncRequested = false;
  }

  private void keepUnapplied(long committedSize) throws IOException {
    if (!image.hasUnapplied()) {
      unappliedSince = Math.max(0, position.txid() - 1);
    }
    image.keepUnapplied(committedSize);
  }

  private void noteApplyProblem(IOException e) {
    applyProblem =
        "the database file of "
            + name
            + " cannot be written ("
            + e.getMessage()
            + "); its transactions are safe in the log, new ones are refused until the disk works"
            + " again";
    LOG.error("{}", applyProblem);
  }

  private boolean retryApply() {
    try {
      image.applyLeftOver(sums.count() * pageSize);
      LOG.info("{}: the database file can be written again", name);
      applyProblem = null;
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  /** Called by {@link WalCapture} when a transaction of the WAL is complete. */
  private long commitFrames(int firstFrame, int lastFrame, long newCount) throws RefusedException {
    WalFrames frames = walCapture.frames();
    int size = walCapture.pageSize();
    if (size != pageSize) {
      throw new RefusedException(
          Kind.IO,
          "the WAL of " + name + " has page size " + size + ", the database has " + pageSize);
    }
    IntMap last = lastFrames;
    last.clear();
    for (int frame = firstFrame; frame <= lastFrame; frame++) {
      if (Integer.toUnsignedLong(frames.page(frame)) <= newCount) {
        last.put(frames.page(frame), frame + 1);
      }
    }
    // A page that the database grows by and that the transaction does not have reads as whatever
    // stands there; SQLite leaves free pages unwritten.
    for (long pgno = sums.count() + 1; pgno <= newCount; pgno++) {
      if (!last.contains((int) pgno)) {
        last.put((int) pgno, 0);
        frames.needAgain((int) pgno);
      }
    }
    boolean appended =
        append(
            last.sortedKeys(),
            newCount,
            size,
            (pgno, dst) -> {
              int frame = last.get((int) pgno, 0);
              if (frame > 0) {
                walCapture.readPage(frame - 1, dst);
              } else {
                readCommittedInWal(pgno, dst);
              }
            },
            this::readCommittedInWal,
            firstFrame,
            lastFrame,
            null,
            false);
    if (appended) {
      publish();
    }
    return position.txid();
  }

  private void readCommittedInWal(long pgno, ByteBuffer dst) throws IOException {
    int frame = walCapture.frames().latest((int) pgno);
    if (frame >= 0) {
      walCapture.readPage(frame, dst);
    } else {
      image.readCommitted(dst, (pgno - 1) * pageSize);
    }
  }

  /**
   * Appends the record of a transaction.
   *
   * @param pages pages that may have changed, ascending, none above {@code newCount}
   * @param firstFrame first WAL frame, or -1 outside the WAL
   * @return false if nothing changed: then there is no record and no TXID
   */
  private boolean append(
      int[] pages,
      long newCount,
      int newPageSize,
      PageReader fresh,
      PageReader before,
      int firstFrame,
      int lastFrame,
      GroupInfo group,
      boolean onlyAsk)
      throws RefusedException {
    long start = System.nanoTime();
    FaultPoint.COMMIT_BEFORE_APPEND.pass();
    boolean renumbered = newPageSize != pageSize;
    long oldCount = renumbered ? 0 : sums.count();
    long rolling = renumbered ? Checksum.FLAG : sums.rolling();
    long lockPage = PageChecksums.lockPage(newPageSize);
    long now = System.currentTimeMillis();
    staged.begin(newCount, newPageSize, now);
    Scratch scratch = Scratch.get();
    boolean open = false;
    try {
      for (int number : pages) {
        long pgno = Integer.toUnsignedLong(number);
        if (pgno == lockPage) {
          continue;
        }
        ByteBuffer bytes = scratch.page.clear().limit(newPageSize);
        fresh.read(pgno, bytes);
        bytes.flip();
        long crc = PageChecksums.crcOfPage(number, bytes, 0, newPageSize);
        long sum = PageChecksums.fromCrc(crc);
        long old = pgno <= oldCount ? sums.get(pgno) : 0;
        if (sum == old && sameBytes(pgno, newPageSize, bytes, before)) {
          continue;
        }
        if (onlyAsk) {
          return true;
        }
        if (!open) {
          begin(newCount, newPageSize, now, firstFrame, lastFrame, group);
          open = true;
        }
        scratch.encoder.pageWithCrc(pgno, bytes.rewind(), crc);
        staged.add(number, sum);
        rolling ^= old ^ sum;
        if (pgno == 1) {
          staged.wal(new SqliteHeader(bytes.rewind()).isWal());
        }
      }
      for (long pgno = newCount + 1; pgno <= oldCount; pgno++) {
        rolling ^= sums.get(pgno);
      }
      if (!open && newCount == sums.count()) {
        return false;
      }
      if (onlyAsk) {
        return true;
      }
      if (!open) {
        begin(newCount, newPageSize, now, firstFrame, lastFrame, group);
        open = true;
      }
      scratch.encoder.end(rolling | Checksum.FLAG);
      log.finish(rolling | Checksum.FLAG, now);
    } catch (IOException e) {
      if (open) {
        log.abort();
      }
      metrics.refusedCommits.increment();
      throw refused("capturing a transaction of", e);
    }
    metrics.commitLatency.record(System.nanoTime() - start);
    return true;
  }

  /** Only now is permission asked for: what changes nothing, such as a rollback, needs none. */
  private void begin(
      long newCount, int newPageSize, long now, int firstFrame, int lastFrame, GroupInfo group)
      throws IOException {
    checkMayCommit();
    log.begin(store.epoch(), group == null ? null : group.encode());
    long txid = log.tailTxid() + 1;
    boolean inWal = firstFrame >= 0;
    long walOffset = inWal ? walCapture.offsetOf(firstFrame) : 0;
    Scratch.get()
        .encoder
        .reset( // what an earlier transaction left open, in whatever database, is void
            new LtxHeader(
                store.options().compress() ? LtxHeader.FLAG_LZ4 : 0,
                newPageSize,
                newCount,
                txid,
                txid,
                now,
                txid == 1 ? 0 : log.tailChecksum(),
                walOffset,
                inWal ? walCapture.offsetOf(lastFrame + 1) - walOffset : 0,
                inWal ? walCapture.salt1() : 0,
                inWal ? walCapture.salt2() : 0,
                store.nodeNumber()),
            log);
  }

  /** Checksums can be equal by chance or by design, so equal ones are not taken for equal bytes. */
  private boolean sameBytes(long pgno, int size, ByteBuffer bytes, PageReader before)
      throws IOException {
    ByteBuffer old = Scratch.get().compare.clear().limit(size);
    before.read(pgno, old);
    return old.flip().equals(bytes.rewind());
  }

  /** The record just appended counts from now on. */
  private void publish() {
    if (staged.pageSize() != pageSize) {
      sums.resize(0);
      pageSize = staged.pageSize();
    }
    sums.resize(staged.pageCount());
    for (int i = 0; i < staged.size(); i++) {
      sums.set(Integer.toUnsignedLong(staged.page(i)), staged.sum(i));
    }
    assert sums.rolling() == log.tailChecksum();
    if (staged.hasPage1()) {
      walInHeader = staged.isWal();
    }
    commitMillis = staged.millis();
    position =
        new DatabasePosition(
            store.epoch(), log.tailTxid(), log.tailChecksum(), pageSize, sums.count());
    metrics.commits.increment();
    store.listener().committed(this);
  }

  /** Whether the log has a transaction on the disk. */
  public boolean isDurable(long txid) {
    return log.isDurable(txid);
  }

  /**
   * Returns when the log is on the disk up to {@code txid}.
   *
   * @throws RefusedException when the disk refuses
   */
  public void awaitDurable(long txid) throws RefusedException {
    log.awaitDurable(txid);
  }

  // ---------------------------------------------------------------- journal

  private SideFile newSideFile(String kind) throws IOException {
    return new SideFile(disk, volatileDirectory.resolve(kind + "." + sideFileCounter++));
  }

  public SideFile journal() {
    return journal;
  }

  public SideFile wal() {
    return wal;
  }

  public SideFile shm() {
    return shm;
  }

  /** Whether finalising the journal now would commit something. */
  public boolean finaliseMayWait() {
    return journalActive && image.hasUncommitted();
  }

  /** Creates the rollback journal, or returns the one that is there. */
  public SideFile createJournal() throws RefusedException {
    lock.lock();
    try {
      checkUsable();
      if (journal == null) {
        journal = newSideFile("journal");
        journalActive = false;
      }
      return journal;
    } catch (IOException e) {
      throw refused("cannot create the journal of", e);
    } finally {
      lock.unlock();
    }
  }

  public void writeJournal(SideFile file, ByteBuffer src, long offset) throws RefusedException {
    metrics.journalWrites.increment();
    lock.lock();
    try {
      checkUsable();
      boolean header = file == journal && offset < JournalFormat.MAGIC_BYTES;
      boolean active = header ? JournalFormat.isActiveAfter(file, src, offset) : journalActive;
      if (header && journalActive && !active) {
        finaliseJournal(() -> file.write(src, offset));
        return;
      }
      file.write(src, offset);
      if (header) {
        setJournalActive(active);
      }
    } catch (IOException e) {
      throw refused("writing the journal of", e);
    } finally {
      lock.unlock();
    }
  }

  public void truncateJournal(SideFile file, long size) throws RefusedException {
    lock.lock();
    try {
      checkUsable();
      if (file == journal && journalActive && size < JournalFormat.MAGIC_BYTES) {
        finaliseJournal(() -> file.truncate(size));
      } else {
        file.truncate(size);
      }
    } catch (IOException e) {
      throw refused("truncating the journal of", e);
    } finally {
      lock.unlock();
    }
  }

  public void unlinkJournal() throws RefusedException {
    lock.lock();
    try {
      SideFile file = journal;
      if (file == null) {
        return;
      }
      if (failed == null && journalActive) {
        finaliseJournal(() -> {});
      }
      journal = null;
      file.detach();
    } finally {
      lock.unlock();
    }
  }

  public void syncJournal(SideFile file) {
    lock.lock();
    try {
      if (file == journal) {
        syncRequested = true;
      }
    } finally {
      lock.unlock();
    }
  }

  private interface Step {
    void run() throws IOException;
  }

  private void setJournalActive(boolean active) {
    journalActive = active;
    if (active) {
      unjournaled = false;
    }
  }

  /**
   * Finalising the journal is the commit of a rollback-mode transaction: decided here, before the
   * journal changes, so that a refusal leaves a hot journal and SQLite rolls back. If what SQLite
   * wrote equals the committed image (a rollback) there is no transaction.
   */
  private void finaliseJournal(Step step) throws RefusedException {
    if (isRolledBack()) {
      discardUncommitted();
    } else {
      commitImage(null);
    }
    FaultPoint.COMMIT_BEFORE_FINALISE.pass();
    journalActive = false;
    finishImage();
    try {
      step.run();
    } catch (IOException e) {
      // The transaction is committed; the journal is volatile and must not stay hot.
      dropJournalContent();
      throw refused("finalising the journal of", e);
    }
  }

  /**
   * Whether every page of the journal and the size are what they were. Then nothing happened, even
   * if other pages differ: SQLite does not journal free pages that it reuses, because nobody reads
   * what they held, and so does not restore them either.
   */
  private boolean isRolledBack() throws RefusedException {
    if (!image.hasUncommitted() || main == null || main.size != sums.count() * pageSize) {
      return false;
    }
    try {
      int size = pageSize;
      ByteBuffer now = Scratch.get().page;
      ByteBuffer before = Scratch.get().compare;
      int[] restored = {0};
      boolean allEqual =
          JournalFormat.forEachPage(
              journal,
              pgno -> {
                restored[0]++;
                image.read(now.clear().limit(size), (pgno - 1) * size);
                image.readCommitted(before.clear().limit(size), (pgno - 1) * size);
                return now.flip().equals(before.flip());
              });
      return allEqual && restored[0] > 0;
    } catch (IOException e) {
      throw refused("reading the journal of", e);
    }
  }

  private void dropJournalContent() {
    try {
      journal.truncate(0);
    } catch (IOException e) {
      LOG.error("{}: the journal of a committed transaction stays: {}", name, e.toString());
    }
  }

  /** The super-journal that this database's active journal names, or null. */
  String superJournal() throws IOException {
    return journal != null && journalActive ? JournalFormat.superJournal(journal) : null;
  }

  // ---- a commit over several databases; the caller holds the locks of all of them

  long nextTxid() {
    return position.txid() + 1;
  }

  boolean groupWouldAppend() throws RefusedException {
    return image.hasUncommitted() && !isEmptyAgain() && appendImage(null, true);
  }

  void groupAppend(GroupInfo group) throws RefusedException {
    appendImage(group, false);
    FaultPoint.GROUP_PARTLY_APPENDED.pass();
  }

  void groupTakeBack() {
    if (log.tailTxid() > log.durableTxid()) {
      log.unappend(position.checksum());
    } else {
      log.cutDurableGroupRecord(position.checksum());
    }
  }

  void groupPublish(boolean appended) throws RefusedException {
    if (appended) {
      publish();
    }
    finishImage();
  }

  // -------------------------------------------------------------------- WAL

  public SideFile createWal() throws RefusedException {
    lock.lock();
    try {
      checkUsable();
      if (wal == null) {
        settleImage();
        wal = newSideFile("wal");
        walCapture.attach(wal);
      }
      return wal;
    } catch (IOException e) {
      throw refused("cannot create the WAL of", e);
    } finally {
      lock.unlock();
    }
  }

  /** WAL mode reads the database file directly, so what is committed must be in it. */
  private void settleImage() throws IOException {
    if (image.hasUnapplied()) {
      log.awaitDurable(log.tailTxid());
      image.applyLeftOver(sums.count() * pageSize);
    }
  }

  public void writeWal(SideFile file, ByteBuffer src, long offset) throws RefusedException {
    metrics.walWrites.increment();
    lock.lock();
    try {
      checkUsable();
      if (file != wal) {
        file.write(src, offset);
        return;
      }
      if (offset < WalCapture.HEADER && !walCapture.isActive()) {
        settleImage();
      }
      WalCapture.Outcome outcome = walCapture.write(src, offset, exists(), sums.count());
      if (outcome == WalCapture.Outcome.OVERWRITES_COMMITTED) {
        store.listener().walIndexSuspect(this);
        throw WalCapture.overwritten(name);
      }
    } catch (IOException e) {
      throw refused("writing the WAL of", e);
    } finally {
      lock.unlock();
    }
  }

  public void truncateWal(SideFile file, long size) throws RefusedException {
    lock.lock();
    try {
      checkUsable();
      if (file != wal) {
        file.truncate(size);
        return;
      }
      String problem = walCapture.problemOfTruncate(size, sums.count());
      if (problem != null) {
        throw new RefusedException(Kind.BUSY, problem);
      }
      walCapture.truncate(size);
    } catch (IOException e) {
      throw refused("truncating the WAL of", e);
    } finally {
      lock.unlock();
    }
  }

  /**
   * Removes the WAL.
   *
   * @throws RefusedException (BUSY) when it holds what the database file does not have yet
   */
  public void unlinkWal() throws RefusedException {
    lock.lock();
    try {
      if (wal == null) {
        return;
      }
      if (main != null
          && walCapture.isActive()
          && !walCapture.frames().allBackfilled(sums.count())) {
        throw new RefusedException(
            Kind.BUSY,
            "the WAL of "
                + name
                + " holds transactions that are not checkpointed yet and cannot be deleted");
      }
      dropWal();
    } finally {
      lock.unlock();
    }
  }

  private void dropWal() {
    SideFile old = wal;
    wal = null;
    walCapture.attach(null);
    if (old != null) {
      old.detach();
    }
  }

  /** Transaction that an fsync(2) of the WAL must wait for. */
  public long walSyncTarget() {
    return log.tailTxid();
  }

  /**
   * What the wal-index must know at least.
   *
   * @param frames committed frames of the WAL
   * @param salt1 first salt of the WAL header, as a big-endian number
   * @param salt2 the second
   */
  public record WalExtent(int frames, int salt1, int salt2) {}

  public WalExtent walExtent() {
    lock.lock();
    try {
      return new WalExtent(walCapture.frames().committed(), walCapture.salt1(), walCapture.salt2());
    } finally {
      lock.unlock();
    }
  }

  // -------------------------------------------------------------------- shm

  public SideFile createShm() throws RefusedException {
    lock.lock();
    try {
      checkUsable();
      if (shm == null) {
        shm = newSideFile("shm");
      }
      return shm;
    } catch (IOException e) {
      throw refused("cannot create the wal-index of", e);
    } finally {
      lock.unlock();
    }
  }

  public void writeShm(SideFile file, ByteBuffer src, long offset) throws RefusedException {
    metrics.shmWrites.increment();
    lock.lock();
    try {
      file.write(src, offset);
    } catch (IOException e) {
      throw refused("writing the wal-index of", e);
    } finally {
      lock.unlock();
    }
  }

  public void truncateShm(SideFile file, long size) throws RefusedException {
    lock.lock();
    try {
      file.truncate(size);
    } catch (IOException e) {
      throw refused("truncating the wal-index of", e);
    } finally {
      lock.unlock();
    }
  }

  public void unlinkShm() {
    lock.lock();
    try {
      SideFile old = shm;
      shm = null;
      if (old != null) {
        old.detach();
      }
    } finally {
      lock.unlock();
    }
  }

  /** Handles of a side file are counted, so that a deleted one lives as long as its handles. */
  public void opened(SideFile file) {
    lock.lock();
    try {
      file.opened();
    } finally {
      lock.unlock();
    }
  }

  public void released(SideFile file) {
    lock.lock();
    try {
      file.released();
    } finally {
      lock.unlock();
    }
  }

  // --------------------------------------------------------- drop and import

  /**
   * Deletes the database as one transaction. Handles that are open keep the content, like those of
   * any deleted file.
   *
   * @return false if there was no file of that name
   */
  public boolean drop() throws RefusedException {
    lock.lock();
    try {
      if (main == null && failed == null) {
        return false;
      }
      if (exists()) {
        appendDrop();
        publish();
        FaultPoint.DROP_AFTER_SYNC.pass();
      }
      orphanMain();
      return true;
    } catch (IOException e) {
      throw refused("deleting", e);
    } finally {
      lock.unlock();
    }
  }

  private void appendDrop() throws IOException {
    long now = System.currentTimeMillis();
    staged.begin(0, pageSize, now);
    begin(0, pageSize, now, -1, 0, null);
    try {
      Scratch.get().encoder.end(Checksum.FLAG);
      log.finish(Checksum.FLAG, now);
    } catch (IOException e) {
      log.abort();
      throw e;
    }
    awaitOrTakeBack();
  }

  /** What was the database is a nameless file from now on, with what programs saw last. */
  private void orphanMain() throws IOException {
    MainFile old = main;
    if (old != null && old.handles > 0 && !image.isPlain()) {
      // All layers into the file: it is nobody's committed image any more.
      disk.delete(directory.resolve("database"));
      image.apply(old.size);
    }
    disk.delete(directory.resolve("database"));
    image.close();
    image = new WorkingImage(disk, volatileDirectory);
    detachMain(MainFile.State.ORPHAN);
    applyProblem = null;
    dropWal();
    unlinkShm();
    if (journal != null) {
      SideFile oldJournal = journal;
      journal = null;
      journalActive = false;
      oldJournal.detach();
    }
  }

  /**
   * Makes the content of a file the content of this database, as one transaction. The file is used
   * up: it becomes the database file.
   *
   * @param source a whole SQLite database on the same file system as the data directory
   */
  void replaceWith(Path source) throws IOException {
    lock.lock();
    try {
      String wasFailed = failed;
      failed = null;
      try (DiskFile file = disk.open(source)) {
        ByteBuffer first = ByteBuffer.allocate(SqliteHeader.SIZE);
        file.read(first, 0);
        SqliteHeader header = new SqliteHeader(first.flip());
        String problem = header.problem(file.size());
        if (problem != null) {
          throw new InvalidDatabaseException("the file is not a SQLite database: " + problem);
        }
        int newPageSize = header.pageSize();
        long newCount = header.pageCount(file.size());
        PageReader fresh =
            (pgno, dst) -> WorkingImage.readZeroFilled(file, dst, (pgno - 1) * newPageSize);
        boolean appended =
            append(
                allPages(newCount),
                newCount,
                newPageSize,
                fresh,
                this::readCommittedInWal,
                -1,
                0,
                null,
                false);
        if (appended) {
          awaitOrTakeBack();
          FaultPoint.IMPORT_AFTER_SYNC.pass();
          try {
            file.truncate(newCount * newPageSize);
            file.sync();
            install(source);
          } catch (IOException e) {
            // The log is ahead of the image now, and only recovery can bring them together again.
            wasFailed =
                "the import of "
                    + name
                    + " is recorded but could not be put in place ("
                    + e.getMessage()
                    + "); restart when the disk works again, the log has the import";
            LOG.error("{}", wasFailed);
            throw e;
          }
          publish();
        }
      } catch (IOException e) {
        failed = wasFailed;
        throw e;
      }
    } finally {
      lock.unlock();
    }
  }

  private void awaitOrTakeBack() throws RefusedException {
    long before = position.checksum();
    try {
      log.awaitDurable(log.tailTxid());
    } catch (RefusedException e) {
      log.unappend(before);
      throw e;
    }
  }

  /** The record is durable: from here on only forwards. */
  private void install(Path source) throws IOException {
    disk.createDirectories(directory);
    disk.rename(source, directory.resolve("database"));
    FaultPoint.IMPORT_APPLYING.pass();
    disk.syncDirectory(directory);
    image.close();
    image = new WorkingImage(disk, volatileDirectory);
    detachMain(MainFile.State.REPLACED);
    dropWal();
    unlinkShm();
    if (journal != null) {
      SideFile old = journal;
      journal = null;
      journalActive = false;
      old.detach();
    }
    applyProblem = null;
    DiskFile file = disk.open(directory.resolve("database"));
    image.file(file);
    main = new MainFile(file, file.size());
    store.listener().replaced(this);
  }

  /** Looks at a WAL that was there before its database. */
  public void rescanWal() throws RefusedException {
    lock.lock();
    try {
      if (wal != null && exists() && !walCapture.isActive()) {
        walCapture.rescan(sums.count());
      }
    } catch (IOException e) {
      throw refused("reading the WAL of", e);
    } finally {
      lock.unlock();
    }
  }

  // -------------------------------------------------- checkpoint and upkeep

  /** The last transaction of which the database file has everything. */
  private long redoTxid() {
    long tail = position.txid();
    long redo = walCapture.frames().redoTxid(tail, sums.count());
    return image.hasUnapplied() ? Math.min(redo, unappliedSince) : redo;
  }

  /**
   * Makes the database file and the page checksums durable and moves the redo point, so that the
   * log before it is needed only for replicas and history.
   */
  void checkpoint() throws IOException {
    CheckpointFile next;
    DiskFile file;
    lock.lock();
    try {
      if (failed != null || position.txid() == 0) {
        return;
      }
      next =
          new CheckpointFile(
              redoTxid(),
              position.txid(),
              position.checksum(),
              position.epoch(),
              pageSize,
              walInHeader,
              commitMillis,
              main == null ? 0 : main.file.size(),
              sums.copy());
      if (next.redoTxid() == checkpoint.redoTxid() && next.txid() == checkpoint.txid()) {
        return;
      }
      file = exists() ? disk.open(directory.resolve("database")) : null;
    } finally {
      lock.unlock();
    }
    try {
      // A history that goes on after a damaged one was set aside may have no record yet.
      disk.createDirectories(directory.resolve("log"));
      log.awaitDurable(next.txid());
      if (fileSyncFailure != null) {
        throw new IOException(fileSyncFailure);
      }
      if (file != null) {
        syncDatabaseFile(file);
        disk.syncDirectory(directory); // the checkpoint must not outlive the name of the file
      }
      FaultPoint.CHECKPOINT_AFTER_SYNC.pass();
    } finally {
      if (file != null) {
        file.close();
      }
    }
    next.write(disk, directory.resolve("checkpoint"));
    lock.lock();
    try {
      checkpoint = next;
    } finally {
      lock.unlock();
    }
  }

  /**
   * After a failed sync the kernel may have dropped pages and marked them clean, so another sync
   * proves nothing. The redo point then stays where it is; the next start writes the pages again.
   */
  private void syncDatabaseFile(DiskFile file) throws IOException {
    try {
      file.sync();
    } catch (IOException e) {
      fileSyncFailure =
          "the database file of "
              + name
              + " could not be synced ("
              + e.getMessage()
              + "); the log keeps all its transactions until a restart writes them again";
      LOG.error("{}", fileSyncFailure);
      throw e;
    }
  }

  /**
   * Regular work: sync what no application asked to sync, apply what waited, checkpoint and delete
   * old log segments.
   */
  void upkeep() throws IOException {
    long tail = position.txid();
    if (failed != null || (upkept == tail && log.failure() == null && applyProblem == null)) {
      return;
    }
    log.retryIfFenced();
    if (!log.isDurable(log.tailTxid())) {
      log.awaitDurable(log.tailTxid());
    }
    boolean checkpointDue;
    lock.lock();
    try {
      if (image.hasUnapplied() && log.isDurable(log.tailTxid())) {
        try {
          image.applyLeftOver(sums.count() * pageSize);
          applyProblem = null;
        } catch (IOException e) {
          if (applyProblem == null) {
            noteApplyProblem(e);
          }
        }
      }
      checkpointDue =
          redoTxid() > checkpoint.redoTxid()
              && log.bytesAfter(checkpoint.redoTxid()) > CHECKPOINT_LOG_BYTES;
    } finally {
      lock.unlock();
    }
    if (checkpointDue) {
      checkpoint();
    }
    upkept = tail;
  }

  /** Deletes log segments that are older than the retention allows, and that nothing needs. */
  void enforceRetention(long nowMillis) throws IOException {
    StoreOptions options = store.options();
    long keepMillis = options.retention().toMillis();
    if (failed != null) {
      return;
    }
    lock.lock();
    try {
      log.deleteVoided();
    } finally {
      lock.unlock();
    }
    if (keepMillis <= 0 && options.retentionBytes() <= 0) {
      return;
    }
    boolean needsCheckpoint;
    lock.lock();
    try {
      needsCheckpoint = log.segmentCount() > 1 && redoTxid() > checkpoint.redoTxid();
    } finally {
      lock.unlock();
    }
    if (needsCheckpoint) {
      checkpoint();
    }
    lock.lock();
    try {
      long needed = checkpoint.redoTxid();
      for (long pin : pins) {
        needed = Math.min(needed, pin);
      }
      long olderThan = keepMillis <= 0 ? Long.MIN_VALUE : nowMillis - keepMillis;
      log.reap(needed, olderThan, options.retentionBytes());
    } finally {
      lock.unlock();
    }
  }

  /**
   * Clean end: everything committed into the database file, so that the next start redoes nothing.
   */
  void close() throws IOException {
    lock.lock();
    try {
      if (failed == null && position.txid() > 0) {
        log.awaitDurable(log.tailTxid());
        image.discard();
        if (main != null) {
          finishWal();
          image.applyLeftOver(sums.count() * pageSize);
        }
        checkpoint();
      }
    } finally {
      failed = "Tidemark has stopped";
      try {
        image.close();
        log.close();
      } finally {
        lock.unlock();
      }
    }
  }

  /** Nobody reads the WAL any more: its committed pages go where a checkpoint would put them. */
  private void finishWal() throws IOException {
    WalFrames frames = walCapture.frames();
    if (frames.committed() == 0 || frames.allBackfilled(sums.count())) {
      return;
    }
    for (int frame = 0; frame < frames.committed(); frame++) {
      int pgno = frames.page(frame);
      if (frames.latest(pgno) == frame && Integer.toUnsignedLong(pgno) <= sums.count()) {
        ByteBuffer page = Scratch.get().page.clear().limit(pageSize);
        walCapture.readPage(frame, page);
        main.file.write(page.flip(), (Integer.toUnsignedLong(pgno) - 1) * pageSize);
        frames.backfilled(pgno, frame);
      }
    }
    main.file.truncate(sums.count() * pageSize);
  }

  // ----------------------------------------------------------------- export

  /**
   * Writes a consistent copy of the committed image; writers and readers go on meanwhile.
   *
   * @param progress hears the bytes written so far
   * @return the position of the copy
   * @see ConsistentCopy
   */
  public DatabasePosition exportTo(WritableByteChannel out, LongConsumer progress)
      throws IOException {
    checkUsable();
    Path temporary =
        store.dataDirectory().importDirectory().resolve("export-" + store.nextNumber() + ".tmp");
    return new ConsistentCopy(this, disk, temporary).writeTo(out, progress);
  }

  /**
   * Keeps the log from the redo point on until {@link #unpin}.
   *
   * @return the redo point
   */
  long pinRedo() throws InvalidDatabaseException {
    lock.lock();
    try {
      if (!exists()) {
        throw new InvalidDatabaseException("there is no database '" + name + "'");
      }
      long redo = redoTxid();
      pins.add(redo);
      return redo;
    } finally {
      lock.unlock();
    }
  }

  void unpin(long pin) {
    lock.lock();
    try {
      pins.remove(pin);
    } finally {
      lock.unlock();
    }
  }

  /** The database file as it is. */
  DiskFile openFile() throws IOException {
    return disk.openReadOnly(directory.resolve("database"));
  }

  /** Where the image stands now, and the records that lead there. */
  record Progress(DatabasePosition position, LogCursor records) {}

  Progress progressSince(long txid) {
    lock.lock();
    try {
      return new Progress(position, log.cursorAfter(txid));
    } finally {
      lock.unlock();
    }
  }
}
