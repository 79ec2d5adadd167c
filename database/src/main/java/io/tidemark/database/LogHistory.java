package io.tidemark.database;

import io.tidemark.database.Disk.DiskFile;
import java.io.IOException;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;

/**
 * What the past of one database can be asked: how far the log reaches back, where the database
 * stood after a transaction, the records since then, and a snapshot for who lacks them.
 *
 * <p>Invariant: shows nothing beyond {@link CommittedState#position}, whatever the log has already,
 * unless it is asked for what is appended.
 *
 * <p>Takes the lock of the database for moments, never while records or pages are read.
 */
final class LogHistory {
  private final DatabaseFiles files;
  private final ReentrantLock lock;
  private final Availability availability;
  private final TransactionLog log;
  private final CommittedState committed;
  private final MainContent content;
  private final WalMode walMode;
  private final Checkpointer checkpointer;
  private final LogPins pins;

  LogHistory(DatabaseParts parts, WalMode walMode, Checkpointer checkpointer, LogPins pins) {
    files = parts.files();
    lock = parts.lock();
    availability = parts.availability();
    log = parts.log();
    committed = parts.committed();
    content = parts.content();
    this.walMode = walMode;
    this.checkpointer = checkpointer;
    this.pins = pins;
  }

  long firstInLog() {
    lock.lock();
    try {
      return Math.min(log.firstTxid(), committed.position().txid() + 1);
    } finally {
      lock.unlock();
    }
  }

  long durableTxid() {
    DatabasePosition published = committed.position();
    return Math.min(log.durableTxid(), published.txid());
  }

  DatabasePosition positionAt(long txid) throws IOException {
    RecordReader reader;
    lock.lock();
    try {
      availability.check();
      DatabasePosition now = committed.position();
      CheckpointFile checkpoint = checkpointer.last();
      if (txid < 0 || txid > now.txid()) {
        return null;
      }
      if (txid == now.txid()) {
        return now;
      }
      if (txid == 0) {
        return DatabasePosition.NONE;
      }
      if (txid == checkpoint.txid()) {
        return new DatabasePosition(
            checkpoint.epoch(),
            txid,
            checkpoint.checksum(),
            checkpoint.pageSize(),
            checkpoint.sums().length);
      }
      if (txid < log.firstTxid()) {
        return null;
      }
      reader = reader(txid - 1, txid);
    } finally {
      lock.unlock();
    }
    try (reader) {
      reader.next();
      return reader.position();
    }
  }

  /** The last record that {@link #appendedAfter} has now. */
  private long lastOffered() {
    return Math.max(committed.position().txid(), log.point().offered());
  }

  LogPosition offered() throws IOException {
    lock.lock();
    try {
      return offeredAt(lastOffered());
    } finally {
      lock.unlock();
    }
  }

  LogPosition offeredAt(long txid) throws IOException {
    RecordReader reader;
    lock.lock();
    try {
      if (txid > lastOffered()) {
        return null;
      }
      if (txid <= committed.position().txid()) {
        DatabasePosition then = positionAt(txid);
        return then == null ? null : new LogPosition(then.epoch(), txid, then.checksum());
      }
      availability.check();
      if (txid == log.tailTxid()) {
        return new LogPosition(log.tailEpoch(), txid, log.tailChecksum());
      }
      reader = reader(txid - 1, txid, () -> txid);
    } finally {
      lock.unlock();
    }
    try (reader) {
      reader.next();
      DatabasePosition then = reader.position();
      return new LogPosition(then.epoch(), txid, then.checksum());
    }
  }

  RecordReader recordsAfter(long txid) throws IOException, RecordsGoneException {
    lock.lock();
    try {
      availability.check();
      checkNotEnded();
      long last = committed.position().txid();
      if (txid < 0 || txid > last) {
        throw new IllegalArgumentException(
            "'" + files.name() + "' has transactions up to " + last + ", not up to " + txid);
      }
      checkRecordsAfter(txid);
      return reader(txid, Long.MAX_VALUE);
    } finally {
      lock.unlock();
    }
  }

