package io.tidemark.stream.send;

import io.netty.buffer.ByteBuf;
import io.tidemark.database.Database;
import io.tidemark.database.LogPosition;
import io.tidemark.database.ReadingEndedException;
import io.tidemark.database.RecordsGoneException;
import io.tidemark.database.SnapshotSource;
import io.tidemark.ltx.Txid;
import io.tidemark.stream.Ack;
import io.tidemark.stream.CatchUp;
import io.tidemark.stream.CommitMode;
import io.tidemark.stream.CommitPosition;
import io.tidemark.stream.DatabaseHistory;
import io.tidemark.stream.DatabaseOpen;
import io.tidemark.stream.DatabaseOpen.Next;
import io.tidemark.stream.Drop;
import io.tidemark.stream.Frame;
import io.tidemark.stream.FrameEncoder;
import io.tidemark.stream.LagMeter;
import io.tidemark.stream.PageSums;
import io.tidemark.stream.PageSumsRequest;
import io.tidemark.stream.Position;
import io.tidemark.stream.PrimaryHistory;
import io.tidemark.stream.Protocol;
import io.tidemark.stream.ProtocolException;
import io.tidemark.stream.RecordChunk;
import io.tidemark.stream.SnapshotBegin;
import io.tidemark.stream.SnapshotEnd;
import io.tidemark.stream.SnapshotResume;
import io.tidemark.stream.StepBack;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.LongBuffer;
import java.util.ArrayDeque;
import java.util.BitSet;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One database on its way to one replica: what {@link CatchUp} planned, then every transaction as
 * it is committed, or, in sync mode, as it is appended.
 *
 * <p>Used by the thread of the session only, except {@link #noted} and where said.
 */
final class SendLane {
  private static final Logger LOG = LoggerFactory.getLogger(SendLane.class);

  private static final long RETRY_NANOS = 10_000_000_000L;

  private enum Stage {
    /** The log, record by record. */
    RECORDS,
    /** The replica is to ask for a snapshot, or to step back. */
    WAITING,
    /** The replica tells its page checksums. */
    COMPARING,
    /** Pages of a snapshot. */
    PAGES,
    /** The records that repair these pages. */
    REPAIR,
    /** It could not be read here; see {@link #problem}. */
    FAILED
  }

  /** Whether a commit was noted that the thread of the session has not looked at. */
  final AtomicBoolean noted = new AtomicBoolean();

  private final int id;
  private final String name;
  private final PrimaryIdentity primary;
  private final StreamGate gate;
  private final boolean lends;
  private final LogTails tails;
  private final ArrayDeque<Frame> first = new ArrayDeque<>();
  private Database database;
  private Stage stage = Stage.WAITING;
  private volatile String problem;
  private long retryNanos;
  private RecordFrames records;

  /** Null if this replica reads for itself. */
  private LogTail.Follower follower;

  /** What {@link #next} returned, if another replica had it made a frame. */
  private LogTail.Ready ready;

  private SnapshotSource snapshot;
  private PageFrames pages;
  private BitSet differing;
  private long compareFrom;

  /** What the replica had when it connected, or after what it acknowledged then. */
  private Position replica;

  private volatile Ack acknowledged;

  /** Commit position that the replica was told, -1 for none. */
  private long told = -1;

  /** Where the records begin that the replica gets, a TXID; -1 while it does not get to records. */
  private volatile long recordsFrom = -1;

  /** What is on the replica's disk, as the member that it is now; -1 for nothing. */
  private volatile long durable = -1;

  private final LagMeter lag = new LagMeter();

  /**
   * @param id of the database in the stream
   * @param replica what the replica has of it
   * @param lends whether this node is no primary and sends what it has to one
   * @param tails what replicas that keep up share
   */
  SendLane(
      int id,
      String name,
      Position replica,
      PrimaryIdentity primary,
      StreamGate gate,
      boolean lends,
      LogTails tails) {
    this.id = id;
    this.tails = tails;
    this.name = name;
    this.replica = replica;
    this.primary = primary;
    this.gate = gate;
    this.lends = lends;
  }

  int id() {
    return id;
  }

  String name() {
    return name;
  }

  /** The last acknowledgement, or null. */
  Ack acknowledged() {
    return acknowledged;
  }

  /** Why the database cannot be sent, or null. */
  String problem() {
    return problem;
  }

  /** From the event loop: what the replica has on its disk from now on. */
  void count(Ack ack) {
    durable = ack.apart() ? -1 : ack.durable().value();
  }

  /** From the event loop: what was acknowledged counts no more. */
  void forgetAcknowledged() {
    durable = -1;
  }

  /** As {@link StreamPeer#durable}; for all threads. */
  long durable() {
    return durable;
  }

  /** Whether the replica has done what was planned, and gets record after record; for all. */
  boolean isFollowing() {
    long from = recordsFrom;
    return from >= 0 && durable >= from;
  }

  /** How far the replica is behind, as {@link LagMeter#nanos}. */
  long lagNanos() {
    return lag.nanos(System.nanoTime());
  }

  /** Whether this node knew nothing of the database when it was planned. */
  boolean awaitsTransaction() {
    return database == null && stage == Stage.WAITING;
  }

  /** Whether it is time to plan anew what could not be sent. */
  boolean isToBeRetried() {
    return stage == Stage.FAILED && System.nanoTime() - retryNanos >= 0;
  }

  // --------------------------------------------------------------- planning

  /**
   * Decides what the replica gets, and begins with it.
   *
   * @param current the database of that name, or null if there never was one
   */
  void plan(Database current) {
    close();
    problem = null;
    database = current;
    lag.plan(0, txid(), System.nanoTime());
    try {
      replica = replicaNow();
      begin(CatchUp.plan(replica, history()));
    } catch (RecordsGoneException e) {
      openSnapshot(false, "the records that the replica needs were deleted meanwhile");
    } catch (IOException | UncheckedIOException e) {
      fail(e);
    }
  }

  private PrimaryHistory history() {
    return database == null ? DatabaseHistory.NONE : new DatabaseHistory(database);
  }

  private Position replicaNow() throws IOException {
    Ack ack = acknowledged;
    if (ack == null || ack.received().equals(replica.txid()) || database == null) {
      return replica;
    }
    LogPosition then = database.offeredAt(ack.received().value());
    return then == null ? replica : Position.of(then);
  }

  private void begin(CatchUp.Plan plan) throws IOException, RecordsGoneException {
    LOG.debug("{}: {}", name, plan.reason());
    if (plan instanceof CatchUp.UpToDate) {
      open(Next.NOTHING, replica, false, plan.reason());
      follow(replica.txid().value());
    } else if (plan instanceof CatchUp.Records wanted) {
      follow(wanted.from().value() - 1);
      open(Next.RECORDS, replica, false, plan.reason());
    } else if (plan instanceof CatchUp.Snapshot wanted && database.exists()) {
      openSnapshot(!wanted.continues(), plan.reason());
    } else if (plan instanceof CatchUp.Snapshot wanted) {
      openDrop(wanted.continues(), plan.reason()); // what made it anew is not committed
    } else if (plan instanceof CatchUp.Dropped dropped) {
      openDrop(dropped.continues(), plan.reason());
    } else {
      open(Next.STEP_BACK, StepBack.candidate(replica, history()), true, plan.reason());
      stage = Stage.WAITING;
    }
  }

  private void openSnapshot(boolean apart, String why) {
    open(Next.SNAPSHOT, Position.of(database.position()), apart, why);
    stage = Stage.WAITING;
  }

  private void openDrop(boolean continues, String why) throws IOException, RecordsGoneException {
    Position gone = Position.of(database.position());
    open(Next.DROP, gone, !continues, why);
    first.add(new Drop(id, name, gone));
    follow(gone.txid().value());
  }

  private void open(Next next, Position position, boolean apart, String why) {
    if (next != Next.NOTHING && next != Next.RECORDS) {
      LOG.info("{}: {} for a replica: {}", name, next, why);
    }
    first.add(new DatabaseOpen(id, name, next, position, apart, why));
  }

  private void follow(long txid) throws IOException, RecordsGoneException {
    if (database == null) {
      stage = Stage.WAITING; // until it has a transaction
      recordsFrom = txid;
      return;
    }
    if (isSync() || lends) {
      records = new RecordFrames(id, database.appendedAfter(txid));
    } else {
      records = RecordFrames.after(database, id, txid);
      follower = tails.join(id, database);
    }
    stage = Stage.RECORDS;
    recordsFrom = txid;
  }

  private boolean isSync() {
    return primary.commitMode() == CommitMode.SYNC;
  }

  /** Up to where the replica may show what it gets, -1 if that is not known yet. */
  private long announced() {
    if (isSync()) {
      return gate.announced(database);
    }
    return lends ? database.commitTxid() : database.position().txid();
  }

  private long txid() {
    return database == null ? 0 : database.position().txid();
  }

  // ---------------------------------------------------------------- sending

  /** The next frame of this database, or null when there is nothing to send now. */
  Frame next() {
    Frame frame = first.poll();
    if (frame != null) {
      return frame;
    }
    lag.expect(txid(), System.nanoTime());
    try {
      return switch (stage) {
        case RECORDS -> nextRecord();
        case PAGES -> nextPages();
        case REPAIR -> nextRepair();
        default -> null;
      };
    } catch (RecordsGoneException e) {
      openSnapshot(false, "the records that the replica needs were deleted meanwhile");
      return first.poll();
    } catch (IOException | UncheckedIOException e) {
      fail(e);
      return null;
    }
  }

  private Frame nextRecord() throws IOException {
    if (follower != null && records.isAtEndOfRecord() && records.hasMore()) {
      long txid = records.txid() + 1;
      ready = follower.record(txid);
      if (ready != null) {
        records.skipTo(txid);
        return ready.record();
      }
    }
    long committed = announced();
    RecordChunk chunk = records.next(committed);
    if (chunk != null) {
      if (chunk.isFirst()) {
        told = Math.max(told, committed);
      }
      return chunk;
    }
    if (committed <= told || !isSync()) {
      return null; // with async a record is committed when it is sent
    }
    told = committed;
    return new CommitPosition(id, primary.epoch(), new Txid(committed));
  }

  /** Appends what {@link #next} has returned to what is sent. */
  void append(Frame frame, FrameEncoder encoder, ByteBuf out) {
    if (ready == null) {
      encoder.append(frame, out);
    } else {
      ByteBuf made = ready.frame();
      out.writeBytes(made, made.readerIndex(), made.readableBytes());
      ready = null;
    }
  }

  private Frame nextPages() throws IOException, RecordsGoneException {
    Frame frame = pages.next();
    if (frame != null) {
      return frame;
    }
    snapshot.finish();
    pages = null;
    records = new RecordFrames(id, snapshot.records());
    stage = Stage.REPAIR;
    return nextRepair();
  }

  private Frame nextRepair() throws IOException, RecordsGoneException {
    Frame frame = records.next(announced());
    if (frame != null) {
      return frame;
    }
    Position end = Position.of(snapshot.position());
    SnapshotEnd last = new SnapshotEnd(id, numberOf(snapshot), end);
    database.metrics().snapshotsSent.increment();
    SnapshotSource source = snapshot;
    snapshot = null;
    RecordFrames repaired = records;
    replica = end;
    try {
      follow(end.txid().value()); // its pin comes before the snapshot's goes
    } finally {
      close(repaired);
      close(source);
    }
    return last;
  }

  private void fail(Exception e) {
    Throwable cause = e instanceof UncheckedIOException ? e.getCause() : e;
    close();
    stage = Stage.FAILED;
    if (cause instanceof ReadingEndedException) {
      // The database was dropped or replaced meanwhile: what there is now can be sent at once.
      LOG.info("{}: {}", name, cause.getMessage());
      retryNanos = System.nanoTime();
      return;
    }
    problem = cause.getMessage() == null ? cause.toString() : cause.getMessage();
    retryNanos = System.nanoTime() + RETRY_NANOS;
    LOG.warn("{}: cannot be sent to a replica: {}", name, problem);
  }

  // -------------------------------------------------------------- receiving

  void acknowledged(Ack ack) {
    if (ack.apart()) {
      return;
    }
    acknowledged = ack;
    lag.shown(ack.applied().value(), System.nanoTime());
  }

  /**
   * The replica wants a snapshot, or the rest of one. Its number says from where on the log repairs
   * the pages, so an earlier one can go on as long as the log reaches back that far.
   */
  void resume(SnapshotResume wanted) {
    if (database == null || !database.exists()) {
      return; // the deletion, or the records that make it again, say all
    }
    close();
    try {
      snapshot = openSource(wanted);
      long after = numberOf(snapshot) == wanted.snapshot() ? wanted.lastPage() : 0;
      if (after == 0 && !replica.isNone()) {
        differing = new BitSet();
        stage = Stage.COMPARING;
        askForSums(1);
      } else {
        beginPages(after, null);
      }
    } catch (IOException e) {
      fail(e);
    }
  }

  private SnapshotSource openSource(SnapshotResume wanted) throws IOException {
    if (wanted.lastPage() > 0) {
      try {
        return database.snapshot(wanted.snapshot() - 1);
      } catch (RecordsGoneException e) {
        LOG.info("{}: a snapshot begins anew: {}", name, e.getMessage());
      }
    }
    return database.snapshot();
  }

  private static long numberOf(SnapshotSource source) {
    return source.redoTxid() + 1;
  }

  private void askForSums(long from) {
    int count = (int) Math.min(snapshot.pageCount() - from + 1, Protocol.MAX_SUMS);
    compareFrom = from;
    first.add(new PageSumsRequest(id, from, count));
  }

  /**
   * The replica's checksums of the pages that were asked for. What the primary changes after it has
   * compared a page is in the records that repair the snapshot.
   *
   * @throws ProtocolException when they are of other pages
   */
  void compare(PageSums theirs) {
    if (stage != Stage.COMPARING) {
      return;
    }
    if (theirs.firstPage() != compareFrom) {
      throw new ProtocolException(
          ProtocolException.Kind.FIELD,
          "PAGE_SUMS of "
              + name
              + " begin with page "
              + theirs.firstPage()
              + ", expected page "
              + compareFrom);
    }
    if (theirs.pageSize() != snapshot.pageSize()) {
      beginPages(0, null);
      return;
    }
    LongBuffer sums = theirs.sums().asLongBuffer();
    int count = sums.remaining();
    long[] ours = database.pageSums(compareFrom, count);
    for (int i = 0; i < count; i++) {
      if (i >= ours.length || ours[i] != sums.get(i)) {
        differing.set((int) (compareFrom - 1) + i);
      }
    }
    long next = compareFrom + count;
    if (theirs.last() || next > snapshot.pageCount()) {
      if (next <= snapshot.pageCount()) {
        differing.set((int) (next - 1), (int) snapshot.pageCount());
      }
      beginPages(0, differing);
    } else {
      askForSums(next);
    }
  }

  private void beginPages(long after, BitSet wanted) {
    pages = new PageFrames(id, snapshot, after, wanted);
    stage = Stage.PAGES;
    first.add(
        new SnapshotBegin(
            id,
            numberOf(snapshot),
            Position.of(snapshot.begunAt()),
            snapshot.pageSize(),
            snapshot.pageCount(),
            new Txid(snapshot.redoTxid()),
            wanted != null));
  }

  /** Gives up readers and what they keep in the log. */
  void close() {
    recordsFrom = -1;
    ready = null;
    if (follower != null) {
      tails.leave(database, follower);
      follower = null;
    }
    close(records);
    records = null;
    close(snapshot);
    snapshot = null;
    pages = null;
    differing = null;
    first.clear();
  }

  /** Of files that were only read nothing can be lost. */
  private void close(AutoCloseable reader) {
    try {
      if (reader != null) {
        reader.close();
      }
    } catch (Exception e) {
      LOG.debug("{}: {}", name, e.toString());
    }
  }
}
