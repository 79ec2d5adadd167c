package io.tidemark.database;

import io.tidemark.database.Disk.DiskFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * The content of a database file as programs see it in rollback mode: the committed image and, over
 * it, what was written since.
 *
 * <p>Three layers: {@code uncommitted} (never in the file: no-steal), {@code unapplied} (committed,
 * but the log is not durable yet or the file could not be written), and the file.
 *
 * <p>Guarded by the lock of the database, except {@link #isPlain}.
 */
final class WorkingImage {
  /** Bytes of a transaction that are held in memory. */
  private static final long MEMORY = 8 << 20;

  private final Overlay uncommitted;
  private final Overlay unapplied;
  private DiskFile file;

  /** Committed bytes from here on were cut off by the transaction that is going on. */
  private long floor = Long.MAX_VALUE;

  /** Whether reads need no layer but the file. */
  private volatile boolean plain = true;

  WorkingImage(Disk disk, Path volatileDirectory, BlockMemory memory) {
    uncommitted = new Overlay(disk, volatileDirectory.resolve("uncommitted"), memory, MEMORY);
    unapplied = new Overlay(disk, volatileDirectory.resolve("unapplied"), memory, MEMORY);
  }

  void file(DiskFile newFile) {
    file = newFile;
  }

  boolean isPlain() {
    return plain;
  }

  boolean hasUncommitted() {
    return !uncommitted.isEmpty() || floor != Long.MAX_VALUE;
  }

  boolean hasUnapplied() {
    return !unapplied.isEmpty();
  }

  void write(ByteBuffer src, long offset) throws IOException {
    plain = false;
    uncommitted.write(src, offset, this::readBelow);
  }

  /**
   * Programs cut the file at {@code size}; what comes back when it grows again is zeros.
   *
   * @param visibleSize size until now
   */
  void cut(long size, long visibleSize) throws IOException {
    plain = false;
    for (int key : uncommitted.sortedKeys()) {
      long start = (key - 1L) * Overlay.BLOCK;
      if (start + Overlay.BLOCK > size) {
        int from = (int) Math.max(0, size - start);
        ByteBuffer zeros = ByteBuffer.allocate(Overlay.BLOCK - from);
        uncommitted.write(zeros, start + from, this::readBelow);
      }
    }
    floor = Math.min(floor, size);
  }

  /** Fills {@code dst} with what programs see; beyond all layers there are zeros. */
  void read(ByteBuffer dst, long offset) throws IOException {
    forEachBlock(
        dst,
        offset,
        (number, inBlock, part) -> {
          if (uncommitted.has(number)) {
            uncommitted.read(number, inBlock, part);
          } else {
            readBelow(part, number * Overlay.BLOCK + inBlock);
          }
        });
  }

  /** What the transaction that is going on builds on: committed bytes, cut at the floor. */
  private void readBelow(ByteBuffer dst, long offset) throws IOException {
    int keep = (int) Math.max(0, Math.min(dst.remaining(), floor - offset));
    int end = dst.limit();
    dst.limit(dst.position() + keep);
    readCommitted(dst, offset);
    dst.limit(end);
    while (dst.hasRemaining()) {
      dst.put((byte) 0);
    }
  }

  /** Fills {@code dst} with committed bytes. */
  void readCommitted(ByteBuffer dst, long offset) throws IOException {
    if (unapplied.isEmpty()) {
      readZeroFilled(file, dst, offset);
      return;
    }
    forEachBlock(
        dst,
        offset,
        (number, inBlock, part) -> {
          if (unapplied.has(number)) {
            unapplied.read(number, inBlock, part);
          } else {
            readZeroFilled(file, part, number * Overlay.BLOCK + inBlock);
          }
        });
  }

  private interface BlockReader {
    void read(long block, int inBlock, ByteBuffer part) throws IOException;
  }

  private static void forEachBlock(ByteBuffer dst, long offset, BlockReader reader)
      throws IOException {
    int end = dst.limit();
    long position = offset;
    while (dst.position() < end) {
      long number = position / Overlay.BLOCK;
      int inBlock = (int) (position % Overlay.BLOCK);
      int n = Math.min(Overlay.BLOCK - inBlock, end - dst.position());
      dst.limit(dst.position() + n);
      reader.read(number, inBlock, dst);
      dst.limit(end);
      position += n;
    }
  }

  static void readZeroFilled(DiskFile file, ByteBuffer dst, long offset) throws IOException {
    file.read(dst, offset);
    while (dst.hasRemaining()) {
      dst.put((byte) 0);
    }
  }

  /**
   * The pages that may differ from the committed image, ascending, none above {@code newCount}.
   *
   * @param oldCount pages of the committed image; all above it are included
   */
  int[] touchedPages(int pageSize, long oldCount, long newCount) {
    int[] keys = uncommitted.sortedKeys();
    long firstNew = Math.min(oldCount, floor == Long.MAX_VALUE ? oldCount : floor / pageSize) + 1;
    long kept = Math.min(firstNew - 1, newCount);
    int perBlock = Math.max(1, Overlay.BLOCK / pageSize);
    long most = Math.min(kept, (long) keys.length * perBlock) + newCount - kept;
    int[] pages = new int[Math.toIntExact(most)];
    int n = 0;
    long done = 0;
    for (int key : keys) {
      long start = (Integer.toUnsignedLong(key) - 1) * Overlay.BLOCK;
      long last = Math.min((start + Overlay.BLOCK - 1) / pageSize + 1, kept);
      for (long pgno = Math.max(done, start / pageSize) + 1; pgno <= last; pgno++) {
        pages[n++] = (int) pgno;
        done = pgno;
      }
    }
    for (long pgno = kept + 1; pgno <= newCount; pgno++) {
      pages[n++] = (int) pgno;
    }
    return n == pages.length ? pages : Arrays.copyOf(pages, n);
  }

  /** Ranges that programs may have cached and that {@link #discard} takes back. */
  int[] uncommittedBlocks() {
    return uncommitted.sortedKeys();
  }

  /** Forgets what was not committed. */
  void discard() {
    uncommitted.clear();
    floor = Long.MAX_VALUE;
    plain = unapplied.isEmpty();
  }

  /** What was uncommitted is committed now, but must stay out of the file for the time being. */
  void keepUnapplied(long committedSize) throws IOException {
    for (int key : uncommitted.sortedKeys()) {
      long start = (key - 1L) * Overlay.BLOCK;
      if (start < committedSize) {
        ByteBuffer block = Scratch.get().block.clear();
        uncommitted.read(key - 1L, 0, block);
        unapplied.write(block.flip(), start, WorkingImage::noBase);
      }
    }
    discard();
  }

  private static void noBase(ByteBuffer dst, long offset) {
    throw new IllegalStateException("whole blocks need no base");
  }

  /** Writes all committed bytes to the file; what was uncommitted counts as committed. */
  void apply(long committedSize) throws IOException {
    applyLayer(unapplied, committedSize);
    applyLayer(uncommitted, committedSize);
    if (file.size() > committedSize) {
      file.truncate(committedSize);
    }
    unapplied.clear();
    discard();
  }

  /** Writes only what was left over from earlier commits. */
  void applyLeftOver(long committedSize) throws IOException {
    applyLayer(unapplied, committedSize);
    if (file.size() > committedSize) {
      file.truncate(committedSize);
    }
    unapplied.clear();
    plain = uncommitted.isEmpty() && floor == Long.MAX_VALUE;
  }

  private void applyLayer(Overlay layer, long committedSize) throws IOException {
    if (layer.isEmpty()) {
      return;
    }
    for (int key : layer.sortedKeys()) {
      long start = (key - 1L) * Overlay.BLOCK;
      if (start < committedSize) {
        ByteBuffer block = Scratch.get().block.clear();
        layer.read(key - 1L, 0, block);
        block.flip().limit((int) Math.min(Overlay.BLOCK, committedSize - start));
        file.write(block, start);
        FaultPoint.COMMIT_APPLYING.pass();
      }
    }
  }

  void close() {
    uncommitted.close();
    unapplied.close();
  }
}
