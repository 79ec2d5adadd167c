package io.tidemark.database;

import io.tidemark.database.Disk.DiskFile;
import io.tidemark.database.RefusedException.Kind;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongConsumer;

/**
 * One database name: what programs and the store can ask of it. Takes the lock and hands each call
 * to the part whose subject it is:
 *
 * <ul>
 *   <li>{@link CommittedState}: what the log says that the database is now;
 *   <li>{@link TransactionLog} and {@link TransactionWriter}: the records, and how they are made;
 *   <li>{@link MainContent}: the database file as programs see it;
 *   <li>{@link RollbackCapture}, {@link JournalCapture}, {@link WalMode}: which writes are a
 *       transaction;
 *   <li>{@link ContentReplacement}: deletion and import;
 *   <li>{@link ReplicaLog} and {@link Applier}: the records of the primary, on a replica;
 *   <li>{@link WriteGate} and {@link HaltedWrites}: who writes while a halt lock is held;
 *   <li>{@link Recovery} and {@link Checkpointer}: from and to the files on the disk;
 *   <li>{@link LogHistory}: the past, for replicas and copies;
 *   <li>{@link SettingAside} and {@link HistoryEnd}: what a replica has and its primary has not.
 * </ul>
 *
 * <p>Whether a transaction commits is decided once, before its record is appended. What fails later
 * is tried again, never undone, except a record that could not be synced and was shown to nobody.
 *
 * <p>Mutable state of all parts is guarded by {@link #lock}. Reads of the database file may run
 * without it, because SQLite's own locks keep readers and writers of a page apart.
 */
public final class Database {
  private final Store store;
  private final String name;
  private final DatabaseMetrics metrics = new DatabaseMetrics();
  final ReentrantLock lock = new ReentrantLock();
  private final LendingLock lending = new LendingLock(lock);

  private final DatabaseFiles files;
  private final Availability availability;
  private final TransactionLog log;
  private final CommittedState committed = new CommittedState();
  private final MainContent content;
  private final TransactionWriter writer;
  private final RollbackCapture rollback;
  private final JournalCapture journal;
  private final WalMode walMode;
  private final ContentReplacement replacement;
  private final Checkpointer checkpointer;
  private final Recovery recovery;
  private final ReplicaLog replicaLog;
  private final ReplicaWrites replicaWrites;
  private final Applier applier;
  private final WriteGate gate;
  private final CommitWait waits;
  private final HaltedWrites haltedWrites;
  private final Doubts doubts;
  private final LogHistory history;
  private final SettingAside settingAside;

  Database(Store store, String name) throws IOException {
    this.store = store;
    this.name = name;
    DatabaseEvents events = new DatabaseEvents(store, this);
    files =
        new DatabaseFiles(
            store.disk(), store.dataDirectory(), store.blockMemory(), name, store.nextNumber());
    availability = new Availability(name, events);
    log =
        new TransactionLog(
            store.disk(), files.logDirectory(), name, lock, metrics, store.background());
    files.createVolatileDirectory();
    content = new MainContent(files, lock, availability, log, committed);
    DatabaseParts parts =
        new DatabaseParts(store, files, lock, availability, events, log, committed, content);
    gate = new WriteGate(store, name);
    waits = new CommitWait(store, this, lock, log, committed);
    writer =
        new TransactionWriter(
            store,
            files,
            availability,
            metrics,
            events,
            log,
            committed,
            content,
            gate,
            waits,
            lending);
    rollback = new RollbackCapture(files, events, committed, content, writer);
    journal = new JournalCapture(files, availability, committed, content, rollback);
    walMode =
        new WalMode(files, events, log, committed, content, writer, lock::isHeldByCurrentThread);
    replacement =
        new ContentReplacement(
            files, availability, events, committed, content, writer, rollback, journal, walMode);
    LogPins pins = new LogPins(lock);
    checkpointer =
        new Checkpointer(
            files, lock, availability, store.options(), log, committed, content, walMode, pins);
    recovery = new Recovery(files, log, committed, content, checkpointer);
    history = new LogHistory(parts, walMode, checkpointer, pins);
    settingAside = new SettingAside(parts, checkpointer, history, pins);
    replicaWrites = new ReplicaWrites(name, events, committed, content, journal);
    applier = new Applier(parts, this, journal, walMode, replacement);
    HistoryEnd historyEnd = new HistoryEnd(parts, replacement, checkpointer, applier);
    replicaLog =
        new ReplicaLog(
            store, name, lending, availability, log, checkpointer, historyEnd, gate.ownRecords());
    haltedWrites = new HaltedWrites(parts, this, applier, gate, waits);
    doubts = new Doubts(parts, waits, applier);
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
    return committed.position();
  }

  /**
   * Where the database stands for programs. On a replica that is behind {@link #position} for the
   * moments in which the pages of several transactions are on their way to them.
   */
  public DatabasePosition shownPosition() {
    return committed.shown();
  }

