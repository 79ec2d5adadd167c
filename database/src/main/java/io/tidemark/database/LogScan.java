package io.tidemark.database;

import io.tidemark.database.Disk.DiskFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.List;

/**
 * Finds out at a start which segments and records of a log count, and where it ends.
 *
 * <p>Invariant: what is cut off is a torn tail that a crash explains. Damage at or below what was
 * known to be durable, or that a later record proves to have been durable, ends the scan with a
 * {@link CorruptLogException}; {@link #tailTxid} then still says how far the log could be read.
 *
 * <p>Fills the segments and the index of its log, before the log is known to others.
 */
final class LogScan {
  private final Disk disk;
  private final Path directory;
  private final String databaseName;
  private final List<LogSegment> segments;
  private final LogIndex index;
  private final SegmentFiles files;
  private long tailTxid;
  private long tailChecksum;
  private long tailEpoch;
  private long epochBeforeTail;

  /** The greatest commit position that a record or a slot says. */
  private long commitTxid;

  /** Pending records above it, in order. */
  private final ArrayDeque<Long> pending = new ArrayDeque<>();

  /**
   * @param segments gets those that count, in order of their numbers
   * @param files hears of the others
   */
  LogScan(
      Disk disk,
      Path directory,
      String databaseName,
      List<LogSegment> segments,
      LogIndex index,
      SegmentFiles files) {
    this.disk = disk;
    this.directory = directory;
    this.databaseName = databaseName;
    this.segments = segments;
    this.index = index;
    this.files = files;
  }

  long tailTxid() {
    return tailTxid;
  }

  long tailChecksum() {
    return tailChecksum;
  }

  /** Epoch of the last record, 0 if there is none. */
  long tailEpoch() {
    return tailEpoch;
  }

  /** Epoch of the record before the last one, 0 if that one was not read. */
  long epochBeforeTail() {
    return epochBeforeTail;
  }

  /**
   * The commit position: what comes after it is in doubt.
   *
   * @param checkpointTxid everything up to here was committed
   */
  long committedTxid(long checkpointTxid) {
    noteCommitted(checkpointTxid);
    return pending.isEmpty() ? tailTxid : pending.getFirst() - 1;
  }

  private void noteCommitted(long txid) {
    commitTxid = Math.max(commitTxid, txid);
    while (!pending.isEmpty() && pending.getFirst() <= commitTxid) {
      pending.removeFirst();
    }
  }

  /** First step: which segments count, and which transactions each of them can have. */
  void readSegmentHeaders() throws IOException {
    for (String name : disk.list(directory)) {
      if (!LogSegment.isName(name)) {
        continue;
      }
      long number = LogSegment.numberOf(name);
      Path path = directory.resolve(name);
      files.seen(number);
      try (DiskFile file = disk.openReadOnly(path)) {
        SegmentHeader header = headerOf(file, path, number);
        if (header == null) {
          checkIsUnused(file, path);
          files.addVoided(path);
          continue;
        }
        LogSegment segment = new LogSegment(number, path);
        segment.firstTxid = header.firstTxid();
        segment.preChecksum = header.preChecksum();
        segment.lastMillis = header.createdMillis();
        segment.size = file.size();
        segment.lastTxid = header.firstTxid() - 1;
        segment.end = SegmentHeader.BLOCK;
        segments.add(segment);
      }
    }
    dropVoidSegments();
    for (int i = 0; i + 1 < segments.size(); i++) {
      segments.get(i).lastTxid = segments.get(i + 1).firstTxid - 1;
    }
  }

  /**
   * What the first block of a segment says; if it is damaged, the same from the first record.
   *
   * @return null if there is neither
   */
  static SegmentHeader headerOf(DiskFile file, Path path, long number) throws IOException {
    ByteBuffer block = ByteBuffer.allocate(SegmentHeader.BLOCK);
    file.read(block, 0);
    SegmentHeader header = SegmentHeader.decode(block.flip(), path.toString());
    return header != null ? header : headerFromFirstRecord(file, number);
  }

  /** All that the first block says follows from the first record, if there is one. */
  private static SegmentHeader headerFromFirstRecord(DiskFile file, long number)
      throws IOException {
    RecordHeader first = new SegmentReader(file).recordAt(SegmentHeader.BLOCK);
    if (first == null) {
      return null;
    }
    LtxEnvelope envelope = LtxEnvelope.read(file, SegmentHeader.BLOCK, first);
    return new SegmentHeader(
        number,
        first.txid(),
        envelope.preChecksum(),
        first.epoch(),
        envelope.header().timestampMillis());
  }

  /** Without a header and a first record a segment was prepared and never used, unless it was. */
  private static void checkIsUnused(DiskFile file, Path path) throws IOException {
    if (new SegmentReader(file).findProofOfDurability(SegmentHeader.BLOCK, 0) >= 0) {
      throw new CorruptLogException(
          path
              + " holds transactions but its beginning is damaged; import a backup, or drop the"
              + " database");
    }
  }

  /** A segment is void when a later one starts at or before its first transaction. */
  private void dropVoidSegments() {
    long least = Long.MAX_VALUE;
    for (int i = segments.size() - 1; i >= 0; i--) {
      LogSegment segment = segments.get(i);
      if (segment.firstTxid >= least) {
        files.addVoided(segment.path);
        segments.remove(i);
      } else {
        least = segment.firstTxid;
      }
    }
  }

