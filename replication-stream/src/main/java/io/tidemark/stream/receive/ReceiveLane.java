package io.tidemark.stream.receive;

import io.tidemark.database.Database;
import io.tidemark.database.DatabasePosition;
import io.tidemark.database.LogPosition;
import io.tidemark.database.ReplicaLog;
import io.tidemark.database.SnapshotSink;
import io.tidemark.database.Store;
import io.tidemark.ltx.Txid;
import io.tidemark.stream.Ack;
import io.tidemark.stream.CommitPosition;
import io.tidemark.stream.DatabaseHistory;
import io.tidemark.stream.DatabaseOpen;
import io.tidemark.stream.Drop;
import io.tidemark.stream.Frame;
import io.tidemark.stream.LagMeter;
import io.tidemark.stream.PageSums;
import io.tidemark.stream.PageSumsRequest;
import io.tidemark.stream.Position;
import io.tidemark.stream.ProtocolException;
import io.tidemark.stream.RecordChunk;
import io.tidemark.stream.SnapshotBegin;
import io.tidemark.stream.SnapshotEnd;
import io.tidemark.stream.SnapshotPages;
import io.tidemark.stream.SnapshotResume;
import io.tidemark.stream.StepBack;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.concurrent.Executor;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One database on its way from the primary: records into the log, made durable, acknowledged, then
 * shown to readers. Two tasks that each run on one thread at a time: intake, and applying, which
 * may have to wait for readers and must not hold up the log.
 *
 * <p>A database that cannot take what comes stops here: it acknowledges nothing more, so the
 * primary sends no more of it than its window, and the others go on.
 */
final class ReceiveLane {
  private static final Logger LOG = LoggerFactory.getLogger(ReceiveLane.class);

  /** Bytes taken in before they are synced and acknowledged. */
  private static final long BATCH = 1 << 20;

  private static final long READERS_MILLIS = 2;

  private final int id;
  private final String name;
  private final Store store;
  private final PrimaryConnection connection;
  private final LagMeter lag;
  private final Executor executor;

  // Guarded by itself.
  private final ArrayDeque<Frame> queue = new ArrayDeque<>();
  private boolean taking;

  // Guarded by this lane's apply monitor.
  private final Object applyMonitor = new Object();
  private boolean applying;
  private long applyTo;

  // Of the intake.
  private volatile Database database;
  private IncomingRecord record;
  private SnapshotSink snapshot;
  private long snapshotNumber;
  private boolean repairing;

  /** Of an earlier connection; the primary was asked for the rest. */
  private UnfinishedSnapshot unfinished;

  /** A snapshot was asked for; what comes before it is of no use. */
  private boolean awaitsSnapshot;

  /**
   * Whether all that the log has is known to be a part of the primary's: the plan was carried out.
   */
  private volatile boolean ofPrimary;

  /** The newest commit position that the primary has told in its epoch; -1 for none yet. */
  private volatile long announced = -1;

  private volatile long consumed;
  private volatile long received;
  private volatile long durable;
  private volatile long applied;
  private volatile String problem;

  ReceiveLane(
      int id,
      String name,
      Store store,
      PrimaryConnection connection,
      LagMeter lag,
      Executor executor) {
    this.id = id;
    this.name = name;
    this.store = store;
    this.connection = connection;
    this.lag = lag;
    this.executor = executor;
  }

  String name() {
    return name;
  }

  /** Why this database takes nothing now, or null. */
  String problem() {
    return problem;
  }

  // ------------------------------------------------------------------ intake

  /** From the event loop; {@link #start} follows. */
  void add(Frame frame) {
    if (frame instanceof RecordChunk chunk) {
      announce(chunk.commitTxid());
      long end = chunk.commitTxid().value(); // -1 is none
      if (!connection.commitsWait()) {
        end = Math.max(chunk.txid().value(), end);
      }
      lag.expect(end, connection.lastHeardNanos());
    } else if (frame instanceof CommitPosition position) {
      connection.checkEpoch(position);
      announce(position.txid());
      lag.expect(position.txid().value(), connection.lastHeardNanos());
    }
    synchronized (queue) {
      queue.add(frame);
    }
  }