  /** As {@link #recordsAfter}, with the records that are not known to be committed. */
  RecordReader appendedAfter(long txid) throws IOException, RecordsGoneException {
    lock.lock();
    try {
      availability.check();
      checkNotEnded();
      long last = log.tailTxid();
      if (txid < 0 || txid > last) {
        throw new IllegalArgumentException(
            "'" + files.name() + "' has records up to " + last + ", not up to " + txid);
      }
      checkRecordsAfter(txid);
      return reader(txid, Long.MAX_VALUE, this::lastOffered);
    } finally {
      lock.unlock();
    }
  }

  private void checkRecordsAfter(long txid) throws RecordsGoneException {
    long first = firstInLog();
    if (txid + 1 < first) {
      throw new RecordsGoneException(files.name(), txid + 1, first);
    }
  }

  /** A reader of records that are there for certain. */
  RecordReader reader(long afterTxid, long endTxid) {
    return reader(afterTxid, endTxid, () -> committed.position().txid());
  }

  private RecordReader reader(long afterTxid, long endTxid, LongSupplier last) {
    lock.lock();
    try {
      return new RecordReader(
          files.disk(), files.name(), lock, log, last, pins.pin(afterTxid), afterTxid, endTxid);
    } finally {
      lock.unlock();
    }
  }

  // ---------------------------------------------------------------- snapshots

  SnapshotSource snapshot() throws IOException {
    lock.lock();
    try {
      checkExists();
      return begin(checkpointer.redoTxid());
    } finally {
      lock.unlock();
    }
  }

  SnapshotSource snapshot(long redoTxid) throws IOException, RecordsGoneException {
    lock.lock();
    try {
      checkExists();
      long redoNow = checkpointer.redoTxid();
      if (redoTxid < 0 || redoTxid > redoNow) {
        throw new ReadingEndedException(
            "a snapshot of '"
                + files.name()
                + "' with redo point "
                + redoTxid
                + " cannot be continued: the database file is complete only up to "
                + redoNow
                + "; begin a new one");
      }
      checkRecordsAfter(redoTxid);
      return begin(redoTxid);
    } finally {
      lock.unlock();
    }
  }

  private void checkExists() throws IOException {
    availability.check();
    checkNotEnded();
    if (!committed.exists()) {
      throw new InvalidDatabaseException("there is no database '" + files.name() + "'");
    }
  }

  private SnapshotSource begin(long redoTxid) throws IOException {
    DiskFile file = files.disk().openReadOnly(files.database());
    LogPins.Pin pin = pins.pin(redoTxid);
    boolean begun = false;
    try {
      SnapshotSource source =
          new SnapshotSource(
              this,
              content.current(),
              file,
              pin,
              redoTxid,
              walMode.setbacks(),
              committed.position());
      begun = true;
      return source;
    } finally {
      if (!begun) {
        pin.close();
        file.close();
      }
    }
  }

  /**
   * @throws ReadingEndedException when a file that was the content is not any more
   */
  void checkStillServed(MainFile file) throws ReadingEndedException {
    checkNotEnded();
    if (!file.isLive()) {
      throw new ReadingEndedException(
          "'"
              + files.name()
              + "' was "
              + (file.isReplaced() ? "replaced" : "dropped")
              + " while it was copied; begin again");
    }
  }

  /**
   * Where the database stands, if a file that was read is still its content.
   *
   * @param setbacks {@link WalMode#setbacks} before the reading
   * @throws ReadingEndedException also when pages of the file went back meanwhile
   */
  DatabasePosition positionOf(MainFile file, long setbacks) throws IOException {
    lock.lock();
    try {
      checkStillServed(file);
      availability.check();
      if (setbacks != walMode.setbacks()) {
        throw new ReadingEndedException(
            "a checkpoint of '"
                + files.name()
                + "' was repeated with older pages while it was copied; begin again");
      }
      return committed.position();
    } finally {
      lock.unlock();
    }
  }

  private void checkNotEnded() throws ReadingEndedException {
    if (log.isClosed()) {
      throw ReadingEndedException.notServed(files.name());
    }
  }

  long[] pageSums(long first, int count) {
    lock.lock();
    try {
      return committed.sums().copy(first, count);
    } finally {
      lock.unlock();
    }
  }
}
