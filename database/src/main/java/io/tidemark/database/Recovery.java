package io.tidemark.database;

import io.tidemark.database.Disk.DiskFile;
import io.tidemark.ltx.Checksum;
import io.tidemark.ltx.LtxDecoder;
import io.tidemark.ltx.LtxHeader;
import java.io.IOException;
import java.nio.ByteBuffer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Brings a database to the end of what its log knows to be committed, at a start. It parses no
 * journal and no WAL: the log has every page that the database file may lack. What other nodes were
 * still to confirm stays in the log, in doubt.
 *
 * <p>Invariant: what a crash cannot explain (a lost record that was durable, a database file that
 * was cut, a checksum that does not come out) ends recovery with a {@link CorruptLogException}
 * before the database is served.
 *
 * <p>Runs before the database is known to others; {@link #redo}, {@link #settle} and {@link
 * #startAfter} under its lock.
 */
final class Recovery {
  private static final Logger LOG = LoggerFactory.getLogger(Recovery.class);

  private final DatabaseFiles files;
  private final TransactionLog log;
  private final CommittedState committed;
  private final MainContent content;
  private final Checkpointer checkpointer;
  private boolean endsInGroup;

  Recovery(
      DatabaseFiles files,
      TransactionLog log,
      CommittedState committed,
      MainContent content,
      Checkpointer checkpointer) {
    this.files = files;
    this.log = log;
    this.committed = committed;
    this.content = content;
    this.checkpointer = checkpointer;
  }

  /**
   * First step: reads checkpoint and log.
   *
   * @return the group that the last record belongs to, or null
   */
  GroupInfo openLog() throws IOException {
    new SnapshotInstall(files).complete();
    HistoryEnd.complete(files);
    boolean found = checkpointer.read();
    CheckpointFile checkpoint = checkpointer.last();
    GroupInfo group = found ? log.open(checkpoint.redoTxid(), checkpoint.txid()) : log.openWhole();
    // What a checkpoint has was complete.
    // What may be on other nodes is not for this start to decide.
    endsInGroup =
        group != null
            && log.tailTxid() > checkpoint.txid()
            && log.committedTxid() == log.tailTxid();
    return endsInGroup ? group : null;
  }

  /** The group that the last record belongs to never became complete: the record does not count. */
  void cutIncompleteGroup() throws IOException {
    LOG.warn(
        "{}: transaction {} belonged to a commit over several databases that was not completed; it"
            + " is rolled back",
        files.name(),
        log.tailTxid());
    log.cutLast();
    endsInGroup = false;
  }

  /**
   * Instead of the other steps: starts an empty history whose TXIDs go on.
   *
   * @param txid last transaction of the history before
   */
  void startAfter(long epoch, long txid) throws IOException {
    long checksum = txid == 0 ? 0 : Checksum.FLAG;
    committed.position(epoch, txid, checksum);
    log.startAppending(txid, checksum);
  }

  /** Second step: brings the database file up to the commit position. */
  void redo() throws IOException {
    DiskFile file = files.openDatabase();
    boolean started = false;
    try {
      redo(file);
      content.start(file);
      started = true;
    } finally {
      if (!started) {
        file.close();
      }
    }
  }

  /**
   * Third step, when all databases have on the disk what their logs have: what this start has
   * decided is written down where no later start has to decide it again. A checkpoint before that
   * could keep this part of a group, and the power take the part of another database.
   */
  void settle() throws IOException {
    if (checkpointer.last() == CheckpointFile.NONE && committed.position().txid() > 0) {
      checkpointer.checkpoint();
    } else if (endsInGroup) {
      try {
        checkpointer.checkpoint();
      } catch (IOException e) {
        LOG.warn("{}: cannot write a checkpoint: {}", files.name(), e.toString());
      }
    }
  }

  private void redo(DiskFile file) throws IOException {
    CheckpointFile checkpoint = checkpointer.last();
    boolean sumsKnown = checkpoint != CheckpointFile.NONE;
    committed.load(checkpoint);
    log.syncFound();
    long redone = redoRecords(file, checkpoint, sumsKnown);
    long tail = log.committedTxid();
    long checksum = checksumAt(tail, checkpoint);
    if (!sumsKnown && redone == 0 && tail > 0) {
      takeSizeFrom(file);
    }
    if (!sumsKnown && tail > 0) {
      computeSums(file);
      checkRolling(tail, checksum);
    }
    long committedSize = committed.size();
    if (file.size() != committedSize) {
      file.truncate(committedSize);
    }
    readMode(file);
    committed.position(epochAt(tail, checkpoint), tail, checksum);
    if (log.tailTxid() == tail) {
      log.startAppending(tail, checksum);
    } else {
      log.startAppending(log.tailTxid(), log.tailChecksum());
      LOG.warn(
          "{}: transactions {} to {} are in doubt: the last primary may have committed them. They"
              + " are shown nowhere until that is settled",
          files.name(),
          tail + 1,
          log.tailTxid());
    }
    if (redone > 0) {
      LOG.info(
          "{}: applied {} transactions of the log, now at {}",
          files.name(),
          redone,
          committed.position());
    }
  }

  private long checksumAt(long txid, CheckpointFile checkpoint) throws IOException {
    if (txid == checkpoint.txid()) {
      return checkpoint.checksum();
    }
    if (txid == log.tailTxid()) {
      return log.tailChecksum();
    }
    return txid == 0 ? 0 : log.positionAt(txid).checksum();
  }

  private long epochAt(long txid, CheckpointFile checkpoint) throws IOException {
    if (txid == log.tailTxid()) {
      return log.tailEpoch() == 0 ? checkpoint.epoch() : log.tailEpoch();
    }
    return txid == checkpoint.txid() ? checkpoint.epoch() : log.positionAt(txid).epoch();
  }

  /** Without a checkpoint and without records only the file itself says how large it is. */
  private void takeSizeFrom(DiskFile file) throws IOException {
    ByteBuffer first = ByteBuffer.allocate(SqliteHeader.SIZE);
    file.read(first, 0);
    SqliteHeader header = new SqliteHeader(first.flip());
    if (header.hasMagic() && header.pageSize() > 0) {
      committed.pageSize(header.pageSize());
      committed.sums().resize(file.size() / header.pageSize());
    }
  }

  private long redoRecords(DiskFile file, CheckpointFile checkpoint, boolean sumsKnown)
      throws IOException {
    long redone = 0;
    long sizeBefore = file.size();
    long expected =
        Math.min(checkpoint.fileSize(), (long) checkpoint.sums().length * checkpoint.pageSize());
    try (LogCursor cursor = log.cursor(log.redoStart(), log.committedTxid())) {
      while (cursor.next()) {
        LtxDecoder decoder = cursor.decoder();
        LtxHeader header = decoder.header();
        // The saved checksums are newer than the redo point: they have this record already.
        boolean inSums = sumsKnown && header.maxTxid() <= checkpoint.txid();
        redoRecord(file, decoder, inSums ? null : committed.sums());
        if (!inSums) {
          committed.pageSize(header.pageSize());
          committed.commitMillis(header.timestampMillis());
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
              + files.database()
              + " has "
              + sizeBefore
              + " bytes instead of at least "
              + expected
              + ": it was deleted or cut short from outside. Put it back, or import a backup");
    }
    return redone;
  }

  private void checkRolling(long txid, long expected) throws CorruptLogException {
    long rolling = committed.sums().rolling();
    if (rolling != expected) {
      throw new CorruptLogException(
          "after transaction "
              + txid
              + " of '"
              + files.name()
              + "' the checksum is "
              + new Checksum(rolling)
              + ", the log says "
              + new Checksum(expected)
              + "; the database file or the log was changed from outside. Import a backup, or drop"
              + " the database");
    }
  }

  /** Applies one record to a file; {@code into} gets the page checksums unless it is null. */
  private void redoRecord(DiskFile file, LtxDecoder decoder, PageSums into) throws IOException {
    LtxHeader header = decoder.header();
    if (into != null) {
      if (header.pageSize() != committed.pageSize()) {
        into.resize(0);
      }
      into.resize(header.commit());
    }
    PageScan.redo(file, decoder, Scratch.get().page, into == null ? (pgno, sum) -> {} : into::set);
  }

  private void computeSums(DiskFile file) throws IOException {
    PageSums sums = committed.sums();
    long count = sums.count();
    sums.resize(0);
    sums.resize(count);
    PageScan.forEachPage(file, committed.pageSize(), count, sums::set);
  }

  private void readMode(DiskFile file) throws IOException {
    ByteBuffer header = ByteBuffer.allocate(SqliteHeader.SIZE);
    if (committed.pageCount() > 0 && file.read(header, 0) == SqliteHeader.SIZE) {
      committed.wal(new SqliteHeader(header.flip()).isWal());
    }
  }
}
