package io.tidemark.database;

import io.tidemark.database.RefusedException.Kind;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.function.BooleanSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Watches the bytes of a WAL file and finds the write that commits (SQLite documentation, "WAL-mode
 * File Format" and "Database File Format" section 4).
 *
 * <p>A commit field alone proves nothing: SQLite writes the commit frame of a spilled transaction
 * first and corrects the checksums of earlier frames afterwards. A transaction is committed by the
 * write that makes the chain of salts and running checksums valid up to a frame with a commit
 * field.
 *
 * <p>Invariants: frames below the committed end never change while the header stays; a refused
 * transaction leaves no valid commit frame in the file, and one that other nodes still have to
 * confirm has none yet; the header is replaced only when the database file has every committed
 * frame.
 *
 * <p>Guarded by the lock of the database.
 */
final class WalCapture {
  private static final Logger LOG = LoggerFactory.getLogger(WalCapture.class);

  static final int HEADER = 32;
  static final int FRAME_HEADER = 24;
  private static final int MAGIC_LITTLE = 0x377f0682;
  private static final int MAGIC_BIG = 0x377f0683;

  /** The bytes of a transaction of the WAL as its capture wants them. */
  interface Committer {
    /**
     * Appends a transaction to the log.
     *
     * @param firstFrame its first frame
     * @param lastFrame its commit frame
     * @return TXID of the record, or the last one if the transaction changed nothing
     */
    long commitFrames(int firstFrame, int lastFrame, long newPageCount) throws RefusedException;

    /** A transaction is committed, but its frames cannot be completed in the file. */
    default void framesLost(IOException cause) {}
  }

  private final String name;
  private final Committer committer;
  private final BooleanSupplier commitsWait;
  private final WalFrames frames;
  private final WalChecksum checksum = new WalChecksum();
  private final ByteBuffer header = ByteBuffer.allocateDirect(HEADER);

  private SideFile file;
  private boolean headerValid;

  /**
   * End of what was written since an earlier header became void. What stands behind it in the file
   * are frames of the passes before.
   */
  private long written;

  /** Where the file has a wrong byte, so that the frame there is not valid; -1 if nowhere. */
  private long hiddenAt = -1;

  private byte hidden;

  private int pageSize;
  private int salt1;
  private int salt2;
  private int seed1;
  private int seed2;
  private ByteOrder order = ByteOrder.BIG_ENDIAN;

  /**
   * @param commitsWait whether a commit takes longer than writing its record, so that its frames
   *     must not be found meanwhile
   */
  /**
   * @param guarded whether the calling thread has the lock that guards this
   */
  WalCapture(
      String name, Committer committer, BooleanSupplier commitsWait, BooleanSupplier guarded) {
    frames = new WalFrames(guarded);
    this.name = name;
    this.committer = committer;
    this.commitsWait = commitsWait;
  }

  /** Starts with a new, empty WAL file, or none. */
  void attach(SideFile walFile) {
    file = walFile;
    written = 0;
    reset();
  }

  private void reset() {
    headerValid = false;
    frames.clear();
  }

  /** Whether there are committed frames, so that only checkpoints may write the database file. */
  boolean isActive() {
    return frames.committed() > 0;
  }

  WalFrames frames() {
    return frames;
  }

  int pageSize() {
    return pageSize;
  }

  int salt1() {
    return salt1;
  }

  int salt2() {
    return salt2;
  }

  /** Byte offset of a frame in the file. */
  long offsetOf(int number) {
    return HEADER + (long) number * (FRAME_HEADER + pageSize);
  }

  /** Reads the page of a frame. */
  void readPage(int number, ByteBuffer dst) throws IOException {
    long from = offsetOf(number) + FRAME_HEADER;
    int start = dst.position();
    file.read(dst, from);
    if (dst.hasRemaining()) {
      throw new IOException("the WAL of " + name + " is shorter than its frames");
    }
    if (hiddenAt >= from && hiddenAt < from + dst.position() - start) {
      dst.put(start + (int) (hiddenAt - from), hidden);
    }
  }

  /** What became of a write. */
  enum Outcome {
    /** The bytes are in the file. */
    WRITTEN,
    /** They would overwrite committed frames; nothing was written. */
    OVERWRITES_COMMITTED
  }

  /**
   * Takes a write to the WAL file.
   *
   * @param captured whether commits are to be captured now; otherwise the bytes are only kept
   *     (there is no database beside this WAL yet) and {@link #rescan} looks at them later
   * @param pageCount committed size of the database
   */
  Outcome write(ByteBuffer src, long offset, boolean captured, long pageCount) throws IOException {
    if (!captured) {
      written = Math.max(written, offset + src.remaining());
      file.write(src, offset);
      return Outcome.WRITTEN;
    }
    if (offset < HEADER && !takeHeader(src, offset, pageCount)) {
      return Outcome.OVERWRITES_COMMITTED;
    }
    written = Math.max(written, offset + src.remaining());
    if (!headerValid) {
      file.write(src, offset);
      return Outcome.WRITTEN;
    }
    long committedEnd = offsetOf(frames.committed());
    long end = offset + src.remaining();
    if (offset < committedEnd && frames.committed() > 0 && !sameAsFile(src, offset, committedEnd)) {
      return Outcome.OVERWRITES_COMMITTED;
    }
    if (end <= committedEnd) {
      if (frames.committed() == 0) {
        file.write(src, offset);
      }
      return Outcome.WRITTEN;
    }
    rewindTo(Math.max(offset, committedEnd));
    try {
      advance(src, offset);
      if (src.hasRemaining()) {
        file.write(src, end - src.remaining());
      }
    } catch (IOException e) {
      rewindTo(Math.max(offset, offsetOf(frames.committed())));
      throw e;
    }
    return Outcome.WRITTEN;
  }

  /** Looks at a WAL file that was filled before its database was there. */
  void rescan(long pageCount) throws IOException {
    if (file == null || file.size() < HEADER) {
      return;
    }
    ByteBuffer none = ByteBuffer.allocate(0);
    if (takeHeader(none, 0, pageCount) && headerValid) {
      advance(none, file.size());
    }
  }

  /**
   * Looks at the header as it will be after the write.
   *
   * @return false if it would drop committed frames that the database file does not have
   */
  private boolean takeHeader(ByteBuffer src, long offset, long pageCount) throws IOException {
    header.clear();
    overlaid(header, 0, src, offset);
    header.clear();
    boolean same = headerValid && header.getInt(16) == salt1 && header.getInt(20) == salt2;
    int magic = header.getInt(0);
    ByteOrder newOrder = magic == MAGIC_BIG ? ByteOrder.BIG_ENDIAN : ByteOrder.LITTLE_ENDIAN;
    int size = header.getInt(8);
    boolean valid =
        (magic == MAGIC_LITTLE || magic == MAGIC_BIG)
            && size >= 512
            && size <= 65536
            && Integer.bitCount(size) == 1;
    if (valid) {
      checksum.set(0, 0);
      checksum.add(header, 0, 24, newOrder);
      valid = checksum.first() == header.getInt(24) && checksum.second() == header.getInt(28);
    }
    if (same && valid) {
      return true;
    }
    if (frames.committed() > 0 && !frames.allBackfilled(pageCount)) {
      return false;
    }
    if (headerValid) {
      written = 0;
    }
    reset();
    if (valid) {
      headerValid = true;
      order = newOrder;
      pageSize = size;
      salt1 = header.getInt(16);
      salt2 = header.getInt(20);
      seed1 = checksum.first();
      seed2 = checksum.second();
    }
    return true;
  }

  /** Fills {@code dst} with the file from {@code from} on, the pending write laid over it. */
  private void overlaid(ByteBuffer dst, long from, ByteBuffer src, long offset) throws IOException {
    int start = dst.position();
    int end = dst.limit();
    int n = file.read(dst, from);
    for (int i = start + n; i < end; i++) {
      dst.put(i, (byte) 0);
    }
    long first = Math.max(from, offset);
    long last = Math.min(from + (end - start), offset + src.remaining());
    if (first < last) {
      dst.put(
          start + (int) (first - from),
          src,
          src.position() + (int) (first - offset),
          (int) (last - first));
    }
  }

  private boolean sameAsFile(ByteBuffer src, long offset, long committedEnd) throws IOException {
    ByteBuffer compare = Scratch.get().compare;
    long position = offset;
    long end = Math.min(offset + src.remaining(), committedEnd);
    while (position < end) {
      int n = (int) Math.min(compare.capacity(), end - position);
      compare.clear().limit(n);
      if (file.read(compare, position) < n) {
        return false;
      }
      ByteBuffer part = src.slice(src.position() + (int) (position - offset), n);
      if (!compare.flip().equals(part)) {
        return false;
      }
      position += n;
    }
    return true;
  }

  private void rewindTo(long offset) {
    long number = (offset - HEADER) / (FRAME_HEADER + pageSize);
    frames.rewind((int) Math.max(frames.committed(), Math.min(number, frames.valid())));
  }

  /**
   * Follows the chain from the last valid frame. The write is stored up to each commit before that
   * is appended to the log, so that the capture reads pages from the file.
   */
  private void advance(ByteBuffer src, long offset) throws IOException {
    long start = offset;
    ByteBuffer frame = Scratch.get().frame;
    while (true) {
      int number = frames.valid();
      long from = offsetOf(number);
      long to = from + FRAME_HEADER + pageSize;
      if (to > written) {
        return;
      }
      frame.clear().limit(FRAME_HEADER + pageSize);
      overlaid(frame, from, src, start);
      frame.clear().limit(FRAME_HEADER + pageSize);
      if (!chainContinues(frame, number)) {
        return;
      }
      int commitField = frame.getInt(4);
      frames.addValid(frame.getInt(0), checksum.first(), checksum.second());
      if (commitField != 0) {
        start = storeAndCommit(src, start, number, to, commitField);
      }
    }
  }

  private boolean chainContinues(ByteBuffer frame, int number) {
    if (frame.getInt(8) != salt1 || frame.getInt(12) != salt2 || frame.getInt(0) == 0) {
      return false;
    }
    if (number == 0) {
      checksum.set(seed1, seed2);
    } else {
      checksum.set(frames.sum1(number - 1), frames.sum2(number - 1));
    }
    checksum.add(frame, 0, 8, order);
    checksum.add(frame, FRAME_HEADER, pageSize, order);
    return checksum.first() == frame.getInt(16) && checksum.second() == frame.getInt(20);
  }

  /**
   * Stores what the write has up to the end of the commit frame, then commits. If the commit is
   * refused, the bytes are taken back, so that nobody can ever find a valid commit frame there.
   *
   * @return offset of what is left of the write
   */
  private long storeAndCommit(
      ByteBuffer src, long start, int number, long frameEnd, int commitField) throws IOException {
    int length = (int) Math.max(0, Math.min(src.remaining(), frameEnd - start));
    long sizeBefore = file.size();
    int limit = src.limit();
    int position = src.position();
    boolean hide = length > 0 && commitsWait.getAsBoolean();
    byte last = hide ? src.get(position + length - 1) : 0;
    src.limit(position + length - (hide ? 1 : 0));
    try {
      file.write(src, start);
      if (hide) {
        hideLast(last, start + length - 1);
      }
    } finally {
      src.limit(limit);
    }
    int first = frames.committed();
    long txid;
    try {
      txid = committer.commitFrames(first, number, Integer.toUnsignedLong(commitField));
    } catch (RefusedException e) {
      frames.rewind(first);
      takeBack(number, sizeBefore, start, length, hide);
      throw e;
    } finally {
      if (hide) {
        hiddenAt = -1;
      }
    }
    if (hide) {
      try {
        file.write(ByteBuffer.allocate(1).put(0, last), start + length - 1);
      } catch (IOException e) {
        committer.framesLost(e);
        throw e;
      }
      src.position(position + length);
    }
    frames.commit(number, txid);
    return start + length;
  }

  /** The room is taken, so that what is missing can be written when the commit is through. */
  private void hideLast(byte last, long at) throws IOException {
    file.write(ByteBuffer.allocate(1).put(0, (byte) ~last), at);
    hiddenAt = at;
    hidden = last;
  }

  /**
   * Makes the transaction invalid again. It was refused; its writer knows, or repeats only the
   * piece that failed: then the frames must become valid once more. So nothing but this piece is
   * undone, and it is enough to spoil one byte of it.
   */
  private void takeBack(int number, long sizeBefore, long start, int length, boolean isHidden) {
    try {
      if (length == 0) {
        file.write(ByteBuffer.allocate(FRAME_HEADER), offsetOf(number));
        return;
      }
      if (sizeBefore < file.size()) {
        file.truncate(Math.max(sizeBefore, start));
      }
      long last = start + length - 1;
      if (last < file.size() && !isHidden) {
        ByteBuffer spoiled = ByteBuffer.allocate(1);
        file.read(spoiled, last);
        file.write(spoiled.put(0, (byte) ~spoiled.get(0)).flip(), last);
      }
    } catch (IOException e) {
      LOG.error("{}: cannot take a refused frame back from the WAL: {}", name, e.toString());
      headerValid = false;
    }
  }

  /**
   * Why the file must not be cut to {@code size}, or null.
   *
   * @param pageCount committed size of the database
   */
  String problemOfTruncate(long size, long pageCount) {
    if (frames.committed() == 0 || size >= offsetOf(frames.committed())) {
      return null;
    }
    return size == 0 && frames.allBackfilled(pageCount)
        ? null
        : "the WAL of " + name + " holds transactions that are not checkpointed yet";
  }

  void truncate(long size) throws IOException {
    file.truncate(size);
    written = Math.min(written, size);
    if (size < HEADER) {
      reset();
    } else {
      rewindTo(size);
    }
  }

  /**
   * The newest committed frame whose page has these bytes, or -1. A checkpoint may write any of
   * them: readers may hold it back.
   */
  int frameOfPage(int pgno, ByteBuffer bytes) throws IOException {
    ByteBuffer compare = Scratch.get().compare;
    for (int number = frames.latest(pgno); number >= 0; number = frames.previousOfPage(number)) {
      compare.clear().limit(pageSize);
      readPage(number, compare);
      if (compare.flip().equals(bytes)) {
        return number;
      }
    }
    return -1;
  }

  // -------------------------------------------------- records of the primary

  boolean isBigEndian() {
    return order == ByteOrder.BIG_ENDIAN;
  }

  /** Running checksum after the last committed frame, or after the header if there is none. */
  int lastSum1() {
    return frames.committed() == 0 ? seed1 : frames.sum1(frames.committed() - 1);
  }

  int lastSum2() {
    return frames.committed() == 0 ? seed2 : frames.sum2(frames.committed() - 1);
  }

  /**
   * Starts the file anew, as a SQLite writer does.
   *
   * @param pageCount committed size; the database file has all frames up to it
   */
  void restartApplied(int newPageSize, int newSalt1, int newSalt2, long pageCount)
      throws IOException {
    boolean big = ByteOrder.nativeOrder() == ByteOrder.BIG_ENDIAN;
    ByteBuffer start = ByteBuffer.allocate(HEADER);
    start.putInt(big ? MAGIC_BIG : MAGIC_LITTLE).putInt(3007000).putInt(newPageSize).putInt(0);
    start.putInt(newSalt1).putInt(newSalt2);
    checksum.set(0, 0);
    checksum.add(start, 0, 24, ByteOrder.nativeOrder());
    start.putInt(checksum.first()).putInt(checksum.second()).flip();
    if (write(start, 0, true, pageCount) != Outcome.WRITTEN) {
      throw new IOException("the WAL of " + name + " has what the database file has not");
    }
  }

  /**
   * Adds a frame; it counts with {@link WalFrames#commit}.
   *
   * @param commitSize size of the database in pages if it is the last of a transaction, else 0
   * @param frame room for the header of the frame, then its page
   */
  void appendApplied(int pgno, int commitSize, ByteBuffer frame) throws IOException {
    int number = frames.valid();
    long offset = offsetOf(number);
    frame.clear().limit(FRAME_HEADER + pageSize);
    frame.putInt(0, pgno).putInt(4, commitSize).putInt(8, salt1).putInt(12, salt2);
    boolean first = number == 0;
    checksum.set(first ? seed1 : frames.sum1(number - 1), first ? seed2 : frames.sum2(number - 1));
    checksum.add(frame, 0, 8, order);
    checksum.add(frame, FRAME_HEADER, pageSize, order);
    frame.putInt(16, checksum.first()).putInt(20, checksum.second());
    file.write(frame, offset);
    written = Math.max(written, offset + FRAME_HEADER + pageSize);
    frames.addValid(pgno, checksum.first(), checksum.second());
  }

  /** Fills {@code dst} with bytes that the file has. */
  static void readFully(SideFile file, ByteBuffer dst, long offset) throws IOException {
    file.read(dst, offset);
    if (dst.hasRemaining()) {
      throw new IOException("a WAL ends before " + (offset + dst.limit()));
    }
  }

  /** For a message to people. */
  static RefusedException overwritten(String name) {
    return new RefusedException(
        Kind.IO,
        "a write to the WAL of "
            + name
            + " would overwrite a committed transaction; its writer has not seen that commit. The"
            + " WAL index is repaired, try again");
  }
}