  /**
   * Remembered whatever becomes of the frame: the primary says it once. "None yet" is less than
   * any.
   */
  private void announce(Txid commitTxid) {
    announced = Math.max(announced, commitTxid.value());
  }

  /** From the event loop: takes in what was added, unless that is being done. */
  void start() {
    synchronized (queue) {
      if (taking || queue.isEmpty()) {
        return;
      }
      taking = true;
    }
    executor.execute(this::intake);
  }

  private void intake() {
    long batch = 0;
    boolean dirty = false;
    boolean toApply = false;
    while (true) {
      Frame frame;
      synchronized (queue) {
        frame = queue.poll();
        if (frame == null && !dirty) {
          taking = false;
          queue.notifyAll(); // for the end of the lane
          break;
        }
      }
      if (frame != null) {
        if (toApply) {
          executor.execute(this::applyAll); // readers must not hold up what has come meanwhile
          toApply = false;
        }
        dirty |= take(frame);
        batch += frame.dataBytes();
      }
      if (dirty && (frame == null || batch >= BATCH)) {
        toApply = settle(batch > 0);
        dirty = false;
        batch = 0;
      }
    }
    if (toApply) {
      applyAll(); // saves waking another thread; another one takes in what comes now
    }
  }

  /** Takes one frame; whether there is something to be acknowledged or shown. */
  private boolean take(Frame frame) {
    int bytes = frame.dataBytes();
    boolean taken = false;
    try {
      if (connection.isOpen() && (problem == null || frame instanceof DatabaseOpen)) {
        handle(frame);
        taken = true;
      }
    } catch (ProtocolException e) {
      connection.failed(e);
    } catch (IOException | RuntimeException e) {
      fail(e);
    } finally {
      connection.dequeued(bytes);
    }
    if (taken) {
      consumed += bytes;
    }
    return taken && (bytes > 0 || frame instanceof CommitPosition);
  }

  private void fail(Exception e) {
    problem = e.getMessage() == null ? e.toString() : e.getMessage();
    LOG.warn("{}: replication has stopped: {}", name, problem);
    LOG.debug("{}", name, e);
    lag.unplanned(System.nanoTime(), true);
    closeSnapshot();
    if (record != null) {
      record.abort();
    }
    connection.laneFailed(this);
  }

  private void handle(Frame frame) throws IOException {
    if (frame instanceof RecordChunk chunk) {
      addChunk(chunk);
    } else if (frame instanceof DatabaseOpen open) {
      open(open);
    } else if (frame instanceof SnapshotBegin begin) {
      begin(begin);
    } else if (frame instanceof SnapshotPages pages) {
      if (!awaitsSnapshot) {
        sink("pages of a snapshot").pages(pages.firstPage(), pages.bytes());
      }
    } else if (frame instanceof SnapshotEnd end) {
      if (!awaitsSnapshot) {
        end(end);
      }
    } else if (frame instanceof PageSumsRequest request) {
      sendSums(request);
    } else if (frame instanceof Drop drop) {
      drop(drop);
    }
  }

  private void addChunk(RecordChunk chunk) throws IOException {
    if (awaitsSnapshot) {
      return; // sent before the primary heard that records do not do
    }
    if (record == null) {
      throw new ProtocolException(
          ProtocolException.Kind.ORDER, "found " + chunk + " of " + name + " before its plan");
    }
    if (record.add(chunk) && !repairing) {
      received = chunk.txid().value();
    }
  }

  /**
   * What was taken in becomes durable and is acknowledged, at once or with what is shown then.
   *
   * @param data whether bytes came, and not only a commit position
   * @return whether the caller has to see to {@link #applyAll}
   */
  private boolean settle(boolean data) {
    boolean toApply = false;
    if (problem == null && ofPrimary) {
      try {
        if (received > durable) {
          database.replicaLog().awaitDurable(received);
          durable = received;
        }
        toApply = claimApply(committed());
      } catch (IOException | RuntimeException e) {
        fail(e);
      }
    }
    if (data && (!toApply || connection.commitsWait())) {
      acknowledge();
    }
    return toApply;
  }