  /** Whether there is a committed image: it had a transaction and was not dropped. */
  public boolean exists() {
    return committed.exists();
  }

  /** Size in bytes of the committed image. */
  public long size() {
    DatabasePosition now = committed.position();
    return now.pageCount() * now.pageSize();
  }

  /** Time of the last commit in milliseconds since 1970, 0 if none is known. */
  public long commitMillis() {
    return committed.commitMillis();
  }

  /** Takes the lock for what would change the state that a waiting commit was captured from. */
  private void lockForChange() {
    lock.lock();
    waits.awaitIdle();
  }

  /** A moment's view for people and monitoring. */
  public DatabaseStatus status() {
    lock.lock();
    try {
      DatabaseStatus.Health health = DatabaseStatus.Health.OK;
      String problem = availability.unserved();
      if (problem != null) {
        health = DatabaseStatus.Health.FAILED;
      } else {
        problem = log.failure() != null ? log.failure() : content.applyProblem();
        if (problem == null) {
          problem = rollback.strayBytes();
        }
        if (problem != null) {
          health = DatabaseStatus.Health.READ_ONLY;
        }
      }
      DatabasePosition position = committed.position();
      long commitMillis = committed.commitMillis();
      return new DatabaseStatus(
          name,
          position.epoch(),
          position.txid(),
          position.checksum(),
          committed.pageSize(),
          committed.pageCount(),
          committed.isWal() ? "wal" : "rollback",
          health,
          problem,
          log.bytes(),
          log.segmentCount(),
          checkpointer.redoTxid(),
          commitMillis == 0 ? null : Instant.ofEpochMilli(commitMillis),
          store.role() == Role.REPLICA ? null : waits.inDoubt());
    } finally {
      lock.unlock();
    }
  }

  /** Why nothing of this database can be served, or null. */
  public String failure() {
    return availability.failure();
  }

  /**
   * Why programs cannot open this database, or null: {@link #failure}, or this replica has started
   * and does not know yet how much of its log was shown before ({@link #firstCommitted}).
   */
  public String unserved() {
    return availability.unserved();
  }

  void fail(String reason) {
    availability.fail(reason);
  }

  /** Names, sizes and times of the files, to see whether somebody mended something. */
  String stateOfFiles() {
    return files.state();
  }

  /** Another object serves this name from now on, or still does; handles of this one fail. */
  void retire() {
    lock.lock();
    try {
      waits.lose();
      waits.awaitIdle();
      content.detach(MainFile.State.REPLACED);
      rollback.forgetTransaction();
      journal.drop();
      walMode.drop();
      content.close();
      log.close();
    } finally {
      lock.unlock();
    }
  }

  // --------------------------------------------------------------- recovery

  /**
   * First step of recovery: reads checkpoint and log.
   *
   * @return the group that the last record belongs to, or null
   */
  GroupInfo openLog() throws IOException {
    return recovery.openLog();
  }

  /** The newest epoch that this database has seen. */
  long logEpoch() {
    return Math.max(log.tailEpoch(), checkpointer.last().epoch());
  }

  /**
   * Whether the log has, or had, a record of a commit over several databases.
   *
   * @param txid its transaction in this database
   */
  boolean hasOfGroup(long txid, long groupId) throws IOException {
    lock.lock();
    try {
      return log.hasOfGroup(txid, groupId);
    } finally {
      lock.unlock();
    }
  }

  /** The group that the last record belongs to never became complete: the record does not count. */
  void cutIncompleteGroup() throws IOException {
    recovery.cutIncompleteGroup();
  }

  /** The last transaction that is known of, also of a database that cannot be served. */
  long lastKnownTxid() {
    return Math.max(log.tailTxid(), checkpointer.last().txid());
  }

  /**
   * Starts an empty history whose TXIDs go on.
   *
   * @param txid last transaction of the history before
   */
  void startAfter(long txid) throws IOException {
    lock.lock();
    try {
      recovery.startAfter(store.epoch(), txid);
    } finally {
      lock.unlock();
    }
  }

  /** Second step of recovery: brings the database file up to the end of the log. */
  void redo() throws IOException {
    files.createDirectory();
    lock.lock();
    try {
      recovery.redo();
      long shown = committed.position().txid();
      if (store.role() == Role.REPLICA && log.tailTxid() > shown) {
        availability.hide(
            "transactions "
                + (shown + 1)
                + " to "
                + log.tailTxid()
                + " may have been shown before this node started; the database is shown when a"
                + " primary has told how much is committed");
      }
    } finally {
      lock.unlock();
    }
  }

  /** Third step of recovery, when all databases have done the second one. */
  void settleRecovery() throws IOException {
    lock.lock();
    try {
      recovery.settle();
    } finally {
      lock.unlock();
    }
  }

