package io.tidemark.database;

import io.tidemark.database.RefusedException.Kind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.random.RandomGenerator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * All databases of one data directory. A database that cannot be recovered is kept out of service
 * with its reason; the others go on.
 */
public final class Store implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Store.class);
  private static final long UPKEEP_MILLIS = 50;
  private static final long RETENTION_MILLIS = 5_000;

  /** Bytes for uncommitted blocks of all databases. */
  private static final long BLOCK_MEMORY = 24 << 20;

  private final StoreOptions options;
  private final Disk disk;
  private final DataDirectory dataDirectory;
  private final RandomGenerator random;
  private final Map<String, Database> databases = new ConcurrentSkipListMap<>();
  private final Map<String, String> failedStates = new HashMap<>();
  private final AtomicLong numbers = new AtomicLong();
  private final BlockMemory blockMemory = new BlockMemory(BLOCK_MEMORY);
  private final ExecutorService background;
  private final ScheduledExecutorService upkeep;
  private final long nodeNumber;
  private volatile Role role;

  /** Held while the role, or the object behind a name, changes; taken before every other lock. */
  private final Object roleChange = new Object();

  /** Held while another object takes the place of one that failed; after {@link #roleChange}. */
  private final Object replacing = new Object();

  /** Databases that made room for a copy of the primary's since the start. */
  private final Set<String> renewed = new HashSet<>();

  private volatile WriteAuthority authority = WriteAuthority.ALWAYS;
  private volatile boolean writersOut;
  private volatile CommitGate commitGate = CommitGate.ASYNC;
  private volatile ReaderAccess readerAccess = ReaderAccess.NONE;
  private volatile Duration readerTimeout = Duration.ofSeconds(30);
  private final ReceiveBuffers receiveBuffers = new ReceiveBuffers();
  private volatile DatabaseListener listener = new DatabaseListener() {};

  /** Replaced as a whole and never changed: a commit reads it without lock or copy. */
  private volatile CommitListener[] commitListeners = {};

  private Store(
      StoreOptions options, Disk disk, DataDirectory dataDirectory, RandomGenerator random) {
    this.options = options;
    this.role = options.primary() ? Role.PRIMARY : Role.REPLICA;
    this.disk = disk;
    this.dataDirectory = dataDirectory;
    this.random = random;
    this.nodeNumber = Long.parseUnsignedLong(dataDirectory.nodeId(), 16);
    this.background = backgroundOfThisThread();
    this.upkeep =
        Executors.newSingleThreadScheduledExecutor(task -> daemon(task, "tidemark-upkeep"));
  }

  /**
   * A thread takes over the set of CPUs of the one that starts it. An executor would start its
   * thread with the first task, which comes from a thread that serves requests, and that may be
   * bound to one CPU together with its client. So the thread is started here.
   */
  private static ExecutorService backgroundOfThisThread() {
    ThreadPoolExecutor executor =
        new ThreadPoolExecutor(
            1,
            1,
            0,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(),
            task -> daemon(task, "tidemark-segments"));
    executor.prestartCoreThread();
    return executor;
  }

  private static Thread daemon(Runnable task, String name) {
    Thread thread = new Thread(task, name);
    thread.setDaemon(true);
    return thread;
  }

  /**
   * Opens a data directory, recovers every database, takes the directory's lock and starts the
   * background threads.
   *
   * @throws StoreException when the directory is in use, unwritable or of another version
   */
  public static Store open(StoreOptions options) throws IOException {
    return open(options, new FileDisk(), new SecureRandom());
  }

  /**
   * The same on another disk.
   *
   * @param random for ids
   */
  public static Store open(StoreOptions options, Disk disk, RandomGenerator random)
      throws IOException {
    DataDirectory directory =
        DataDirectory.open(options.dataDir(), disk, random, options.primary());
    Store store = new Store(options, disk, directory, random);
    try {
      store.recover();
      store.startUpkeep();
      return store;
    } catch (IOException | RuntimeException e) {
      store.background.shutdown();
      store.upkeep.shutdown();
      directory.close();
      throw e;
    }
  }

  // --------------------------------------------------------------- recovery

  private void recover() throws IOException {
    Map<Database, GroupInfo> lastGroups = new LinkedHashMap<>();
    for (String name : dataDirectory.databaseNames()) {
      Database database = new Database(this, name);
      databases.put(name, database);
      attempt(
          database,
          () -> {
            GroupInfo group = database.openLog();
            // A replica keeps what it may have acknowledged, whether or not the others have theirs.
            if (group != null && role == Role.PRIMARY) {
              lastGroups.put(database, group);
            }
          });
    }
    long newest = 0;
    for (Database database : databases.values()) {
      newest = Math.max(newest, database.logEpoch());
    }
    // No record can be of the epoch that this run has just taken.
    raiseEpochTo(role == Role.PRIMARY ? newest + 1 : newest);
    // First all answers, then the cuts, which would change them.
    List<Database> incomplete = new ArrayList<>();
    lastGroups.forEach(
        (database, group) ->
            attempt(
                database,
                () -> {
                  if (!isComplete(group)) {
                    incomplete.add(database);
                  }
                }));
    incomplete.forEach(database -> attempt(database, database::cutIncompleteGroup));
    for (Database database : databases.values()) {
      if (database.failure() == null) {
        attempt(database, database::redo);
      }
    }
    for (Database database : databases.values()) {
      if (database.failure() == null) {
        attempt(database, database::settleRecovery);
      }
      if (database.failure() != null) {
        failedStates.put(database.name(), database.stateOfFiles());
      }
    }
  }

  private void raiseEpochTo(long least) throws IOException {
    if (least > epoch()) {
      dataDirectory.raiseEpoch(least);
    }
  }

  /**
   * Whether the logs of all databases that take part in a commit have its records. It is not enough
   * that they reach its TXIDs: after a group was given up, another transaction may have taken the
   * TXID in one database while the disk of another one refused to wipe the record there.
   */
  private boolean isComplete(GroupInfo group) throws IOException {
    for (GroupInfo.Member member : group.members()) {
      Database other = databases.get(member.name());
      if (other == null) {
        return false; // it lost its first transaction
      }
      // Of a log that cannot be read the best is assumed.
      if (other.failure() == null && !other.hasOfGroup(member.txid(), group.id())) {
        return false;
      }
    }
    return true;
  }

  private interface Work {
    void run() throws IOException;
  }

  /** A database that cannot be recovered is not served; nothing of it is changed. */
  private static void attempt(Database database, Work work) {
    try {
      work.run();
    } catch (IOException | RuntimeException e) {
      String reason = e instanceof IOException ? e.getMessage() : e.toString();
      database.fail(reason);
      LOG.debug("recovery of {} failed", database.name(), e);
    }
  }

  private void startUpkeep() {
    upkeep.scheduleWithFixedDelay(
        () -> each("upkeep", Database::upkeep),
        UPKEEP_MILLIS,
        UPKEEP_MILLIS,
        TimeUnit.MILLISECONDS);
    upkeep.scheduleWithFixedDelay(
        () -> {
          retryFailed();
          enforceRetention();
        },
        RETENTION_MILLIS,
        RETENTION_MILLIS,
        TimeUnit.MILLISECONDS);
  }

  /**
   * Tries again to recover databases that are not served, once something in their directory has
   * changed: a segment was put back, or a full disk has room again.
   */
  void retryFailed() {
    for (Database failed : databases.values()) {
      synchronized (replacing) {
        if (databases.get(failed.name()) == failed && failed.failure() != null) {
          retry(failed);
        }
      }
    }
  }

  private void retry(Database failed) {
    String state = failed.stateOfFiles();
    if (state.equals(failedStates.put(failed.name(), state))) {
      return;
    }
    Database again = recoverAgain(failed.name());
    if (again != null) {
      databases.put(failed.name(), again);
      failedStates.remove(failed.name());
      failed.retire();
      replaced(failed, again);
      LOG.info("{} is served again, at {}", failed.name(), again.position());
    }
  }

  /**
   * Puts a received copy in the place of a database.
   *
   * @param staged its file, synced
   * @return serves the name from now on
   * @throws ReplicationException when the copy cannot take its place; unless it was decided for,
   *     the database before is still served
   */
  Database installSnapshot(Database before, Path staged, CheckpointFile checkpoint)
      throws IOException {
    synchronized (roleChange) {
      String name = before.name();
      if (role != Role.REPLICA || databases.get(name) != before) {
        throw new ReplicationException(
            ReplicationException.Kind.OLDER_EPOCH, "'" + name + "' is not to be replaced any more");
      }
      synchronized (replacing) {
        before.decideForSnapshot(staged, checkpoint);
        before.end("replaced by a copy from the primary");
        Database again = recoverAgain(name);
        if (again == null) {
          before.fail(
              "a copy from the primary is received but cannot be put in place; it will be as soon"
                  + " as the disk works again, or at the next start");
          throw new ReplicationException(ReplicationException.Kind.DISK, before.failure());
        }
        databases.put(name, again);
        failedStates.remove(name);
        listener.replaced(again);
        LOG.info("{}: received from the primary, at {}", name, again.position());
        return again;
      }
    }
  }

  /**
   * @return null if it still cannot be served; then nothing of the attempt stays open
   */
  private Database recoverAgain(String name) {
    Database again = null;
    try {
      again = new Database(this, name);
      GroupInfo group = again.openLog();
      if (group != null && role == Role.PRIMARY && !isComplete(group)) {
        again.cutIncompleteGroup();
      }
      if (again.logEpoch() > epoch()) {
        raiseEpochTo(role == Role.PRIMARY ? again.logEpoch() + 1 : again.logEpoch());
      }
      again.redo();
      again.settleRecovery();
      return again;
    } catch (IOException | RuntimeException e) {
      LOG.debug("{} still cannot be served", name, e);
      if (again != null) {
        again.retire();
      }
      return null;
    }
  }

  /** Deletes log segments that are past the retention, in all databases. */
  public void enforceRetention() {
    each("retention", database -> database.enforceRetention(System.currentTimeMillis()));
  }

  private interface DatabaseWork {
    void run(Database database) throws IOException;
  }

  private void each(String what, DatabaseWork work) {
    for (Database database : databases.values()) {
      try {
        work.run(database);
      } catch (IOException | RuntimeException e) {
        // The database itself remembers and reports a failing disk; this must go on with the
        // others.
        LOG.debug("{} of {} failed", what, database.name(), e);
      }
    }
  }

  // ------------------------------------------------------------------ facts

  /** Random id of this data directory's node, 16 hex digits. */
  public String nodeId() {
    return dataDirectory.nodeId();
  }

  long nodeNumber() {
    return nodeNumber;
  }

  /** 16 hex digits, chosen when the cluster was founded. */
  public String clusterId() {
    return dataDirectory.clusterId();
  }

  /** Random id of this incarnation of the data directory, 16 hex digits. */
  public String incarnation() {
    return dataDirectory.incarnation();
  }

  /** The epoch in which this node is primary; on a replica the greatest that it has seen. */
  public long epoch() {
    return dataDirectory.epoch();
  }

  /** Whether any database had a transaction, also one that cannot be served now. */
  public boolean hasTransactions() {
    return databases.values().stream()
        .anyMatch(database -> database.lastKnownTxid() > 0 || database.failure() != null);
  }

  /**
   * A replica joins the cluster of a primary and makes its epoch durable, before it acknowledges
   * anything in it.
   *
   * @param cluster 16 hex digits
   * @param epoch of the primary, not below {@link #epoch}
   * @throws StoreException when this node has data of another cluster, or has seen a later epoch
   */
  public void follow(String cluster, long epoch) throws IOException {
    if (!cluster.equals(clusterId()) && hasTransactions()) {
      throw new StoreException(
          "this node has data of cluster "
              + clusterId()
              + ", the primary is of cluster "
              + cluster
              + "; check the address of the primary, or start with an empty data directory");
    }
    dataDirectory.follow(cluster, epoch);
  }

  StoreOptions options() {
    return options;
  }

  Disk disk() {
    return disk;
  }

  DataDirectory dataDirectory() {
    return dataDirectory;
  }

  Executor background() {
    return background;
  }

  BlockMemory blockMemory() {
    return blockMemory;
  }

  long nextNumber() {
    return numbers.incrementAndGet();
  }

  /** Where files and directories that are no databases live. */
  public Path filesDirectory() {
    return dataDirectory.filesDirectory();
  }

  /** Where content waits to be imported; emptied at each start. */
  public Path importDirectory() {
    return dataDirectory.importDirectory();
  }

  /** For files that mean nothing after a restart. */
  public Path volatileDirectory() {
    return dataDirectory.volatileDirectory();
  }

  /** Buffers for the records that are being received. */
  ReceiveBuffers receiveBuffers() {
    return receiveBuffers;
  }

  public Role role() {
    return role;
  }

  /** Whether programs may not write here. */
  public boolean isReplica() {
    return role != Role.PRIMARY;
  }

  /**
   * Asked for each transaction just before its record is appended.
   *
   * @throws RefusedException (READ_ONLY) when this node may not write
   */
  void checkMayCommit() throws RefusedException {
    if (role != Role.PRIMARY) {
      throw new RefusedException(
          Kind.READ_ONLY,
          "this node is a replica; write on the primary, 'tidemark status' names it");
    }
    authority.check();
    commitGate.check();
  }

  /**
   * Who has written here is not primary any more. Transactions that are going on are discarded and
   * their pages restored; their programs hear of it when they write on or commit.
   */
  public void becomeReplica() {
    synchronized (roleChange) {
      role = Role.REPLICA;
      // First all: what one of them waits for may be waited for by all.
      databases.values().forEach(Database::commitLost);
      for (Database database : databases.values()) {
        database.demoted();
      }
    }
  }

  /**
   * Everything that the logs have is shown, then programs may write. A database that cannot show
   * what it has is not served; the others go on.
   *
   * @param epoch not below any seen; durable when this returns
   * @throws ReplicationException (OLDER_EPOCH) for an epoch below the greatest seen
   */
  public void becomePrimary(long epoch) throws IOException {
    synchronized (roleChange) {
      if (role == Role.PRIMARY && epoch == epoch()) {
        return;
      }
      followEpoch(epoch);
      if (role == Role.REPLICA) {
        role = Role.PROMOTING;
      }
      for (Database database : databases.values()) {
        database.promote();
      }
      role = Role.PRIMARY;
    }
  }

  /**
   * A node of this epoch is primary: makes the epoch durable, so that no older primary is listened
   * to any more.
   *
   * @throws ReplicationException (OLDER_EPOCH) when a newer one was seen
   */
  public void followEpoch(long epoch) throws ReplicationException {
    if (epoch == epoch()) {
      return;
    }
    synchronized (dataDirectory) {
      if (epoch < epoch()) {
        throw new ReplicationException(
            ReplicationException.Kind.OLDER_EPOCH,
            "epoch " + epoch + " is over, epoch " + epoch() + " has begun");
      }
      try {
        if (epoch > epoch()) {
          dataDirectory.raiseEpoch(epoch);
        }
      } catch (IOException e) {
        throw ReplicationException.ofDisk("cannot keep epoch " + epoch, e);
      }
    }
  }

  ReaderAccess readerAccess() {
    return readerAccess;
  }

  /** Sets how the appliers get past programs that have a database open. */
  public void readerAccess(ReaderAccess newAccess) {
    readerAccess = newAccess;
  }

  Duration readerTimeout() {
    return readerTimeout;
  }

  /** Sets how long readers may hold up an applier; 30 seconds until then. */
  public void readerTimeout(Duration timeout) {
    readerTimeout = timeout;
  }

  /**
   * Keeps the writers of this node out of all databases, until {@link #letWritersIn}: they wait as
   * long as their own busy timeouts say, and readers go on. Does not end when the role changes. To
   * be called by a thread that serves no request of the mount.
   *
   * @return false if a program writes just now: call again after a moment
   */
  public boolean keepWritersOut() {
    writersOut = true;
    boolean all = true;
    for (Database database : databases()) {
      boolean kept = readerAccess.tryKeepWritersOut(database);
      if (kept) {
        database.writersKeptOut();
      }
      all &= kept;
    }
    return all;
  }

  /** What {@link #keepWritersOut} began is over; also if it has never returned true. */
  public void letWritersIn() {
    if (writersOut) {
      writersOut = false;
      for (Database database : databases.values()) {
        readerAccess.writersChanged(database);
      }
    }
  }

  /** Whether this node's writers have to wait. */
  public boolean isKeepingWritersOut() {
    return writersOut;
  }

  public WriteAuthority authority() {
    return authority;
  }

  /** Sets who decides about writes; {@link WriteAuthority#ALWAYS} until then. */
  public void authority(WriteAuthority newAuthority) {
    authority = newAuthority;
  }

  public CommitGate commitGate() {
    return commitGate;
  }

  /**
   * Sets who decides when a transaction is committed; {@link CommitGate#ASYNC} until then. Commits
   * that have begun go on with the one before.
   */
  public void commitGate(CommitGate newGate) {
    commitGate = newGate;
  }

  DatabaseListener listener() {
    return listener;
  }

  /** Sets the one listener. */
  public void listener(DatabaseListener newListener) {
    listener = newListener;
  }

  /** The listeners of commits at this moment; not to be changed. */
  CommitListener[] commitListeners() {
    return commitListeners;
  }

  /** Adds one of any number of listeners; it hears of the commits from now on. */
  public synchronized void addCommitListener(CommitListener added) {
    CommitListener[] more = Arrays.copyOf(commitListeners, commitListeners.length + 1);
    more[more.length - 1] = added;
    commitListeners = more;
  }

  /** Removes a listener. A call that is under way may still reach it. */
  public synchronized void removeCommitListener(CommitListener removed) {
    commitListeners =
        Arrays.stream(commitListeners)
            .filter(known -> known != removed)
            .toArray(CommitListener[]::new);
  }

  /** Another object stands for a name from now on. */
  private void replaced(Database old, Database successor) {
    listener.replaced(successor);
    for (CommitListener each : commitListeners) {
      each.retired(old, successor);
    }
  }

  /** What was set aside of this node's databases, by directory name; read from the disk. */
  public List<Divergence> divergences() throws IOException {
    return Divergences.list(disk, dataDirectory.root());
  }

  /** Databases with a committed image, and those that cannot be served, by name. */
  public List<Database> databases() {
    List<Database> existing = new ArrayList<>();
    for (Database database : databases.values()) {
      if (database.exists() || database.failure() != null) {
        existing.add(database);
      }
    }
    return existing;
  }

  /** All names in use, also of files that may become databases. */
  public Collection<Database> allDatabases() {
    return databases.values();
  }

  /** The database of that name if it has a committed image or a failure, else null. */
  public Database find(String name) {
    Database database = databases.get(name);
    return database != null && (database.exists() || database.failure() != null) ? database : null;
  }

  /** Whatever is known under that name, or null. */
  public Database get(String name) {
    return databases.get(name);
  }

  /**
   * The database of that name, made known if it was not.
   *
   * @throws RefusedException when no database can have the name
   */
  public Database getOrCreate(String name) throws RefusedException {
    Database known = databases.get(name);
    if (known != null) {
      return known;
    }
    String problem = DatabaseNames.problem(name);
    if (problem != null) {
      throw new RefusedException(Kind.NOT_PERMITTED, "'" + name + "': " + problem);
    }
    synchronized (databases) {
      known = databases.get(name);
      if (known == null) {
        try {
          known = new Database(this, name);
        } catch (IOException e) {
          throw RefusedException.ofDisk("cannot prepare " + name, e);
        }
        databases.put(name, known);
      }
      return known;
    }
  }

  // ---------------------------------------------------------------- actions

  /**
   * Makes the content of a SQLite file the content of a database, as one transaction. Open handles
   * of the old content fail from then on.
   *
   * @param file left as it is, unless it is in {@link #importDirectory}: then it is used up
   * @return the database, at its new position
   * @throws InvalidDatabaseException when the file is not a whole SQLite database; nothing changed
   * @throws RefusedException when this node may not write, or the name is impossible
   */
  public Database importDatabase(String name, Path file) throws IOException {
    checkIsDatabase(file);
    setAsideIfFailed(name);
    Database database = getOrCreate(name);
    Path source = file;
    if (!file.startsWith(importDirectory())) {
      source = importDirectory().resolve("import-" + nextNumber() + ".tmp");
      Files.copy(file, source, StandardCopyOption.REPLACE_EXISTING);
    }
    try {
      database.replaceWith(source);
    } finally {
      Files.deleteIfExists(source);
    }
    return database;
  }

  /**
   * A database that cannot be served makes room for a new one. Its files are kept under "damaged";
   * its TXIDs are not used again.
   */
  private boolean setAsideIfFailed(String name) throws IOException {
    synchronized (replacing) {
      Database failed = databases.get(name);
      if (failed == null || failed.failure() == null) {
        return false;
      }
      checkMayCommit();
      setAsideDamaged(failed, failed.lastKnownTxid());
      return true;
    }
  }

  /**
   * On a replica: a database that cannot be served makes room for what the primary has of it. Its
   * files are kept under "damaged". Done once for a name, until the next start: a disk that damages
   * whatever it gets must not fill up with copies.
   *
   * @return an empty database; the one that there is if it can be served
   * @throws RefusedException when it was done before, or this node is the primary
   */
  public Database makeRoomForCopy(String name) throws IOException {
    synchronized (roleChange) {
      synchronized (replacing) {
        Database failed = getOrCreate(name);
        if (failed.failure() == null) {
          return failed;
        }
        if (role != Role.REPLICA || !renewed.add(name)) {
          throw new RefusedException(
              Kind.IO,
              failed.failure()
                  + "; it was received anew once already since the start: check the disk, then"
                  + " start this node again");
        }
        LOG.warn("{}: not served ({}); it is received anew", name, failed.failure());
        setAsideDamaged(failed, 0);
        return databases.get(name);
      }
    }
  }

  private void setAsideDamaged(Database failed, long lastTxid) throws IOException {
    String name = failed.name();
    failed.retire();
    Path damaged = dataDirectory.root().resolve("damaged");
    disk.createDirectories(damaged);
    Path aside;
    do {
      aside = damaged.resolve(DatabaseNames.encode(name) + "." + epoch() + "." + nextNumber());
    } while (disk.exists(aside));
    Path directory = DataDirectory.databaseDirectory(dataDirectory.root(), name);
    disk.rename(directory, aside);
    disk.syncDirectory(damaged);
    disk.syncDirectory(directory.getParent());
    Database empty = new Database(this, name);
    if (lastTxid > 0) {
      empty.startAfter(lastTxid);
    }
    databases.put(name, empty);
    failedStates.remove(name);
    replaced(failed, empty);
    LOG.warn("{}: the damaged files are kept in {}", name, aside);
  }

  private void checkIsDatabase(Path file) throws IOException {
    try (Disk.DiskFile input = disk.openReadOnly(file)) {
      java.nio.ByteBuffer first = java.nio.ByteBuffer.allocate(SqliteHeader.SIZE);
      input.read(first, 0);
      String problem = new SqliteHeader(first.flip()).problem(input.size());
      if (problem != null) {
        throw new InvalidDatabaseException(
            file.getFileName() + " is not a SQLite database: " + problem);
      }
    }
  }

  /**
   * Deletes a database as one transaction; false if there was none.
   *
   * @throws RefusedException when this node may not write
   */
  public boolean drop(String name) throws IOException {
    if (setAsideIfFailed(name)) {
      return true;
    }
    Database database = databases.get(name);
    if (database == null || !database.exists()) {
      return false;
    }
    boolean dropped = database.drop();
    if (dropped) {
      listener.replaced(database);
    }
    return dropped;
  }

  /**
   * A super-journal is being deleted, which commits the transactions of all databases whose active
   * journals name it: of all or of none.
   *
   * @param path of the super-journal below the mount
   * @throws RefusedException when one of them cannot commit; then none does
   */
  public void commitGroup(String path) throws RefusedException {
    List<Database> locked = new ArrayList<>();
    try {
      List<Database> members = new ArrayList<>();
      for (Database database : databases.values()) { // by name: the same order for everybody
        database.lock.lock();
        locked.add(database);
        String named = database.superJournal();
        if (named != null && named.endsWith("/" + path)) {
          members.add(database);
        } else {
          locked.remove(locked.size() - 1);
          database.lock.unlock();
        }
      }
      commitGroup(members);
    } catch (IOException e) {
      throw RefusedException.ofDisk("committing over several databases", e);
    } finally {
      for (Database database : locked) {
        database.lock.unlock();
      }
    }
  }

  private void commitGroup(List<Database> members) throws RefusedException {
    List<Database> changed = new ArrayList<>();
    List<GroupInfo.Member> parts = new ArrayList<>();
    for (Database database : members) {
      if (database.groupWouldAppend()) {
        changed.add(database);
        parts.add(new GroupInfo.Member(database.name(), database.nextTxid()));
      }
    }
    GroupInfo group = new GroupInfo(random.nextLong(), parts);
    List<Database> appended = new ArrayList<>();
    try {
      for (Database database : changed) {
        database.groupAppend(group);
        appended.add(database);
      }
      if (!commitGate.waits()) {
        awaitGroupDurable(changed);
      }
    } catch (RefusedException | RuntimeException | Error e) {
      for (Database database : appended) {
        database.groupTakeBack();
      }
      throw e;
    }
    if (commitGate.waits()) {
      awaitGroupCommitted(changed, members);
    }
    FaultPoint.GROUP_AFTER_SYNC.pass();
    // It is committed, in all: the trouble of one must not keep the others from counting it.
    RefusedException trouble = null;
    for (Database database : members) {
      try {
        database.groupPublish(changed.contains(database));
      } catch (RefusedException e) {
        trouble = e;
      }
    }
    if (trouble != null) {
      throw trouble;
    }
  }

  private void awaitGroupDurable(List<Database> changed) throws RefusedException {
    for (Database database : changed) {
      database.awaitDurable(database.nextTxid());
    }
    if (!commitGate.holds(epoch())) {
      throw new RefusedException(
          Kind.READ_ONLY, "this node stopped being primary during a commit over several databases");
    }
  }

  /**
   * Returns when other nodes have the records of all parts; gives up all locks meanwhile.
   *
   * @param members whose locks are held, in the order in which they are taken
   * @throws RefusedException (IN_DOUBT) when that is not known in time: then all parts are in doubt
   */
  private void awaitGroupCommitted(List<Database> changed, List<Database> members)
      throws RefusedException {
    if (changed.isEmpty()) {
      return;
    }
    long epoch = epoch();
    long deadline = changed.get(0).waits().deadline();
    changed.forEach(database -> database.waits().begin(database.nextTxid()));
    try {
      RefusedException trouble = null;
      members.forEach(database -> database.lock.unlock());
      try {
        for (Database database : changed) {
          RefusedException own = database.waits().spread(epoch, database.nextTxid());
          trouble = own == null ? trouble : own;
        }
        for (Database database : changed) {
          database.lock.lock();
          try {
            database.waits().awaitReached(database.nextTxid(), deadline);
          } finally {
            database.lock.unlock();
          }
        }
      } finally {
        members.forEach(database -> database.lock.lock());
      }
      boolean all = trouble == null && commitGate.holds(epoch);
      for (Database database : changed) {
        all &= database.waits().reached() >= database.nextTxid();
      }
      if (!all) {
        RefusedException doubt = null;
        for (Database database : changed) {
          doubt = database.waits().doubt(database.nextTxid(), trouble);
        }
        throw doubt;
      }
      FaultPoint.COMMIT_CONFIRMED.pass();
      changed.forEach(Database::groupCommitted);
    } finally {
      changed.forEach(database -> database.waits().end());
    }
  }

  /** Whether every node that has to have the parts of a commit over several databases has them. */
  boolean isGroupReached(GroupInfo group) throws IOException {
    for (GroupInfo.Member member : group.members()) {
      Database part = databases.get(member.name());
      boolean reached =
          part != null
              && part.failure() == null
              && part.hasOfGroup(member.txid(), group.id())
              && (part.position().txid() >= member.txid()
                  || part.waits().reached() >= member.txid());
      if (!reached) {
        return false;
      }
    }
    return true;
  }

  /**
   * Clean end: syncs and checkpoints every database, so that the next start has nothing to redo.
   *
   * @throws IOException when a database could not be closed cleanly; its log has everything
   */
  @Override
  public void close() throws IOException {
    upkeep.shutdown();
    background.shutdown();
    try {
      upkeep.awaitTermination(10, TimeUnit.SECONDS);
      background.awaitTermination(10, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    IOException failure = null;
    for (Database database : databases.values()) {
      try {
        database.close();
      } catch (IOException e) {
        LOG.error("closing {}: {}", database.name(), e.getMessage());
        failure = e;
      }
    }
    dataDirectory.close();
    if (failure != null) {
      throw failure;
    }
  }
}