  /**
   * Tells the database up to where its transactions are committed: as far as the primary has said
   * so, and as far as they are on the disk here. With async all that a primary sends is committed.
   *
   * @return up to where they are to be shown
   */
  private long committed() {
    long known = durable;
    if (connection.commitsWait()) {
      known = Math.min(announced, durable);
      if (announced >= 0) {
        database.firstCommitted(announced);
      }
    } else {
      database.firstCommitted(durable);
    }
    if (known > database.commitTxid()) {
      database.committedUpTo(connection.epoch(), known);
    }
    return Math.min(durable, database.commitTxid());
  }

  /** From the event loop: another member acknowledges from now on. */
  void acknowledgeAgain() {
    if (ofPrimary && problem == null) {
      acknowledge();
    }
  }

  /** One at a time: what is acknowledged later must not be less. */
  private synchronized void acknowledge() {
    if (!ofPrimary) {
      connection.send(Ack.ofBytes(id, connection.epoch(), consumed));
      return;
    }
    long shown = applied;
    long safe = Math.max(durable, shown);
    connection.send(
        new Ack(
            id,
            connection.epoch(),
            new Txid(Math.max(received, safe)),
            new Txid(safe),
            new Txid(shown),
            consumed));
  }

  // -------------------------------------------------------------------- plan

  private void open(DatabaseOpen plan) throws IOException {
    if (isRecords(plan)) {
      LOG.debug("{}: {}", name, plan.why());
    } else {
      LOG.info("{}: {}: {}", name, plan.next(), plan.why());
    }
    problem = null;
    awaitsSnapshot = false;
    ofPrimary = false;
    closeSnapshot();
    if (record != null) {
      record.abort();
    }
    database = store.makeRoomForCopy(name);
    unfinished = connection.takeUnfinished(name);
    ReplicaLog log = database.replicaLog();
    LogPosition tail = log.received();
    received = tail.txid();
    durable = Math.min(received, log.durableTxid());
    applied = Math.min(durable, database.position().txid());
    Position claimed = connection.claimOf(name);
    if (plan.next() == DatabaseOpen.Next.STEP_BACK) {
      stepBack(plan, tail);
      return;
    }
    if (claimed != null && claimed.isNone() && plan.position().isNone()) {
      database.forget("the primary " + connection.primaryName() + " has no database " + name);
      connection.claim(name, null);
      lag.plan(0, 0, System.nanoTime());
      record = new IncomingRecord(new LogTarget(log, connection.epoch()));
      received = 0;
      durable = 0;
      applied = 0;
      ofPrimary = true;
      acknowledge();
      return;
    }
    boolean parted = claimed != null;
    if (parted || plan.apart()) {
      setAside(parted ? claimed : Position.NONE);
    }
    if (parted && isRecords(plan) && database.canCutAfter(claimed.txid().value())) {
      database.cutAfter(claimed.txid().value());
      received = claimed.txid().value();
      durable = received;
      parted = false;
    }
    if (plan.next() == DatabaseOpen.Next.SNAPSHOT
        || (parted && plan.next() != DatabaseOpen.Next.DROP)) {
      awaitsSnapshot = true;
      if (unfinished != null && unfinished.canGoOn(database, connection.primaryNonce())) {
        connection.send(new SnapshotResume(id, unfinished.number(), unfinished.sink().lastPage()));
      } else {
        closeUnfinished();
        connection.send(new SnapshotResume(id, 0, 0));
      }
    } else {
      closeUnfinished();
      boolean more = plan.next() == DatabaseOpen.Next.RECORDS;
      if (plan.next() != DatabaseOpen.Next.DROP) {
        lag.plan(applied, more ? received + 1 : received, System.nanoTime());
      }
      record = new IncomingRecord(new LogTarget(log, connection.epoch()));
      log.awaitDurable(received);
      durable = received;
      if (plan.next() != DatabaseOpen.Next.DROP) {
        ofPrimary = true;
        apply(committed());
        acknowledge();
      }
    }
  }