  // ------------------------------------------------------------- replication

  /** Takes the records of the primary; for a replica. */
  public ReplicaLog replicaLog() {
    return replicaLog;
  }

  /**
   * Starts to receive a copy of the database from the primary; what is here is served until it is
   * complete.
   *
   * @param primaryEpoch of the node that sends it
   * @param pageSize bytes
   * @param pageCount pages of the primary's file when the reading began, at least 1
   * @param redoTxid the file had everything up to here; the records after it follow the pages
   * @param differences only pages will come that differ from those here ({@link #pageSums})
   * @throws ReplicationException (OLDER_EPOCH) from a node that is no primary any more
   */
  public SnapshotSink receiveSnapshot(
      long primaryEpoch, int pageSize, long pageCount, long redoTxid, boolean differences)
      throws ReplicationException {
    store.followEpoch(primaryEpoch);
    return new SnapshotSink(store, this, pageSize, pageCount, redoTxid, differences);
  }

  /** Copies the committed image. */
  void copyTo(DiskFile file) throws IOException {
    try (SnapshotSource source = snapshot()) {
      new ConsistentCopy(files.disk(), name, null).make(source, file);
    }
  }

  /**
   * Keeps every record after a transaction, and the database as it is with them, in {@code
   * divergent/} of the data directory, because the primary does not have them and something else is
   * to take their place. Changes nothing here. Durable when this returns; the same again makes no
   * second copy.
   *
   * @param afterTxid the last transaction that the primary has too; 0 if none is known
   * @param why for people, one line
   * @return null if this node has nothing after that transaction
   * @throws ReplicationException (DISK) when it could not be kept: nothing may be given up then;
   *     (OLDER_EPOCH) on a primary
   * @throws RefusedException when the database has failed
   */
  public Divergence setAside(long afterTxid, String why) throws IOException {
    return settingAside.setAside(afterTxid, why);
  }

  /**
   * The primary has no database of this name and never had: sets everything aside, then gives the
   * name up as if there had never been a database. Open handles keep the content. Durable when this
   * returns; again does nothing.
   *
   * @param why for people, one line
   * @throws ReplicationException as {@link #setAside}
   */
  public void forget(String why) throws IOException {
    setAside(0, why);
    replicaLog.forget();
  }

  /** Decides for a received copy; see {@link SnapshotInstall}. */
  void decideForSnapshot(Path staged, CheckpointFile checkpoint) throws IOException {
    new SnapshotInstall(files).decide(staged, checkpoint);
  }

  /** A change of files that the applier makes. */
  interface Change {
    void run() throws IOException;
  }

  /** Makes a change under the lock, if the database is served. */
  void lockedWrite(Change change) throws IOException {
    lock.lock();
    try {
      availability.check();
      change.run();
    } finally {
      lock.unlock();
    }
  }

  /** Whether the database file has every committed page of the WAL. */
  boolean hasAllOfWal() {
    lock.lock();
    try {
      return walMode.capture().frames().allBackfilled(committed.pageCount());
    } finally {
      lock.unlock();
    }
  }

  /** Another object is about to serve this name: this one touches no file any more. */
  void end(String reason) {
    lock.lock();
    try {
      waits.lose();
      waits.awaitIdle();
      availability.set(reason);
    } finally {
      lock.unlock();
    }
    checkpointer.awaitIdle();
    replicaLog.abort();
    retire();
  }

  /** Shows what {@link #replicaLog} has taken. */
  public Applier applier() {
    return applier;
  }

  /** Whether anybody has the database, or a file beside it, open. */
  public boolean hasHandles() {
    SideFile journalFile = journal.file();
    return inUse() || walMode.isInUse() || (journalFile != null && journalFile.isOpen());
  }

  /** This node became a replica: discards what is not committed. */
  void demoted() {
    lock.lock();
    try {
      waits.lose();
      waits.awaitIdle();
      takeBack();
    } finally {
      lock.unlock();
    }
  }

  private void takeBack() {
    if (content.image().hasUncommitted() && committed.exists()) {
      journal.transactionDiscarded();
    }
    rollback.discardAsReplica(journal.isActive());
  }

  /**
   * Writers are kept out by locks of this node. With these a journal that a writer has left, which
   * is gone or was told that its commit is in doubt, does not look hot to SQLite, and readers would
   * take its pages for committed ones: discards them. To be called by whoever takes the locks, when
   * nobody has them and again when he has; where there is no such journal it does nothing.
   */
  public void writersKeptOut() {
    lock.lock();
    try {
      if (journal.isActive() && !waits.isWaiting()) {
        takeBack();
      }
    } finally {
      lock.unlock();
    }
  }

