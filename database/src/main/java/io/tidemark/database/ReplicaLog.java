package io.tidemark.database;

import io.tidemark.database.ReplicationException.Kind;
import io.tidemark.ltx.LtxDecoder;
import io.tidemark.ltx.LtxException;
import io.tidemark.ltx.LtxHeader;
import io.tidemark.ltx.LtxTrailer;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * Takes the records of the primary into the log of one database of a replica, piece by piece,
 * bodies byte for byte as they are.
 *
 * <p>Invariant: a record is part of the log, and can be found by recovery, only when all of it was
 * checked: its place in the history, and the LTX file with its own checksum. Its header is written
 * last. Memory is one buffer however large a record is.
 *
 * <p>Calls for one record may come from different threads, one after the other. Any exception gives
 * up the record.
 */
public final class ReplicaLog {
  private static final long LEAST_LTX = LtxHeader.SIZE + LtxTrailer.SIZE;
  private static final long MOST_LTX = (1L << 46) - 1;
  private static final int MOST_EXTRA = 1 << 20;

  private final Store store;
  private final String name;
  private final LendingLock lock;
  private final Availability availability;
  private final TransactionLog log;
  private final Checkpointer checkpointer;
  private final HistoryEnd historyEnd;

  private final OwnRecords own;
  private final RecordWriter record = new RecordWriter();
  private ByteBuffer buffer;
  private long left;
  private long committedTxid;

  ReplicaLog(
      Store store,
      String name,
      LendingLock lock,
      Availability availability,
      TransactionLog log,
      Checkpointer checkpointer,
      HistoryEnd historyEnd,
      OwnRecords own) {
    this.store = store;
    this.name = name;
    this.lock = lock;
    this.availability = availability;
    this.log = log;
    this.checkpointer = checkpointer;
    this.historyEnd = historyEnd;
    this.own = own;
  }

  /** The end of the log; what is shown may be behind it, and so may the disk. */
  public LogPosition received() {
    try {
      return lock.call(this::end);
    } catch (RefusedException | ReplicationException e) {
      throw new IllegalStateException(e); // it only looks
    }
  }

  private LogPosition end() {
    return log.tailTxid() == 0
        ? LogPosition.NONE
        : new LogPosition(tailEpoch(), log.tailTxid(), log.tailChecksum());
  }

  private long tailEpoch() {
    return Math.max(log.tailEpoch(), checkpointer.last().epoch());
  }

  /** The last transaction that is on the disk. */
  public long durableTxid() {
    return log.durableTxid();
  }

  /**
   * Starts the next record.
   *
   * @param primaryEpoch of the node that sends it; a greater one than any seen is made durable
   *     first
   * @param epoch in which the transaction was committed, not above that of the primary
   * @param txid the one after {@link #received}
   * @param extra what the record says of a group, at most 1 MiB, or null
   * @param ltxLength bytes of the LTX file, 1 to 2^46-1
   * @param commitTxid commit position of the primary; a record above it is not shown before {@link
   *     Database#committedUpTo} says that it is committed
   */
  public synchronized void begin(
      long primaryEpoch, long epoch, long txid, byte[] extra, long ltxLength, long commitTxid)
      throws ReplicationException {
    abort();
    if (store.role() != Role.REPLICA) {
      throw new ReplicationException(
          Kind.OLDER_EPOCH, "this node is primary, in epoch " + store.epoch());
    }
    store.followEpoch(primaryEpoch);
    if (epoch > primaryEpoch) {
      throw new ReplicationException(
          Kind.WRONG_HISTORY,
          what(txid) + " is of epoch " + epoch + ", its sender of " + primaryEpoch);
    }
    if (ltxLength < LEAST_LTX
        || ltxLength > MOST_LTX
        || (extra != null && extra.length > MOST_EXTRA)) {
      throw new ReplicationException(Kind.DAMAGED, what(txid) + " has an impossible length");
    }
    left = ltxLength;
    committedTxid = commitTxid;
    try {
      lock.call(
          () -> {
            open(epoch, txid, extra);
            return null;
          });
    } catch (RefusedException e) {
      giveBack();
      throw ReplicationException.ofDisk("cannot take " + what(txid), e);
    }
  }

  private void open(long epoch, long txid, byte[] extra)
      throws RefusedException, ReplicationException {
    availability.check();
    if (own.begin(epoch, txid, log.tailTxid())) {
      return;
    }
    checkNext(epoch, txid);
    buffer = store.receiveBuffers().take();
    log.begin(record, epoch, extra, committedTxid < txid, buffer);
    lock.setBusy(true);
  }

  private void checkNext(long epoch, long txid) throws ReplicationException {
    if (txid != log.tailTxid() + 1) {
      throw new ReplicationException(
          Kind.NOT_NEXT, what(txid) + " came where " + (log.tailTxid() + 1) + " is next");
    }
    if (epoch < tailEpoch()) {
      throw new ReplicationException(
          Kind.OLDER_EPOCH,
          what(txid) + " is of epoch " + epoch + ", the one before it of " + tailEpoch());
    }
  }