  private static boolean isRecords(DatabaseOpen plan) {
    return plan.next() == DatabaseOpen.Next.NOTHING || plan.next() == DatabaseOpen.Next.RECORDS;
  }

  /**
   * The primary does not have this node's last record. It names the last of its own that both may
   * have; the connection begins again with the last of this node that is not later.
   */
  private void stepBack(DatabaseOpen plan, LogPosition tail) throws IOException {
    Position candidate =
        plan.position().isNone()
            ? Position.NONE
            : StepBack.candidate(plan.position(), new DatabaseHistory(database));
    LOG.warn("{}: this node is at {}, going back to {}", name, Position.of(tail), candidate);
    connection.claim(name, candidate);
  }

  private void setAside(Position common) throws IOException {
    database.setAside(
        common.txid().value(),
        "the primary " + connection.primaryName() + " does not have these transactions");
    connection.claim(name, null);
  }

  // --------------------------------------------------------------- snapshots

  private void begin(SnapshotBegin begin) throws IOException {
    awaitsSnapshot = false;
    ofPrimary = false;
    closeSnapshot();
    snapshotNumber = begin.snapshot();
    if (unfinished != null && unfinished.isContinuedBy(begin)) {
      if (!unfinished.sink().goesOn(begin.pageSize())) {
        LOG.info("{}: the snapshot begins anew, because the size of pages has changed", name);
        closeUnfinished();
        awaitsSnapshot = true;
        connection.send(new SnapshotResume(id, 0, 0));
        return;
      }
      snapshot = unfinished.sink();
      unfinished = null;
      LOG.info("{}: the snapshot goes on after page {}", name, snapshot.lastPage());
      snapshot.goOn(begin.pageCount());
    } else {
      closeUnfinished();
      snapshot =
          database.receiveSnapshot(
              connection.epoch(),
              begin.pageSize(),
              begin.pageCount(),
              begin.redo().value(),
              begin.differences());
    }
    record = new IncomingRecord(new SnapshotTarget());
    repairing = true;
  }

  private SnapshotSink sink(String what) {
    if (snapshot == null) {
      throw new ProtocolException(
          ProtocolException.Kind.ORDER, "found " + what + " of " + name + " before its beginning");
    }
    return snapshot;
  }

  private void end(SnapshotEnd end) throws IOException {
    SnapshotSink sink = sink("the end of a snapshot");
    Position position = end.position();
    database =
        sink.finish(
            new LogPosition(
                position.epoch(), position.txid().value(), position.checksum().value()));
    database.metrics().snapshotsReceived.increment();
    snapshot = null;
    repairing = false;
    record = new IncomingRecord(new LogTarget(database.replicaLog(), connection.epoch()));
    received = position.txid().value();
    durable = received;
    applied = received;
    ofPrimary = true;
    lag.plan(applied, received, System.nanoTime());
    LOG.info("{}: the snapshot is complete, now at {}", name, position);
    acknowledge();
  }

  private void closeSnapshot() {
    if (snapshot != null) {
      snapshot.close();
      snapshot = null;
    }
    repairing = false;
  }

  private void closeUnfinished() {
    if (unfinished != null) {
      unfinished.close();
      unfinished = null;
    }
  }

  /**
   * After the end of the connection, from its thread: waits for what is being taken in; nothing is
   * after that.
   *
   * @return what there is of a snapshot, or null
   */
  UnfinishedSnapshot end() throws InterruptedException {
    synchronized (queue) {
      while (taking) {
        queue.wait();
      }
      taking = true; // for ever
    }
    if (record != null && !repairing) {
      record.abort();
    }
    UnfinishedSnapshot rest = unfinished;
    if (snapshot != null) {
      rest = new UnfinishedSnapshot(snapshot, database, snapshotNumber, connection.primaryNonce());
    }
    return rest;
  }