  /** This node is about to become primary: shows all that the log has, or is not served. */
  void promote() {
    replicaLog.abort();
    waits.promoted();
    if (availability.isFailed()) {
      return;
    }
    try {
      applier.applyAll();
    } catch (IOException | RuntimeException e) {
      if (!availability.isFailed()) {
        availability.fail(
            "its last transactions could not be shown when this node became primary ("
                + (e instanceof IOException ? e.getMessage() : e.toString())
                + "); restart when the disk works again, the log has them");
      }
    }
  }

  // ---------------------------------------------------------- sync commits

  /**
   * Every node that has to have the records has them on its disk, up to a transaction. On a primary
   * that lets waiting commits through; what is in doubt waits for {@link #settleCommitted}. On a
   * replica it is the primary's commit position, and {@link #applier} shows so much.
   *
   * @param epoch in which they said so; ignored if that is over
   */
  public void committedUpTo(long epoch, long txid) {
    lending.run(
        () -> {
          if (epoch == store.epoch()) {
            if (store.role() == Role.REPLICA) {
              log.point().raise(txid);
            } else {
              waits.reached(Math.min(txid, log.tailTxid()));
            }
          }
        });
  }

  /**
   * A primary has told its commit position, so nobody has ever shown more. On a replica that does
   * not show the database yet since it started, the first one says from where on it does.
   *
   * @param txid that position, also beyond what this node has
   */
  public void firstCommitted(long txid) {
    if (availability.isHidden()) {
      lock.lock();
      try {
        availability.showFrom(txid);
        availability.shown(committed.position().txid());
      } finally {
        lock.unlock();
      }
    }
  }

  /**
   * Up to where the records of this log are known to be committed; what a primary tells replicas.
   */
  public long commitTxid() {
    return log.committedTxid();
  }

  /** The end of the log: what counts, and what is waited for or in doubt. */
  public LogPosition appended() {
    return replicaLog.received();
  }

  /**
   * The end of what {@link #appendedAfter} has now. Of a replica's log that is all of it.
   *
   * @throws RefusedException when the database has failed
   */
  public LogPosition offered() throws IOException {
    return history.offered();
  }

  /**
   * As {@link #positionAt}, up to {@link #offered}.
   *
   * @return null if that is not known any more, or if there is no such record
   */
  public LogPosition offeredAt(long txid) throws IOException {
    return history.offeredAt(txid);
  }

  /** The last transaction that is on the disk of this node, committed or not. */
  public long appendedDurable() {
    return log.durableTxid();
  }

  /**
   * The records after a transaction, also those that other nodes still have to confirm, and those
   * to come. When some are cut off, the reader ends with a {@link ReadingEndedException}.
   *
   * @throws RecordsGoneException as {@link #recordsAfter}
   */
  public RecordReader appendedAfter(long txid) throws IOException, RecordsGoneException {
    return history.appendedAfter(txid);
  }

  /** A commit that waits for other nodes ends now, in doubt: this node cannot hear of them. */
  public void commitLost() {
    lock.lock();
    try {
      waits.lose();
    } finally {
      lock.unlock();
    }
  }

  /** What this primary has in its log and does not know to be committed; null if there is none. */
  public InDoubt inDoubt() {
    lock.lock();
    try {
      return store.role() == Role.REPLICA ? null : waits.inDoubt();
    } finally {
      lock.unlock();
    }
  }

  /**
   * What was in doubt is committed after all, up to a transaction: shows it. Of a commit over
   * several databases all parts must be. To be called by a thread that serves no request of the
   * mount, because it waits for readers; again does nothing.
   *
   * @return whether everything up to that transaction is shown now
   * @throws IOException when it cannot be shown now; it is committed all the same
   */
  public boolean settleCommitted(long upToTxid) throws IOException {
    return doubts.settle(upToTxid);
  }

  /**
   * What is in doubt after a transaction never was committed: cuts it off, durably. Records with
   * these numbers can follow in the epoch of now. Again does nothing. On a replica it is for what
   * its primary does not have; {@link #setAside} comes first, and no record may be coming.
   *
   * @param txid the last transaction that stays, not below {@link #commitTxid}
   * @throws RefusedException when no epoch was begun since those records, or the disk refuses: then
   *     they are still in doubt
   */
  public void cutAfter(long txid) throws IOException {
    doubts.cutAfter(txid);
  }

  /** Whether {@link #cutAfter} can cut off all records after a transaction. */
  public boolean canCutAfter(long txid) {
    return doubts.canCutAfter(txid);
  }

  // -------------------------------------------------------------- halt lock

  /**
   * On a replica that holds the halt lock: what programs commit here goes to the primary first.
   *
   * @param forwarder until {@link #stopForwarding}
   */
  public void forwardTo(Forwarder forwarder) {
    lock.lock();
    try {
      gate.forwardTo(forwarder);
    } finally {
      lock.unlock();
    }
    store.readerAccess().writersChanged(this);
  }

