package io.tidemark.database;

import io.tidemark.database.Disk.DiskFile;
import io.tidemark.database.RefusedException.Kind;
import io.tidemark.ltx.LtxDecoder;
import io.tidemark.ltx.LtxException;
import io.tidemark.ltx.LtxHeader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The primary's side of a halt lock on one database: keeps this node's own writers out and commits
 * what the holder sends.
 *
 * <p>Invariants:
 *
 * <ul>
 *   <li>A transaction is appended only when all of it was checked: its place in the history, the
 *       LTX file, and that its pages lead to the checksum that it names. Until then it leaves no
 *       trace.
 *   <li>Readers see it before its sender hears of it, so that whoever asks for the position of this
 *       node afterwards finds it.
 * </ul>
 */
final class HaltedWrites {
  private static final long PAUSE_NANOS = 1_000_000;

  private final Store store;
  private final Database database;
  private final ReentrantLock lock;
  private final Availability availability;
  private final TransactionLog log;
  private final CommittedState committed;
  private final MainContent content;
  private final Applier applier;
  private final WriteGate gate;
  private final CommitWait waits;
  private final RecordWriter record = new RecordWriter();
  private final StagedPages staged = new StagedPages();

  HaltedWrites(
      DatabaseParts parts, Database database, Applier applier, WriteGate gate, CommitWait waits) {
    store = parts.store();
    this.database = database;
    lock = parts.lock();
    availability = parts.availability();
    log = parts.log();
    committed = parts.committed();
    content = parts.content();
    this.applier = applier;
    this.gate = gate;
    this.waits = waits;
  }

  /**
   * Tries to become the writer.
   *
   * @return false if a program writes just now
   */
  synchronized boolean tryBegin() throws RefusedException {
    availability.check();
    store.checkMayCommit();
    if (!store.readerAccess().tryKeepWritersOut(database)) {
      return false;
    }
    lock.lock();
    try {
      store.checkMayCommit();
      gate.halted(true);
    } finally {
      lock.unlock();
    }
    database.demoted(); // what a writer that died has left
    return true;
  }

  /** Lets this node's writers go on; also gives up what an unsuccessful {@link #tryBegin} took. */
  synchronized void end() {
    lock.lock();
    try {
      gate.halted(false);
    } finally {
      lock.unlock();
    }
    store.readerAccess().writersChanged(database);
  }

  /**
   * Commits a transaction of the holder: durable, and shown to readers, when this returns.
   *
   * @param ltx one LTX file
   * @param base what it builds on
   * @param patience how long readers in rollback mode may be in the way
   * @return where the database is now
   * @throws RefusedException when it is refused; it leaves no trace
   * @throws LtxException when it is damaged; it leaves no trace
   */
  synchronized DatabasePosition commit(Path ltx, LogPosition base, Duration patience)
      throws IOException {
    ByteBuffer buffer = store.receiveBuffers().take();
    try {
      receive(ltx, base, buffer);
      LtxDecoder checked = check();
      makeWay(System.nanoTime() + patience.toNanos());
      try {
        append(checked.trailer().postApplyChecksum(), checked.header().timestampMillis());
        applier.showAll();
      } finally {
        applier.leaveWay();
      }
      return committed.position();
    } finally {
      giveUp();
      store.receiveBuffers().give(buffer);
    }
  }

  private void receive(Path ltx, LogPosition base, ByteBuffer buffer) throws IOException {
    lock.lock();
    try {
      availability.check();
      store.checkMayCommit();
      content.checkApplied();
      waits.check();
      DatabasePosition now = committed.position();
      if (!gate.isHalted()) {
        throw new RefusedException(Kind.READ_ONLY, "nobody holds the halt lock");
      }
      if (log.tailTxid() != now.txid()
          || !base.equals(new LogPosition(now.epoch(), now.txid(), now.checksum()))) {
        throw new RefusedException(
            Kind.READ_ONLY,
            "the transaction builds on "
                + base
                + ", the database is at "
                + now
                + " of epoch "
                + now.epoch());
      }
      log.begin(record, store.epoch(), null, store.commitGate().waits(), buffer);
    } finally {
      lock.unlock();
    }
    try (DiskFile file = store.disk().openReadOnly(ltx)) {
      ByteBuffer chunk = Scratch.get().compare.clear();
      for (long at = 0; file.read(chunk, at) > 0; chunk.clear()) {
        at += chunk.position();
        record.write(chunk.flip());
      }
    }
  }

  /** Reads all of the record. */
  private LtxDecoder check() throws IOException {
    LtxDecoder decoder = Scratch.get().decoder(record.ltxWritten());
    LtxHeader header = decoder.header();
    HeapRoom.checkTable(database.name(), header.commit());
    String problem = null;
    if (header.minTxid() != record.txid() || header.maxTxid() != record.txid()) {
      problem = "it holds transactions " + header.minTxid() + " to " + header.maxTxid();
    } else if (header.isSnapshot() || header.preApplyChecksum() != log.tailChecksum()) {
      problem = "it builds on another state";
    } else if (header.commit() == 0) {
      problem = "it deletes the database";
    } else {
      problem = RecordCheck.stage(decoder, committed, staged);
    }
    if (problem != null) {
      throw new RefusedException(
          Kind.READ_ONLY, "transaction " + record.txid() + " does not fit: " + problem);
    }
    return decoder;
  }

  /** Readers in rollback mode leave before the transaction is committed, as SQLite has it. */
  private void makeWay(long deadline) throws RefusedException {
    while (!applier.tryMakeWay()) {
      if (System.nanoTime() > deadline) {
        throw new RefusedException(
            Kind.BUSY, "a reader on the primary does not let " + database.name() + " be written");
      }
      LockSupport.parkNanos(PAUSE_NANOS);
    }
  }

  private void append(long postChecksum, long millis) throws RefusedException {
    lock.lock();
    try {
      waits.check();
      store.checkMayCommit();
      log.finishReceived(record, postChecksum, millis, record.isPending() ? 0 : record.txid());
      if (record.isPending()) {
        waits.awaitCommitted(log.tailEpoch(), log.tailTxid());
        return;
      }
      try {
        log.awaitDurable(log.tailTxid());
      } catch (RefusedException e) {
        log.unappend(committed.position().checksum()); // it was shown to nobody
        throw e;
      }
    } finally {
      lock.unlock();
    }
  }

  private void giveUp() {
    if (record.isOpen()) {
      lock.lock();
      try {
        log.abortReceived(record);
      } finally {
        lock.unlock();
      }
    }
  }
}