  private String what(long txid) {
    return "transaction " + txid + " of '" + name + "'";
  }

  /** Takes the next bytes of the LTX file, all of {@code bytes}. */
  public synchronized void write(ByteBuffer bytes) throws ReplicationException {
    if (!own.isComing()) {
      checkOpen();
    }
    if (bytes.remaining() > left) {
      abort();
      throw new ReplicationException(
          Kind.DAMAGED, what(record.txid()) + " is longer than announced");
    }
    left -= bytes.remaining();
    if (own.isComing()) {
      own.pass(bytes);
      return;
    }
    try {
      record.write(bytes);
    } catch (IOException e) {
      abort();
      throw ReplicationException.ofDisk("cannot write " + what(record.txid()), e);
    }
  }

  private void checkOpen() throws ReplicationException {
    if (!record.isOpen()) {
      throw new ReplicationException(Kind.NOT_NEXT, "no record of '" + name + "' was begun");
    }
  }

  /**
   * The record is complete: checks it and makes it part of the log.
   *
   * @return the end of the log now; not durable before {@link #awaitDurable}
   */
  public synchronized LogPosition finish() throws ReplicationException {
    if (own.isComing()) {
      own.finish(left, name);
      return received();
    }
    checkOpen();
    try {
      if (left > 0) {
        throw new ReplicationException(
            Kind.DAMAGED, what(record.txid()) + " ends " + left + " bytes too early");
      }
      LtxDecoder decoder = verified();
      return lock.call(
          () -> {
            try {
              checkContinues(decoder.header());
              log.finishReceived(
                  record,
                  decoder.trailer().postApplyChecksum(),
                  decoder.header().timestampMillis(),
                  committedTxid);
              return end();
            } finally {
              lock.setBusy(record.isOpen());
            }
          });
    } catch (RefusedException e) {
      throw ReplicationException.ofDisk("cannot write " + what(record.txid()), e);
    } finally {
      if (record.isOpen()) {
        abort();
      }
      giveBack();
    }
  }

  /** Reads the LTX file back, all of it. */
  private LtxDecoder verified() throws ReplicationException {
    try {
      LtxDecoder decoder = Scratch.get().decoder(record.ltxWritten());
      decoder.drain();
      return decoder;
    } catch (LtxException e) {
      throw new ReplicationException(
          Kind.DAMAGED, what(record.txid()) + " is damaged: " + e.getMessage(), e);
    } catch (IOException e) {
      throw ReplicationException.ofDisk("cannot read back " + what(record.txid()), e);
    }
  }

  private void checkContinues(LtxHeader header) throws ReplicationException {
    if (store.role() != Role.REPLICA) {
      throw new ReplicationException(Kind.OLDER_EPOCH, "this node is not a replica any more");
    }
    if (header.minTxid() != record.txid() || header.maxTxid() != record.txid()) {
      throw new ReplicationException(
          Kind.WRONG_HISTORY,
          what(record.txid()) + " holds " + header.minTxid() + " to " + header.maxTxid());
    }
    long before = header.isSnapshot() ? 0 : header.preApplyChecksum();
    if (before != log.tailChecksum()) {
      throw new ReplicationException(
          Kind.WRONG_HISTORY,
          what(record.txid()) + " builds on another state than this node has before it");
    }
  }

  /** Gives up the record that was begun, if any. */
  public synchronized void abort() {
    own.abort();
    if (record.isOpen()) {
      lock.run(
          () -> {
            log.abortReceived(record);
            lock.setBusy(false);
          });
    }
    giveBack();
  }

  private void giveBack() {
    if (buffer != null) {
      store.receiveBuffers().give(buffer);
      buffer = null;
    }
  }

  /**
   * The primary has dropped the database with this transaction, and its record cannot be had. The
   * content goes as if the record had been applied, the log is emptied, and the next record is the
   * one after it. Durable when this returns; again does nothing. What only this node has is given
   * up: {@link Database#setAside} is to be called before.
   *
   * @param epoch of that transaction
   * @param txid at least 1
   * @throws ReplicationException (DISK) when the disk refuses; (OLDER_EPOCH) on a primary
   */
  public synchronized void dropAt(long epoch, long txid) throws ReplicationException {
    if (txid < 1) {
      throw new IllegalArgumentException("no database is dropped with transaction " + txid);
    }
    if (epoch > store.epoch()) {
      store.followEpoch(epoch);
    }
    abort();
    historyEnd.end(epoch, txid);
  }

  /** As if there had never been a database of this name. */
  synchronized void forget() throws ReplicationException {
    abort();
    historyEnd.end(0, 0);
  }

  /**
   * Returns when the log is on the disk up to {@code txid}. Callers at the same time share one
   * sync.
   *
   * @throws ReplicationException (DISK) when the disk refuses, also on a second copy
   */
  public void awaitDurable(long txid) throws ReplicationException {
    try {
      log.awaitDurable(txid);
    } catch (RefusedException e) {
      throw ReplicationException.ofDisk("'" + name + "'", e);
    }
  }
}