  /**
   * The halt lock is over: programs may not write here any more. A transaction that is going on is
   * discarded, as when a primary becomes a replica. Waits for one that is being forwarded.
   */
  public void stopForwarding() {
    forwardTo(null);
    demoted();
  }

  /** Whether a write that commits waits for other nodes. */
  public boolean commitsWait() {
    return isForwarding() || store.commitGate().waits();
  }

  /** Whether programs on this replica may write, because it holds the halt lock. */
  public boolean isForwarding() {
    return gate.forwarder() != null;
  }

  /**
   * On the primary: tries to keep this node's own writers out, so that another node can write.
   * Readers go on. To be called by a thread that serves no request of the mount.
   *
   * @return false if a program writes just now: call again after a moment, or {@link #endHalt}
   * @throws RefusedException when this node may not write
   */
  public boolean tryHalt() throws RefusedException {
    return haltedWrites.tryBegin();
  }

  /** This node's own writers go on. Waits for a transaction that is being committed. */
  public void endHalt() {
    haltedWrites.end();
  }

  /** Whether another node writes this database, and programs here do not. */
  public boolean isHalted() {
    return gate.isHalted();
  }

  /**
   * Commits a transaction of the node that holds the halt lock: durable here, and shown to readers,
   * when this returns.
   *
   * @param ltx one LTX file with the next transaction
   * @param base what it builds on
   * @param patience how long readers in rollback mode may be in the way
   * @return where the database is now
   * @throws RefusedException when it is refused; then it leaves no trace
   * @throws io.tidemark.ltx.LtxException when it is damaged; then it leaves no trace
   */
  public DatabasePosition commitForHolder(Path ltx, LogPosition base, Duration patience)
      throws IOException {
    return haltedWrites.commit(ltx, base, patience);
  }

  // -------------------------------------------------- the database file itself

  /** The current content of the name, or null if there is no such file. */
  public MainFile mainFile() {
    return content.current();
  }

  /** Makes an empty file of this name; it becomes a database with its first transaction. */
  public MainFile create() throws RefusedException {
    lock.lock();
    try {
      availability.check();
      if (content.current() == null) {
        content.create();
        rollback.forgetUnjournaled();
      }
      return content.current();
    } catch (IOException e) {
      throw files.refused("cannot create", e);
    } finally {
      lock.unlock();
    }
  }

  public void opened(MainFile file) {
    lock.lock();
    try {
      content.opened(file);
    } finally {
      lock.unlock();
    }
  }

  /** A handle is gone. */
  public void released(MainFile file) {
    lock.lock();
    try {
      content.released(file);
    } finally {
      lock.unlock();
    }
  }

  /** Whether any handle of the current content is open. */
  public boolean inUse() {
    MainFile now = content.current();
    return now != null && now.handles > 0;
  }

  /**
   * Reads what programs see.
   *
   * @return bytes read, less than asked for only at the end of the file
   */
  public int read(MainFile file, ByteBuffer dst, long offset) throws IOException {
    return content.read(file, dst, offset);
  }

  /** Whether another thread is at work on this database, so that most calls here would wait. */
  public boolean isBusy() {
    return waits.isWaiting() || (lock.isLocked() && !lock.isHeldByCurrentThread());
  }

  /** Whether {@link #read} may wait for the lock. */
  public boolean readMayWait(MainFile file) {
    return file.isLive() && !content.image().isPlain();
  }

  /** Whether a write to the database file has to wait for the log to be synced first. */
  public boolean writeMayWait(MainFile file) {
    return file.isLive() && walMode.isActive() && !log.isApplicable(log.tailTxid());
  }

  /** Takes what a program writes to the database file. */
  public void write(MainFile file, ByteBuffer src, long offset) throws RefusedException {
    metrics.databaseWrites.increment();
    lock.lock();
    try {
      if (!isCheckpointing()) {
        waits.awaitIdle();
      }
      long end = offset + src.remaining();
      if (!content.checkLive(file)) {
        file.file.write(src, offset);
      } else if (end > (long) (Integer.MAX_VALUE - 1) * Overlay.BLOCK) {
        throw new RefusedException(Kind.TOO_BIG, name + " would be larger than 8 TiB");
      } else if (isCheckpointing()) {
        walMode.checkpointWrite(src, offset);
      } else if (isReadOnlyHere()) {
        replicaWrites.checkMain(src, offset);
      } else {
        rollback.write(src, offset, journal.isActive());
      }
      file.size = Math.max(file.size, end);
    } catch (IOException e) {
      throw files.refused("writing", e);
    } finally {
      lock.unlock();
    }
  }

  /** Only checkpoints write the file now; they need not wait for a commit that waits. */
  private boolean isCheckpointing() {
    return walMode.onlyCheckpointsWrite(journal.isActive());
  }

