package io.tidemark.database;

import io.tidemark.database.RefusedException.Kind;
import io.tidemark.ltx.Checksum;
import io.tidemark.ltx.LtxHeader;
import io.tidemark.ltx.LtxSink;
import io.tidemark.ltx.PageChecksums;
import java.io.IOException;
import java.nio.ByteBuffer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes the records of this node's own transactions: finds what a captured transaction really
 * changes, asks for permission, encodes it as LTX, appends it, and makes it count.
 *
 * <p>Invariants:
 *
 * <ul>
 *   <li>Whether a transaction commits is decided once, in {@link #begin}, before its record is
 *       appended; what changes no byte asks nobody and gets no TXID.
 *   <li>A record is appended first, then {@link #commit} makes sure of it, and it counts only with
 *       {@link #publish}. Until it is offered to other nodes it can be taken back, because it was
 *       shown to nobody; afterwards it is committed or in doubt.
 * </ul>
 *
 * <p>Guarded by the lock of the database.
 */
final class TransactionWriter {
  private static final Logger LOG = LoggerFactory.getLogger(TransactionWriter.class);

  private final Store store;
  private final DatabaseFiles files;
  private final Availability availability;
  private final DatabaseMetrics metrics;
  private final DatabaseEvents events;
  private final TransactionLog log;
  private final CommittedState committed;
  private final MainContent content;
  private final WriteGate gate;
  private final CommitWait waits;
  private final LendingLock lending;
  private final StagedPages staged = new StagedPages();

  /** The record that is being made for the primary to commit, or null. */
  private OutgoingRecord outgoing;

  /** Whether the record just appended was committed by the primary, so that it is never undone. */
  private boolean forwarded;

  /** Whether the record just appended counts only when other nodes have it. */
  private boolean pending;

  TransactionWriter(
      Store store,
      DatabaseFiles files,
      Availability availability,
      DatabaseMetrics metrics,
      DatabaseEvents events,
      TransactionLog log,
      CommittedState committed,
      MainContent content,
      WriteGate gate,
      CommitWait waits,
      LendingLock lending) {
    this.store = store;
    this.files = files;
    this.availability = availability;
    this.metrics = metrics;
    this.events = events;
    this.log = log;
    this.committed = committed;
    this.content = content;
    this.gate = gate;
    this.waits = waits;
    this.lending = lending;
  }

  /**
   * Appends the record of a transaction.
   *
   * @param pages pages that may have changed, ascending, none above the new size
   * @param group the commit over several databases that it is part of, or null
   * @return false if nothing changed: then there is no record and no TXID
   */
  boolean append(CapturedTransaction transaction, int[] pages, GroupInfo group)
      throws RefusedException {
    return encode(transaction, pages, group, false);
  }

  /** Whether {@link #append} would make a record; makes none. */
  boolean wouldAppend(CapturedTransaction transaction, int[] pages) throws RefusedException {
    return encode(transaction, pages, null, true);
  }

  private boolean encode(
      CapturedTransaction transaction, int[] pages, GroupInfo group, boolean onlyAsk)
      throws RefusedException {
    waits.checkIdle();
    long start = System.nanoTime();
    FaultPoint.COMMIT_BEFORE_APPEND.pass();
    PageSums sums = committed.sums();
    int newPageSize = transaction.pageSize;
    long newCount = transaction.pageCount;
    boolean renumbered = newPageSize != committed.pageSize();
    long oldCount = renumbered ? 0 : sums.count();
    long rolling = renumbered ? Checksum.FLAG : sums.rolling();
    long lockPage = PageChecksums.lockPage(newPageSize);
    long now = System.currentTimeMillis();
    if (newCount > sums.capacity()) {
      HeapRoom.checkTable(files.name(), newCount);
    }
    staged.begin(newCount, newPageSize, pages.length, now);
    Scratch scratch = Scratch.get();
    boolean open = false;
    boolean appended = false;
    try {
      for (int number : pages) {
        long pgno = Integer.toUnsignedLong(number);
        if (pgno == lockPage) {
          continue;
        }
        ByteBuffer bytes = scratch.page.clear().limit(newPageSize);
        transaction.readNew(pgno, bytes);
        bytes.flip();
        long crc = PageChecksums.crcOfPage(number, bytes, 0, newPageSize);
        long sum = PageChecksums.fromCrc(crc);
        long old = pgno <= oldCount ? sums.get(pgno) : 0;
        if (sum == old && sameBytes(transaction, pgno, bytes)) {
          continue;
        }
        if (onlyAsk) {
          return true;
        }
        if (!open) {
          begin(transaction, now, group);
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
        begin(transaction, now, group);
        open = true;
      }
      scratch.encoder.end(rolling | Checksum.FLAG);
      if (outgoing != null) {
        forward(rolling | Checksum.FLAG, now);
      } else {
        log.finish(rolling | Checksum.FLAG, now);
      }
      appended = true;
    } catch (IOException e) {
      metrics.refusedCommits.increment();
      throw files.refused("capturing a transaction of", e);
    } finally {
      if (!appended) {
        log.abort(); // also one of which begin made only half
      }
      forwarded = appended && outgoing != null;
      closeOutgoing();
    }
    metrics.commitLatency.record(System.nanoTime() - start);
    return true;
  }

  /** The primary commits the record; then the log has it, from the stream or from here. */
  private void forward(long postChecksum, long now) throws IOException {
    long before = log.tailTxid();
    outgoing.send(lending);
    if (log.tailTxid() == before) {
      outgoing.copyTo(log.begin(outgoing.epoch(), null, false));
      log.finish(postChecksum, now);
      gate.ownRecords().add(new LogPosition(log.tailEpoch(), log.tailTxid(), log.tailChecksum()));
    } else if (log.tailTxid() == before + 1 && log.tailChecksum() == postChecksum) {
      log.point().raise(before + 1);
    } else {
      throw new RefusedException(
          Kind.READ_ONLY,
          "the primary has gone on with " + files.name() + " meanwhile: the halt lock was lost");
    }
  }

  /** Only now is permission asked for: what changes nothing, such as a rollback, needs none. */
  private void begin(CapturedTransaction transaction, long now, GroupInfo group)
      throws IOException {
    checkMayCommit();
    LtxSink record = newRecord(group);
    long txid = log.tailTxid() + 1;
    Scratch.get()
        .encoder
        .reset( // what an earlier transaction left open, in whatever database, is void
            new LtxHeader(
                store.options().compress() ? LtxHeader.FLAG_LZ4 : 0,
                transaction.pageSize,
                transaction.pageCount,
                txid,
                txid,
                now,
                txid == 1 ? 0 : log.tailChecksum(),
                transaction.walOffset,
                transaction.walSize,
                transaction.walSalt1,
                transaction.walSalt2,
                store.nodeNumber()),
            record);
  }

  private LtxSink newRecord(GroupInfo group) throws IOException {
    Forwarder forwarder = gate.forwarder();
    pending = forwarder == null && store.commitGate().waits();
    if (forwarder == null) {
      return log.begin(store.epoch(), group == null ? null : group.encode(), pending);
    }
    DatabasePosition now = committed.position();
    if (group != null) {
      throw new RefusedException(
          Kind.READ_ONLY,
          "a transaction over several databases, "
              + files.name()
              + " among them, cannot be committed under a halt lock; commit one after the other");
    }
    if (log.tailTxid() != now.txid()) {
      throw new RefusedException(
          Kind.READ_ONLY,
          "the primary has written " + files.name() + " meanwhile: the halt lock was lost");
    }
    LogPosition base = new LogPosition(now.epoch(), now.txid(), now.checksum());
    outgoing = new OutgoingRecord(files.disk(), files.outgoing(), forwarder, base, store.epoch());
    return outgoing;
  }

  private void closeOutgoing() {
    OutgoingRecord ended = outgoing;
    outgoing = null;
    if (ended != null) {
      try {
        ended.close();
      } catch (IOException e) {
        LOG.debug("{}: {}", files.name(), e.toString()); // the next one takes its place
      }
    }
  }

  private void checkMayCommit() throws RefusedException {
    availability.check();
    gate.check();
    if (gate.forwarder() == null) {
      waits.check();
    }
    content.checkApplied();
  }

  /** Checksums can be equal by chance or by design, so equal ones are not taken for equal bytes. */
  private static boolean sameBytes(CapturedTransaction transaction, long pgno, ByteBuffer bytes)
      throws IOException {
    ByteBuffer old = Scratch.get().compare.clear().limit(transaction.pageSize);
    transaction.readOld(pgno, old);
    return old.flip().equals(bytes.rewind());
  }

  /** Appends the record that ends the database, and returns when it is committed and durable. */
  void appendDrop() throws IOException {
    long now = System.currentTimeMillis();
    CapturedTransaction drop = new Drop();
    drop.pageSize = committed.pageSize();
    if (gate.forwarder() != null) {
      throw new RefusedException(
          Kind.READ_ONLY, files.name() + " can be deleted on the primary only");
    }
    staged.begin(0, drop.pageSize, 0, now);
    boolean appended = false;
    try {
      begin(drop, now, null);
      Scratch.get().encoder.end(Checksum.FLAG);
      log.finish(Checksum.FLAG, now);
      appended = true;
    } finally {
      if (!appended) {
        log.abort();
      }
    }
    commit(true);
  }

  /** No page is left. */
  private static final class Drop extends CapturedTransaction {
    @Override
    void readNew(long pgno, ByteBuffer dst) {
      throw new IllegalStateException("a deletion has no pages");
    }

    @Override
    void readOld(long pgno, ByteBuffer dst) {
      throw new IllegalStateException("a deletion has no pages");
    }
  }

  /**
   * Makes sure of the record just appended. When this returns it is committed, and can be
   * published; otherwise it never was there, or it is in doubt.
   *
   * @param sync whether its program wants it to be on the disk; if other nodes are to have it, it
   *     is in any case
   */
  void commit(boolean sync) throws RefusedException {
    if (pending) {
      waits.awaitCommitted(log.tailEpoch(), log.tailTxid());
      return;
    }
    if (sync) {
      awaitOrTakeBack();
    }
    if (!forwarded && !store.commitGate().holds(log.tailEpoch())) {
      takeBack();
      throw new RefusedException(
          Kind.READ_ONLY,
          "this node stopped being primary while " + files.name() + " was being written");
    }
  }

  /** Whether {@link #commit} waits for other nodes. */
  boolean commitsWait() {
    return store.commitGate().waits() && gate.forwarder() == null;
  }

  /** Before the files of the database are changed in a way that only the record can repeat. */
  void keepCommitted() throws RefusedException {
    log.keepCommitted();
  }

  /** Returns when the record just appended is durable; if the disk refuses, it never was there. */
  private void awaitOrTakeBack() throws RefusedException {
    try {
      log.awaitDurable(log.tailTxid());
    } catch (RefusedException | RuntimeException | Error e) {
      if (forwarded && e instanceof RefusedException) {
        LOG.warn("{}: committed by the primary; here: {}", files.name(), e.getMessage());
        return;
      }
      takeBack(); // or the next record would not continue the state that counts
      throw e;
    }
  }

  /** Takes back the record just appended, which does not count yet. */
  void takeBack() {
    log.unappend(committed.position().checksum());
  }

  /** The record just appended counts from now on. */
  void publish() {
    committed.publish(staged, log.tailEpoch(), log.tailTxid(), log.tailChecksum());
    metrics.commits.increment();
    events.committed();
  }
}
