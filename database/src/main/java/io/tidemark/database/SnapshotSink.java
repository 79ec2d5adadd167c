package io.tidemark.database;

import io.tidemark.database.Disk.DiskFile;
import io.tidemark.database.ReplicationException.Kind;
import io.tidemark.ltx.Checksum;
import io.tidemark.ltx.LtxDecoder;
import io.tidemark.ltx.LtxException;
import io.tidemark.ltx.LtxHeader;
import io.tidemark.ltx.PageChecksums;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Receives a copy of a database from the primary: the pages as they were read while the database
 * went on changing, then the records since its redo point. What this node has is served until the
 * copy is complete and its rolling checksum is right; then it is replaced as a whole.
 *
 * <p>Lives as long as the process, so that it outlives a connection: {@link #lastPage} and {@link
 * #nextTxid} say where to go on. For use by one thread at a time. After a failure of kind DISK or
 * DAMAGED the same pages or record may be sent again.
 */
public final class SnapshotSink implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(SnapshotSink.class);

  private final Store store;
  private final Database database;
  private final Disk disk;
  private final Path path;
  private final Path spoolPath;
  private final boolean differences;
  private final int firstPageSize;
  private final long redoTxid;
  private long pagesToCome;
  private final DiskFile staged;
  private final RecordWriter record = new RecordWriter();

  /** Of the pages that are here; null if they have to be read for it. */
  private PageSums sums;

  private DiskFile spool;
  private ByteBuffer buffer;
  private long left;
  private int pageSize;
  private long pageCount;
  private long lastPage;
  private long nextTxid;
  private long commitMillis;
  private boolean closed;

  /**
   * @param pageSize bytes of the pages to come
   * @param pageCount pages of the database file when the reading began, at least 1
   * @param redoTxid the file had everything up to here when the reading began
   * @param differences only pages that differ from those of this node will come
   */
  SnapshotSink(
      Store store,
      Database database,
      int pageSize,
      long pageCount,
      long redoTxid,
      boolean differences)
      throws ReplicationException {
    this.store = store;
    this.database = database;
    this.pageSize = pageSize;
    this.firstPageSize = pageSize;
    this.pageCount = pageCount;
    this.redoTxid = redoTxid;
    this.differences = differences;
    this.sums = differences ? null : new PageSums();
    this.pagesToCome = pageCount;
    this.nextTxid = redoTxid + 1;
    this.disk = store.disk();
    long number = store.nextNumber();
    this.path = store.importDirectory().resolve("snapshot-" + number + ".tmp");
    this.spoolPath = store.importDirectory().resolve("record-" + number + ".tmp");
    if (!LtxHeader.isValidPageSize(pageSize)
        || pageCount < 1
        || pageCount > Integer.MAX_VALUE - 8
        || redoTxid < 0) {
      throw new ReplicationException(Kind.DAMAGED, "an impossible copy of " + database.name());
    }
    DiskFile file = null;
    try {
      file = disk.open(path);
      file.truncate(0);
      if (differences) {
        database.copyTo(file);
      }
      staged = file;
      file = null;
    } catch (IOException e) {
      throw ReplicationException.ofDisk("cannot receive a copy of " + database.name(), e);
    } finally {
      discard(file, path);
    }
  }

  /** All pages from 1 to this one are here; the lock page counts as here. */
  public long lastPage() {
    return lastPage;
  }

  /** The record to come next, once all pages are here. */
  public long nextTxid() {
    return nextTxid;
  }

  /** Whether all pages are to come, not just those that differ. */
  public boolean isWhole() {
    return !differences;
  }

  /**
   * Whether the rest can come over another connection, from {@link #lastPage} on.
   *
   * @param pageSize of the pages to come
   */
  public boolean goesOn(int pageSize) {
    return isWhole() && !closed && pageSize == firstPageSize;
  }

  /**
   * Goes on after the connection was cut, with the same redo TXID: the rest of the pages comes, and
   * then all records since. Redoing again those that were redone already is right, because they are
   * whole pages and each comes with all that follow.
   *
   * @param pageCount pages that the file has by now
   */
  public void goOn(long pageCount) throws ReplicationException {
    if (pageCount < 1 || pageCount > Integer.MAX_VALUE - 8) {
      throw new ReplicationException(Kind.DAMAGED, "an impossible copy of " + database.name());
    }
    abortRecord();
    this.pageSize = firstPageSize;
    this.pageCount = pageCount;
    this.pagesToCome = pageCount;
    this.nextTxid = redoTxid + 1;
  }

  private boolean hasAllPages() {
    return differences || lastPage >= pagesToCome;
  }

  /**
   * Takes a run of pages, none of them the lock page.
   *
   * @param first number of the first: the one after {@link #lastPage}, or of differences any above
   */
  public void pages(long first, ByteBuffer bytes) throws ReplicationException {
    long count = bytes.remaining() / pageSize;
    long lock = PageChecksums.lockPage(pageSize);
    if (differences ? first <= lastPage : first != lastPage + 1) {
      throw new ReplicationException(
          Kind.NOT_NEXT, "page " + first + " came where " + (lastPage + 1) + " is next");
    }
    if (count == 0
        || bytes.remaining() % pageSize != 0
        || first + count - 1 > pagesToCome
        || (first <= lock && lock < first + count)) {
      throw new ReplicationException(Kind.DAMAGED, "an impossible run of pages from " + first);
    }
    try {
      keep(first, bytes);
    } catch (IOException e) {
      throw ReplicationException.ofDisk("cannot keep pages of " + database.name(), e);
    }
    lastPage = first + count - 1;
    if (lastPage + 1 == lock && lock <= pagesToCome) {
      lastPage = lock;
    }
  }

  /** Into the copy, and their checksums into the table: the copy need not be read for them. */
  private void keep(long first, ByteBuffer bytes) throws IOException {
    ByteBuffer from = bytes.duplicate();
    long pgno = first;
    while (from.hasRemaining()) {
      ByteBuffer room = Scratch.get().pages();
      int length = Math.min(from.remaining(), room.capacity());
      room.put(from.slice(from.position(), length)).flip();
      from.position(from.position() + length);
      staged.writeMuch(room, (pgno - 1) * pageSize);
      for (int at = 0; at < length; at += pageSize) {
        note(pgno, PageChecksums.ofPage((int) pgno, room, at, pageSize));
        pgno++;
      }
    }
  }

  private void note(long pgno, long sum) throws RefusedException {
    if (sums == null) {
      return;
    }
    if (pgno > sums.count()) {
      if (pgno > sums.capacity()) {
        HeapRoom.checkTable(database.name(), pgno);
      }
      sums.resize(pgno);
    }
    sums.set(pgno, sum);
  }

  /**
   * Starts the next record; what it says of a group means nothing here.
   *
   * @param txid {@link #nextTxid}
   * @param ltxLength bytes of the LTX file
   */
  public void beginRecord(long txid, long ltxLength) throws ReplicationException {
    abortRecord();
    if (!hasAllPages() || txid != nextTxid) {
      throw new ReplicationException(
          Kind.NOT_NEXT, "transaction " + txid + " came before it was its turn");
    }
    try {
      if (spool == null) {
        spool = disk.open(spoolPath);
      }
      buffer = store.receiveBuffers().take();
      record.begin(spool, 0, txid, store.epoch(), null, false, buffer);
      left = ltxLength;
    } catch (IOException e) {
      abortRecord();
      throw ReplicationException.ofDisk("cannot receive transaction " + txid, e);
    }
  }

  /** Takes the next bytes of the LTX file. */
  public void write(ByteBuffer bytes) throws ReplicationException {
    if (!record.isOpen() || bytes.remaining() > left) {
      abortRecord();
      throw new ReplicationException(Kind.DAMAGED, "more bytes than the record has");
    }
    left -= bytes.remaining();
    try {
      record.write(bytes);
    } catch (IOException e) {
      abortRecord();
      throw ReplicationException.ofDisk("cannot receive transaction " + nextTxid, e);
    }
  }

  /** The record is complete: checks it, and redoes it on the copy. */
  public void finishRecord() throws ReplicationException {
    try {
      if (!record.isOpen() || left > 0) {
        throw new ReplicationException(Kind.DAMAGED, "transaction " + nextTxid + " is not whole");
      }
      LtxHeader header = checked();
      LtxDecoder decoder = Scratch.get().decoder(record.ltxWritten());
      if (header.pageSize() != pageSize) {
        sums = null; // they are of other pages
      }
      PageScan.redo(staged, decoder, Scratch.get().page, this::note);
      if (sums != null && sums.count() > header.commit()) {
        sums.resize(header.commit());
      }
      pageSize = header.pageSize();
      pageCount = header.commit();
      commitMillis = header.timestampMillis();
      nextTxid++;
    } catch (ReplicationException e) {
      throw e;
    } catch (LtxException e) {
      throw new ReplicationException(
          Kind.DAMAGED, "transaction " + nextTxid + " is damaged: " + e.getMessage(), e);
    } catch (IOException e) {
      throw ReplicationException.ofDisk("cannot redo transaction " + nextTxid, e);
    } finally {
      abortRecord();
    }
  }

  private LtxHeader checked() throws IOException {
    LtxDecoder decoder = Scratch.get().decoder(record.ltxWritten());
    LtxHeader header = decoder.header();
    if (header.minTxid() != nextTxid || header.maxTxid() != nextTxid) {
      throw new ReplicationException(
          Kind.WRONG_HISTORY, "transaction " + nextTxid + " holds " + header.minTxid());
    }
    decoder.drain();
    return header;
  }

  private void abortRecord() {
    record.abort();
    if (buffer != null) {
      store.receiveBuffers().give(buffer);
      buffer = null;
    }
  }

  /**
   * The copy is complete: checks it, and puts it in the place of what this node had. A crash leaves
   * the one or the other.
   *
   * @param target the position that it leads to
   * @return serves the name from now on; the object before does not
   */
  public Database finish(LogPosition target) throws ReplicationException {
    if (!hasAllPages() || nextTxid != target.txid() + 1 || target.txid() == 0) {
      throw new ReplicationException(
          Kind.NOT_NEXT, "the copy of '" + database.name() + "' is not complete");
    }
    try {
      CheckpointFile checkpoint = verified(target);
      staged.sync();
      return store.installSnapshot(database, path, checkpoint);
    } catch (ReplicationException e) {
      throw e;
    } catch (IOException e) {
      throw ReplicationException.ofDisk(
          "cannot put the copy of " + database.name() + " in place", e);
    } finally {
      close();
    }
  }

  private CheckpointFile verified(LogPosition target) throws IOException {
    HeapRoom.checkTable(database.name(), pageCount);
    staged.truncate(pageCount * pageSize);
    if (sums == null) {
      sums = new PageSums();
      sums.resize(pageCount);
      PageScan.forEachPage(staged, pageSize, pageCount, sums::set);
    } else {
      sums.resize(pageCount);
    }
    if (sums.rolling() != target.checksum()) {
      throw new ReplicationException(
          Kind.DAMAGED,
          "the copy of '"
              + database.name()
              + "' has checksum "
              + new Checksum(sums.rolling())
              + " instead of "
              + new Checksum(target.checksum())
              + "; it is not used");
    }
    ByteBuffer first = ByteBuffer.allocate(SqliteHeader.SIZE);
    WorkingImage.readZeroFilled(staged, first, 0);
    return new CheckpointFile(
        target.txid(),
        target.txid(),
        target.checksum(),
        target.epoch(),
        pageSize,
        pageCount > 0 && new SqliteHeader(first.flip()).isWal(),
        commitMillis,
        pageCount * pageSize,
        sums.copy());
  }

  /** Gives up what was received. */
  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    abortRecord();
    discard(staged, path);
    discard(spool, spoolPath);
  }

  private void discard(DiskFile file, Path of) {
    try {
      if (file != null) {
        file.close();
        disk.delete(of);
      }
    } catch (IOException e) {
      LOG.warn("closing {}: {}", of, e.toString());
    }
  }
}