  /** What is no database yet may be written; it is refused when it would become one. */
  private boolean isReadOnlyHere() {
    return gate.isReadOnly() && committed.exists();
  }

  /** ftruncate(2) on the database file. */
  public void truncate(MainFile file, long size) throws RefusedException {
    lock.lock();
    try {
      if (!isCheckpointing()) {
        waits.awaitIdle();
      }
      if (!content.checkLive(file)) {
        file.file.truncate(size);
      } else if (size == file.size) {
        return;
      } else if (isCheckpointing()) {
        walMode.checkpointTruncate(size);
      } else if (isReadOnlyHere()) {
        replicaWrites.checkTruncate(size);
      } else {
        rollback.truncate(size, file.size, journal.isActive());
      }
      file.size = size;
    } catch (IOException e) {
      throw files.refused("truncating", e);
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
      if (!content.checkLive(file) || walMode.isActive()) {
        return;
      }
      waits.awaitIdle();
      if (!content.checkLive(file)) {
        return;
      }
      if (journal.isActive()) {
        rollback.requestSync();
        return;
      }
      rollback.tellUnheard();
      rollback.commitUnjournaled(true, true);
    } finally {
      lock.unlock();
    }
  }

  /** Whether {@link #sync} and {@link #flush} have a failure to report. */
  public boolean hasUnheardRefusal() {
    return rollback.hasUnheard();
  }

  /** Whether {@link #sync}, {@link #flush} or {@link #commitIfUnlocked} would have work. */
  public boolean hasUnjournaledWrites() {
    return rollback.hasUnjournaled();
  }

  /**
   * Number of changes to the database file so far. Who asked for it, then found the writer's lock
   * free and finds the number still the same, holds no half of the next transaction.
   */
  public long changes() {
    return rollback.changes();
  }