  private void sendSums(PageSumsRequest request) throws IOException {
    long[] sums = database.pageSums(request.firstPage(), request.count());
    ByteBuffer bytes = ByteBuffer.allocate(sums.length * Long.BYTES);
    bytes.asLongBuffer().put(sums);
    DatabasePosition now = database.position();
    boolean last = request.firstPage() + sums.length > now.pageCount();
    connection.send(new PageSums(id, now.pageSize(), request.firstPage(), bytes, last));
  }

  private void drop(Drop drop) throws IOException {
    if (!drop.name().equals(name)) {
      throw new ProtocolException(
          ProtocolException.Kind.FIELD, "DROP of " + drop.name() + " has the number of " + name);
    }
    Position gone = drop.position();
    database.replicaLog().dropAt(gone.epoch(), gone.txid().value());
    record = new IncomingRecord(new LogTarget(database.replicaLog(), connection.epoch()));
    received = gone.txid().value();
    durable = received;
    applied = received;
    ofPrimary = true;
    lag.plan(applied, received, System.nanoTime());
    acknowledge();
  }

  // ------------------------------------------------------------------- apply

  private void apply(long txid) {
    if (claimApply(txid)) {
      executor.execute(this::applyAll);
    }
  }

  /**
   * What is to be shown has grown.
   *
   * @return whether the caller has to see to {@link #applyAll}; else it is being done
   */
  private boolean claimApply(long txid) {
    synchronized (applyMonitor) {
      applyTo = Math.max(applyTo, txid);
      boolean claimed = !applying && applyTo > applied;
      applying |= claimed;
      return claimed;
    }
  }

  /** Shows what is durable and acknowledges it, at once when readers are in the way. */
  private void applyAll() {
    boolean told = false;
    while (true) {
      long target;
      synchronized (applyMonitor) {
        target = applyTo;
        if (target <= applied || problem != null || !connection.isOpen()) {
          applying = false;
          break;
        }
      }
      try {
        long shown = database.applier().apply(target).txid();
        boolean blocked = shown <= applied;
        if (!blocked) {
          applied = shown;
          lag.shown(shown, System.nanoTime());
        }
        if (!blocked || !told) {
          acknowledge();
          told = true;
        }
        if (blocked) {
          Thread.sleep(READERS_MILLIS); // they are in the way
        }
      } catch (IOException | RuntimeException e) {
        fail(e);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        fail(e);
      }
    }
    if (!told) {
      acknowledge();
    }
  }

  // ----------------------------------------------------------------- targets

  private static final class LogTarget implements IncomingRecord.Log {
    private final ReplicaLog log;
    private final long primaryEpoch;

    LogTarget(ReplicaLog log, long primaryEpoch) {
      this.log = log;
      this.primaryEpoch = primaryEpoch;
    }

    @Override
    public void begin(long epoch, long txid, byte[] extra, long ltxLength, long commitTxid)
        throws IOException {
      // Not above the record itself: what comes after it is not known to be the primary's.
      long known = Math.min(Math.max(0, commitTxid), txid);
      log.begin(primaryEpoch, epoch, txid, extra.length == 0 ? null : extra, ltxLength, known);
    }

    @Override
    public void write(ByteBuffer ltx) throws IOException {
      log.write(ltx);
    }

    @Override
    public void finish() throws IOException {
      log.finish();
    }

    @Override
    public void abort() {
      log.abort();
    }
  }

  private final class SnapshotTarget implements IncomingRecord.Log {
    @Override
    public void begin(long epoch, long txid, byte[] extra, long ltxLength, long commitTxid)
        throws IOException {
      snapshot.beginRecord(txid, ltxLength);
    }

    @Override
    public void write(ByteBuffer ltx) throws IOException {
      snapshot.write(ltx);
    }

    @Override
    public void finish() throws IOException {
      snapshot.finishRecord();
    }

    @Override
    public void abort() {
      // The sink is closed as a whole.
    }
  }
}