  /**
   * Second step: reads the records from {@code redoTxid} + 1 on.
   *
   * @param redoTxid up to here the database file is complete
   * @param knownDurable the log was known to be durable up to here
   * @return the group of the last record if it has one, else null
   */
  GroupInfo scan(long redoTxid, long knownDurable) throws IOException {
    GroupInfo group = scanSegments(redoTxid, knownDurable);
    if (tailTxid < knownDurable) {
      throw new CorruptLogException(
          "the log of '"
              + databaseName
              + "' ends at transaction "
              + tailTxid
              + " but was durable up to "
              + knownDurable
              + "; restore the missing segments in "
              + directory
              + ", import a backup, or drop the database");
    }
    return group;
  }

  private GroupInfo scanSegments(long redoTxid, long knownDurable) throws IOException {
    GroupInfo group = null;
    int first = 0;
    for (int i = 0; i < segments.size(); i++) {
      if (segments.get(i).firstTxid <= redoTxid + 1) {
        first = i;
      }
    }
    if (!segments.isEmpty() && segments.get(first).firstTxid > redoTxid + 1) {
      throw new CorruptLogException(
          "the log of '"
              + databaseName
              + "' begins at transaction "
              + segments.get(first).firstTxid
              + " but the database file is complete only up to "
              + redoTxid
              + "; restore the missing segments in "
              + directory
              + " or import a backup");
    }
    tailTxid = redoTxid;
    for (int i = first; i < segments.size(); i++) {
      LogSegment segment = segments.get(i);
      boolean last = i + 1 == segments.size();
      long voidFrom = last ? Long.MAX_VALUE : segments.get(i + 1).firstTxid;
      if (i > first && segment.firstTxid != tailTxid + 1) {
        cutSegmentsFrom(i, knownDurable);
        break;
      }
      tailTxid = segment.firstTxid - 1;
      tailChecksum = segment.preChecksum;
      try (DiskFile file = disk.openReadOnly(segment.path)) {
        group = scanSegment(segment, file, voidFrom, last, Math.max(knownDurable, redoTxid));
      }
    }
    return group;
  }

  /**
   * The end of a segment was lost but later ones are there: a crash can do that when nothing of it
   * was durable. Then the later segments go; otherwise the log is damaged.
   */
  private void cutSegmentsFrom(int first, long knownDurable) throws IOException {
    long lost = tailTxid + 1;
    boolean wasDurable = lost <= knownDurable;
    for (int i = first; i < segments.size() && !wasDurable; i++) {
      try (DiskFile file = disk.openReadOnly(segments.get(i).path)) {
        wasDurable = new SegmentReader(file).findProofOfDurability(SegmentHeader.BLOCK, lost) >= 0;
      }
    }
    if (wasDurable) {
      throw new CorruptLogException(
          "transaction "
              + lost
              + " of '"
              + databaseName
              + "' is missing or damaged in the log before "
              + segments.get(first).path
              + "; import a backup, or drop the database");
    }
    while (segments.size() > first) {
      files.addVoided(segments.remove(segments.size() - 1).path);
    }
  }

  private GroupInfo scanSegment(
      LogSegment segment, DiskFile file, long voidFrom, boolean last, long knownDurable)
      throws IOException {
    SegmentReader reader = new SegmentReader(file);
    GroupInfo group = null;
    long offset = SegmentHeader.BLOCK;
    ByteBuffer slot = ByteBuffer.allocate(CommitSlot.SIZE);
    file.read(slot, CommitSlot.OFFSET);
    noteCommitted(CommitSlot.decode(slot.flip(), segment.number));
    while (true) {
      RecordHeader record = reader.recordAt(offset);
      if (record != null && record.txid() >= voidFrom) {
        break;
      }
      boolean continues =
          record != null && record.txid() == tailTxid + 1 && record.epoch() >= tailEpoch;
      if (!continues) {
        if (last) {
          cutTail(segment, reader, offset, knownDurable);
        }
        break;
      }
      if (record.isForeign()) {
        throw new CorruptLogException(
            segment.path
                + " holds a record of a later version (flags "
                + Integer.toHexString(record.flags())
                + ") at offset "
                + offset
                + "; use the Tidemark version that wrote it");
      }
      LtxEnvelope envelope = LtxEnvelope.read(file, offset, record);
      if (envelope.header().minTxid() != record.txid()
          || envelope.header().maxTxid() != record.txid()
          || envelope.preChecksum() != tailChecksum) {
        throw new CorruptLogException(
            "the record at offset "
                + offset
                + " of "
                + segment.path
                + " does not continue the history before it (transaction "
                + record.txid()
                + ")");
      }
      group = record.isGroup() ? GroupInfo.decode(reader.extraOf(offset, record)) : null;
      noteCommitted(record.commitTxid());
      if (record.isPending() && record.txid() > commitTxid) {
        pending.addLast(record.txid());
      }
      tailTxid = record.txid();
      epochBeforeTail = tailEpoch;
      tailEpoch = record.epoch();
      tailChecksum = envelope.trailer().postApplyChecksum();
      index.add(record.txid(), segment.number, offset, offset == SegmentHeader.BLOCK);
      segment.lastTxid = record.txid();
      segment.lastMillis = envelope.header().timestampMillis();
      offset += record.recordLength();
      segment.end = offset;
    }
    segment.end = offset;
    return group;
  }

  /**
   * What follows the last valid record is a torn tail, unless something proves that it had been
   * durable.
   */
  private void cutTail(LogSegment segment, SegmentReader reader, long offset, long knownDurable)
      throws IOException {
    long lost = tailTxid + 1;
    long proof = lost <= knownDurable ? offset : reader.findProofOfDurability(offset, lost);
    if (proof >= 0) {
      throw new CorruptLogException(
          "transaction "
              + lost
              + " of '"
              + databaseName
              + "' was durable but is damaged at offset "
              + offset
              + " of "
              + segment.path
              + "; this is not the effect of a crash. Import a backup, or drop the database");
    }
  }
}