  /**
   * A handle that wrote was closed: what it wrote outside any transaction is complete now.
   *
   * @param seen {@link #changes} before the writer's lock was found free; nothing is done if there
   *     were more
   */
  public void flush(MainFile file, long seen) throws RefusedException {
    lockForChange();
    try {
      rollback.tellUnheard();
      if (content.checkLive(file)
          && rollback.changes() == seen
          && !journal.isActive()
          && !walMode.isActive()) {
        rollback.commitUnjournaled(false, true);
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
    lockForChange();
    try {
      if (rollback.changes() != seen) {
        return false;
      }
      if (content.current() != null
          && !availability.isFailed()
          && !journal.isActive()
          && !walMode.isActive()) {
        rollback.commitUnjournaled(false, false);
      }
      return true;
    } finally {
      lock.unlock();
    }
  }

  /** Why what programs see is not a whole SQLite database, or null. */
  public String problemOfContent() throws RefusedException {
    lock.lock();
    try {
      return content.problem();
    } finally {
      lock.unlock();
    }
  }

  /**
   * The writer is gone and left something that is no database. The committed image is restored.
   *
   * @return whether there is a committed image
   */
  public boolean discardUncommitted() {
    lockForChange();
    try {
      rollback.discard();
      return exists();
    } finally {
      lock.unlock();
    }
  }

  /** Whether the content is still only in memory and was never committed. */
  public boolean isProvisional() {
    return content.current() != null && !exists();
  }

  /**
   * The file turned out not to be a database: gives up the name here.
   *
   * @param target receives the content as it is
   */
  public void convertToPlainFile(Path target) throws IOException {
    lockForChange();
    try {
      if (exists() || content.current() == null) {
        throw new IllegalStateException(name + " holds a database");
      }
      content.copyTo(target);
      content.detach(MainFile.State.ORPHAN);
      rollback.forgetTransaction();
    } finally {
      lock.unlock();
    }
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

  public SideFile journal() {
    return journal.file();
  }

  /** Whether finalising the journal now would commit something. */
  public boolean finaliseMayWait() {
    return journal.isActive() && content.image().hasUncommitted();
  }

  /**
   * Creates the rollback journal, or returns the one that is there.
   *
   * @throws RefusedException (NO_ACCESS) on a replica: nothing can be written under it
   */
  public SideFile createJournal() throws RefusedException {
    lock.lock();
    try {
      availability.check();
      if (gate.isReadOnly() && journal.file() == null) {
        throw new RefusedException(
            Kind.NO_ACCESS, "no journal for " + name + ": this node is a replica");
      }
      return journal.create();
    } catch (IOException e) {
      throw files.refused("cannot create the journal of", e);
    } finally {
      lock.unlock();
    }
  }

  public void writeJournal(SideFile file, ByteBuffer src, long offset) throws RefusedException {
    metrics.journalWrites.increment();
    lockForChange();
    try {
      availability.check();
      journal.write(file, src, offset);
    } catch (IOException e) {
      throw files.refused("writing the journal of", e);
    } finally {
      lock.unlock();
    }
  }

  public void truncateJournal(SideFile file, long size) throws RefusedException {
    lockForChange();
    try {
      availability.check();
      journal.truncate(file, size);
    } catch (IOException e) {
      throw files.refused("truncating the journal of", e);
    } finally {
      lock.unlock();
    }
  }

  public void unlinkJournal() throws RefusedException {
    lockForChange();
    try {
      journal.unlink();
    } finally {
      lock.unlock();
    }
  }

  public void syncJournal(SideFile file) {
    lock.lock();
    try {
      if (file == journal.file()) {
        rollback.requestSync();
      }
    } finally {
      lock.unlock();
    }
  }

  // ---- a commit over several databases; the caller holds the locks of all of them

  /** The super-journal that this database's active journal names, or null. */
  String superJournal() throws IOException {
    return journal.superJournal();
  }

  long nextTxid() {
    return committed.position().txid() + 1;
  }

  boolean groupWouldAppend() throws RefusedException {
    return rollback.wouldAppend();
  }

  void groupAppend(GroupInfo group) throws RefusedException {
    rollback.appendOfGroup(group);
    FaultPoint.GROUP_PARTLY_APPENDED.pass();
  }

  void groupTakeBack() {
    writer.takeBack();
  }

  CommitWait waits() {
    return waits;
  }

  /** The record of this database's part was committed by all other nodes. */
  void groupCommitted() {
    log.point().raise(log.tailTxid());
  }

  void groupPublish(boolean appended) throws RefusedException {
    if (appended) {
      writer.publish();
    }
    rollback.finish();
  }

  // -------------------------------------------------------------------- WAL

  public SideFile wal() {
    return walMode.wal();
  }

  public SideFile createWal() throws RefusedException {
    lock.lock();
    try {
      availability.check();
      return walMode.createWal();
    } catch (IOException e) {
      throw files.refused("cannot create the WAL of", e);
    } finally {
      lock.unlock();
    }
  }

  public void writeWal(SideFile file, ByteBuffer src, long offset) throws RefusedException {
    metrics.walWrites.increment();
    lockForChange();
    try {
      availability.check();
      if (isReadOnlyHere() && file == walMode.wal()) {
        replicaWrites.checkWal(file, src, offset);
        return;
      }
      walMode.writeWal(file, src, offset);
    } catch (IOException e) {
      throw files.refused("writing the WAL of", e);
    } finally {
      lock.unlock();
    }
  }

  public void truncateWal(SideFile file, long size) throws RefusedException {
    lockForChange();
    try {
      availability.check();
      walMode.truncateWal(file, size);
    } catch (IOException e) {
      throw files.refused("truncating the WAL of", e);
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
    lockForChange();
    try {
      walMode.unlinkWal();
    } finally {
      lock.unlock();
    }
  }

  /** Looks at a WAL that was there before its database. */
  public void rescanWal() throws RefusedException {
    lockForChange();
    try {
      walMode.rescan();
    } catch (IOException e) {
      throw files.refused("reading the WAL of", e);
    } finally {
      lock.unlock();
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
      return walMode.extent();
    } finally {
      lock.unlock();
    }
  }

  // -------------------------------------------------------------------- shm

  public SideFile shm() {
    return walMode.shm();
  }

  public SideFile createShm() throws RefusedException {
    lock.lock();
    try {
      availability.check();
      return walMode.createShm();
    } catch (IOException e) {
      throw files.refused("cannot create the wal-index of", e);
    } finally {
      lock.unlock();
    }
  }

  /** As {@link WalMode#prepareForReaders}. */
  public void prepareForReaders() throws RefusedException {
    lock.lock();
    try {
      availability.check();
      walMode.prepareForReaders();
    } catch (IOException e) {
      throw files.refused("cannot create the wal-index of", e);
    } finally {
      lock.unlock();
    }
  }

  /** Whether page 1 of the committed image says write-ahead log mode. */
  public boolean isWal() {
    return committed.isWal();
  }

  public void writeShm(SideFile file, ByteBuffer src, long offset) throws RefusedException {
    metrics.shmWrites.increment();
    lock.lock();
    try {
      file.write(src, offset);
    } catch (IOException e) {
      throw files.refused("writing the wal-index of", e);
    } finally {
      lock.unlock();
    }
  }

  public void truncateShm(SideFile file, long size) throws RefusedException {
    lock.lock();
    try {
      file.truncate(size);
    } catch (IOException e) {
      throw files.refused("truncating the wal-index of", e);
    } finally {
      lock.unlock();
    }
  }

  public void unlinkShm() {
    lock.lock();
    try {
      walMode.unlinkShm();
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
    lockForChange();
    try {
      if (content.current() == null && !availability.isFailed()) {
        return false;
      }
      replacement.drop();
      return true;
    } catch (IOException e) {
      throw files.refused("deleting", e);
    } finally {
      lock.unlock();
    }
  }

  /**
   * Makes the content of a file the content of this database, as one transaction. The file is used
   * up: it becomes the database file.
   *
   * @param source a whole SQLite database on the same file system as the data directory
   */
  void replaceWith(Path source) throws IOException {
    lockForChange();
    try {
      replacement.replaceWith(source);
    } finally {
      lock.unlock();
    }
  }

  // -------------------------------------------------- checkpoint and upkeep

  /**
   * Makes the database file and the page checksums durable and moves the redo point, so that the
   * log before it is needed only for replicas and history.
   */
  void checkpoint() throws IOException {
    checkpointer.checkpoint();
  }

  /** Regular work, see {@link Checkpointer#upkeep}. */
  void upkeep() throws IOException {
    checkpointer.upkeep();
  }

  /** Deletes log segments that are older than the retention allows, and that nothing needs. */
  void enforceRetention(long nowMillis) throws IOException {
    checkpointer.enforceRetention(nowMillis);
  }

  /**
   * Clean end: everything committed into the database file, so that the next start redoes nothing.
   */
  void close() throws IOException {
    lock.lock();
    waits.lose();
    waits.awaitIdle();
    try {
      if (!availability.isFailed()) {
        log.awaitDurable(log.tailTxid());
      }
      if (!availability.isFailed() && committed.position().txid() > 0) {
        content.image().discard();
        log.keepCommitted();
        if (content.current() != null) {
          walMode.finish();
          content.image().applyLeftOver(committed.size());
        }
        checkpointer.checkpoint();
      }
    } finally {
      availability.set("Tidemark has stopped");
      try {
        content.close();
        log.close();
      } finally {
        lock.unlock();
      }
    }
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
    if (availability.isHidden()) {
      throw new RefusedException(Kind.BUSY, name + ": " + availability.unserved());
    }
    Path temporary =
        store.dataDirectory().importDirectory().resolve("export-" + store.nextNumber() + ".tmp");
    try (SnapshotSource source = history.snapshot()) {
      return new ConsistentCopy(files.disk(), name, temporary).writeTo(source, out, progress);
    }
  }

  // ---------------------------------------------------------------- history

  /**
   * The first transaction whose record the log still has, 1 to one above {@link #position}; that
   * one above when it has none.
   */
  public long firstInLog() {
    return history.firstInLog();
  }

  /**
   * The last transaction that is on the disk of this node, never above {@link #position}. It can be
   * below: with {@code PRAGMA synchronous=NORMAL} in WAL mode, and with {@code synchronous=OFF}, a
   * commit does not wait for the disk.
   */
  public long durableTxid() {
    return history.durableTxid();
  }

  /**
   * Where the database stood after a transaction. The log knows it as long as it has the record; it
   * costs reading the record's header and the ends of its LTX file.
   *
   * @param txid 0 for the time before the first transaction
   * @return null if that is not known any more, or if there is no such transaction yet
   * @throws CorruptLogException when the record is damaged
   * @throws RefusedException when the database has failed
   */
  public DatabasePosition positionAt(long txid) throws IOException {
    return history.positionAt(txid);
  }

  /**
   * The records after a transaction, those to come too. The log keeps them until the reader is
   * closed.
   *
   * @param txid 0 to that of {@link #position}
   * @throws RecordsGoneException when the log does not reach back to the next one; {@link
   *     #snapshot()} is for that
   * @throws RefusedException when the database has failed
   */
  public RecordReader recordsAfter(long txid) throws IOException, RecordsGoneException {
    return history.recordsAfter(txid);
  }

  /**
   * Begins to read the pages and the records that make a copy of this database elsewhere. The log
   * keeps these records until the snapshot is closed.
   *
   * @throws InvalidDatabaseException when there is no committed image
   * @throws RefusedException when the database has failed
   */
  public SnapshotSource snapshot() throws IOException {
    return history.snapshot();
  }

  /**
   * Goes on with a snapshot that was broken off. Pages that were read then may stand beside pages
   * that are read now, if the page size is still the same: the records repair both.
   *
   * @param redoTxid {@link SnapshotSource#redoTxid} of the earlier one
   * @throws RecordsGoneException when the log does not have all records since then
   * @throws ReadingEndedException when no snapshot of this database can have had that redo point
   * @throws InvalidDatabaseException when there is no committed image
   * @throws RefusedException when the database has failed
   */
  public SnapshotSource snapshot(long redoTxid) throws IOException, RecordsGoneException {
    return history.snapshot(redoTxid);
  }

  /**
   * Page checksums of the committed image, for a comparison with another node. That of the lock
   * page is 0, all others have bit 63 set.
   *
   * @param first page number, from 1
   * @param count how many pages
   * @return fewer than {@code count} at the end of the image
   */
  public long[] pageSums(long first, int count) {
    return history.pageSums(first, count);
  }
}
