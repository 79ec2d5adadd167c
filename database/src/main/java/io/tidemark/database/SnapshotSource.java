package io.tidemark.database;

import io.tidemark.database.Disk.DiskFile;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * A recovery that travels: the pages of the database file, read while the database goes on
 * changing, and then the log records since {@link #redoTxid}. Some pages are older and some newer
 * than others; whatever changed meanwhile is in one of the records. Whoever writes the pages and
 * then applies the records stands at {@link #position}; its rolling checksum proves it.
 *
 * <p>The order of calls: {@link #readPages} for pages 1 to {@link #pageCount}, {@link #finish},
 * {@link #records}, {@link #close}. Blocks no writer and takes the lock of the database only for
 * moments; reads the file and no layer over it, so no uncommitted page is seen.
 *
 * <p>Invariants:
 *
 * <ul>
 *   <li>When the reading began, the file had everything up to the redo TXID; the log keeps
 *       everything after it until {@link #close}.
 *   <li>The position is fixed when no page is read any more, under the lock under which a
 *       transaction is published and its pages get into the file: it has all that was read.
 *   <li>It is only fixed while the file that was read is still the content of the database.
 * </ul>
 *
 * <p>For one thread at a time, which must not be interrupted.
 */
public final class SnapshotSource implements AutoCloseable {
  private final LogHistory history;
  private final MainFile main;
  private final DiskFile file;
  private final LogPins.Pin pin;
  private final long redoTxid;
  private final long setbacks;
  private final DatabasePosition begunAt;
  private final long pageCount;
  private DatabasePosition position;
  private boolean closed;

  /**
   * Under the lock of the database.
   *
   * @param main the content that is to be read
   * @param file the same, opened for this; it and the pin are closed with this
   * @param setbacks {@link WalMode#setbacks}
   * @param begunAt where the database stands
   */
  SnapshotSource(
      LogHistory history,
      MainFile main,
      DiskFile file,
      LogPins.Pin pin,
      long redoTxid,
      long setbacks,
      DatabasePosition begunAt)
      throws IOException {
    this.history = history;
    this.main = main;
    this.file = file;
    this.pin = pin;
    this.redoTxid = redoTxid;
    this.setbacks = setbacks;
    this.begunAt = begunAt;
    long pages = (file.size() + begunAt.pageSize() - 1) / begunAt.pageSize();
    this.pageCount = Math.max(1, pages);
  }

  /** Where the database stood when the reading began; {@link #position} is this or later. */
  public DatabasePosition begunAt() {
    return begunAt;
  }

  /** Bytes of a page, 512 to 65536, when the reading began. Later records may have another one. */
  public int pageSize() {
    return begunAt.pageSize();
  }

  /** Pages of the file when the reading began, at least 1; not the size at {@link #position}. */
  public long pageCount() {
    return pageCount;
  }

  /** The records after this transaction have to be applied to the pages. */
  public long redoTxid() {
    return redoTxid;
  }

  /**
   * Reads whole pages as the file has them now; beyond its end there are zeros. The lock page is
   * read like any other: leave it out.
   *
   * @param firstPgno the first page, from 1
   * @param count how many, at least 1
   * @param dst gets {@code count} times {@link #pageSize} bytes
   * @throws ReadingEndedException when the database was dropped, replaced or taken out of service:
   *     nothing of this snapshot can be used then
   * @throws IllegalStateException after {@link #finish}
   */
  public void readPages(long firstPgno, int count, ByteBuffer dst) throws IOException {
    long bytes = (long) count * pageSize();
    if (firstPgno < 1 || count < 1 || bytes > dst.remaining()) {
      throw new IllegalArgumentException(
          count + " pages from page " + firstPgno + " on into " + dst.remaining() + " bytes");
    }
    checkStillServed();
    if (closed || position != null) {
      throw new IllegalStateException("no page is read after the end of a snapshot");
    }
    int start = dst.position();
    int limit = dst.limit();
    boolean good = false;
    try {
      dst.limit(start + (int) bytes);
      WorkingImage.readZeroFilled(file, dst, (firstPgno - 1) * pageSize());
      checkStillServed(); // again: these pages are of the database, or not given out
      good = true;
    } finally {
      dst.limit(limit).position(good ? start + (int) bytes : start);
    }
  }

  /**
   * All pages are read: fixes the position that the snapshot leads to. Again does nothing.
   *
   * @throws ReadingEndedException as {@link #readPages}, and when a checkpoint that followed one
   *     that died put older pages into the file: some were then read that the records do not repair
   * @throws RefusedException when the database has failed
   */
  public DatabasePosition finish() throws IOException {
    if (position == null) {
      checkStillServed();
      position = history.positionOf(main, setbacks);
    }
    return position;
  }

  private void checkStillServed() throws IOException {
    try {
      history.checkStillServed(main);
    } catch (ReadingEndedException e) {
      close();
      throw e;
    }
  }

  /**
   * The position that the snapshot leads to.
   *
   * @throws IllegalStateException before {@link #finish}
   */
  public DatabasePosition position() {
    if (position == null) {
      throw new IllegalStateException("the position is fixed when all pages are read");
    }
    return position;
  }

  /**
   * The records to be applied to the pages, from the one after {@link #redoTxid} to that of {@link
   * #position}; finishes if that was not done. They stay in the log until both this and the reader
   * are closed.
   */
  public RecordReader records() throws IOException {
    if (closed) {
      throw new IllegalStateException("the snapshot is closed");
    }
    return history.reader(redoTxid, finish().txid());
  }

  /** Gives up the file and the claim on the log; again does nothing. */
  @Override
  public void close() throws IOException {
    if (!closed) {
      closed = true;
      pin.close();
      file.close();
    }
  }
}
