package io.tidemark.database;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * The layout of SQLite's wal-index, the {@code -shm} file (SQLite documentation, "WAL-mode File
 * Format" section 2; wal.c). All numbers are in the byte order of the machine, but for the salts,
 * which are copied from the WAL as they stand. Frames count from 1 here, as SQLite counts them.
 *
 * <p>Pure: knows bytes, no files.
 */
final class WalIndex {
  /** Bytes of both copies of the header, of the checkpoint information and of the locks. */
  static final int HEADER = 136;

  /** Bytes of one copy of the header; the second follows at once. */
  static final int COPY = 48;

  /** Bytes of a block: page numbers, then a hash table. */
  static final int BLOCK = 32768;

  static final int BACKFILL = 96;
  static final int READ_MARKS = 100;
  static final int READERS = 5;
  static final int BACKFILL_ATTEMPTED = 128;

  /** A read mark that no reader may use. */
  static final int NOT_USED = 0xffffffff;

  private static final int VERSION = 3007000;
  private static final int HASH = 16384;
  private static final int SLOTS = 8192;
  private static final int PAGES = 4096;
  private static final int PAGES_OF_FIRST = PAGES - HEADER / 4;

  private WalIndex() {}

  /**
   * What the header says.
   *
   * @param change counter that grows with each commit
   * @param maxFrame the last frame that counts, 0 if none does
   * @param pageCount size of the database in pages after it
   * @param salt1 as a big-endian number
   */
  record Header(
      int change,
      boolean bigEndianSums,
      int pageSize,
      int maxFrame,
      int pageCount,
      int sum1,
      int sum2,
      int salt1,
      int salt2) {
    /** 48 bytes with their checksum. */
    ByteBuffer encode() {
      ByteBuffer bytes = ByteBuffer.allocate(COPY).order(ByteOrder.nativeOrder());
      bytes.putInt(VERSION).putInt(0).putInt(change);
      bytes.put((byte) 1).put((byte) (bigEndianSums ? 1 : 0));
      bytes.putShort((short) (pageSize == 65536 ? 1 : pageSize));
      bytes.putInt(maxFrame).putInt(pageCount).putInt(sum1).putInt(sum2);
      bytes.order(ByteOrder.BIG_ENDIAN).putInt(salt1).putInt(salt2);
      WalChecksum sum = new WalChecksum();
      sum.add(bytes, 0, 40, ByteOrder.nativeOrder());
      bytes.order(ByteOrder.nativeOrder()).putInt(sum.first()).putInt(sum.second());
      return bytes.flip();
    }
  }

  /**
   * Reads a header.
   *
   * @param bytes at least the two copies, from index 0
   * @return null if they differ or are not valid, so that SQLite would recover the index
   */
  static Header decode(ByteBuffer bytes) {
    ByteBuffer copy = bytes.duplicate().order(ByteOrder.nativeOrder());
    WalChecksum sum = new WalChecksum();
    sum.add(copy, 0, 40, ByteOrder.nativeOrder());
    boolean valid =
        copy.slice(0, COPY).equals(copy.slice(COPY, COPY))
            && copy.getInt(0) == VERSION
            && copy.get(12) != 0
            && sum.first() == copy.getInt(40)
            && sum.second() == copy.getInt(44);
    if (!valid) {
      return null;
    }
    ByteBuffer salts = bytes.duplicate().order(ByteOrder.BIG_ENDIAN);
    int size = Short.toUnsignedInt(copy.getShort(14));
    return new Header(
        copy.getInt(8),
        copy.get(13) != 0,
        size == 1 ? 65536 : size,
        copy.getInt(16),
        copy.getInt(20),
        copy.getInt(24),
        copy.getInt(28),
        salts.getInt(32),
        salts.getInt(36));
  }

  /** The block that has a frame, from 0. */
  static int blockOf(int frame) {
    return (frame + PAGES - PAGES_OF_FIRST - 1) / PAGES;
  }

  /** The frame before the first of a block. */
  static int zeroOf(int block) {
    return block == 0 ? 0 : PAGES_OF_FIRST + (block - 1) * PAGES;
  }

  /** The last frame that a block can have. */
  static int lastOf(int block) {
    return zeroOf(block + 1);
  }

  private static int numbersOf(int block) {
    return block == 0 ? HEADER : 0;
  }

  /** Bytes of a block that are to be stored. */
  record Range(int from, int to) {
    boolean isEmpty() {
      return from >= to;
    }
  }

  /**
   * Adds frames to a block, as walIndexAppend does. Entries of frames that never counted are
   * removed.
   *
   * @param block the bytes of the block as they are; changed
   * @param first the first of the frames
   * @param pages their page numbers
   */
  static void append(ByteBuffer block, int number, int first, int[] pages) {
    ByteBuffer bytes = block.order(ByteOrder.nativeOrder());
    int numbers = numbersOf(number);
    int index = first - zeroOf(number);
    for (int slot = 0; slot < SLOTS; slot++) {
      int at = HASH + slot * 2;
      if (Short.toUnsignedInt(bytes.getShort(at)) >= index) {
        bytes.putShort(at, (short) 0);
      }
    }
    for (int at = numbers + (index - 1) * 4; at < HASH; at += 4) {
      bytes.putInt(at, 0);
    }
    for (int page : pages) {
      bytes.putInt(numbers + (index - 1) * 4, page);
      int slot = hash(page);
      while (bytes.getShort(HASH + slot * 2) != 0) {
        slot = (slot + 1) & (SLOTS - 1);
      }
      bytes.putShort(HASH + slot * 2, (short) index);
      index++;
    }
  }

  private static int hash(int page) {
    return (page * 383) & (SLOTS - 1);
  }

  /** The bytes of page numbers that differ between two states of a block. */
  static Range changedNumbers(ByteBuffer before, ByteBuffer after, int number) {
    return changed(before, after, numbersOf(number), HASH);
  }

  /** The bytes of the hash table that differ. */
  static Range changedHash(ByteBuffer before, ByteBuffer after) {
    return changed(before, after, HASH, BLOCK);
  }

  private static Range changed(ByteBuffer before, ByteBuffer after, int from, int to) {
    int first = from;
    while (first < to && before.get(first) == after.get(first)) {
      first++;
    }
    int end = to;
    while (end > first && before.get(end - 1) == after.get(end - 1)) {
      end--;
    }
    return new Range(first, end);
  }

  /**
   * The newest frame of a page, as walFindFrame finds it.
   *
   * @param blocks all blocks
   * @param maxFrame the last frame that counts for the reader
   * @return 0 if the WAL does not have it
   */
  static int find(ByteBuffer blocks, int page, int maxFrame) {
    ByteBuffer bytes = blocks.duplicate().order(ByteOrder.nativeOrder());
    for (int block = blockOf(Math.max(1, maxFrame)); block >= 0; block--) {
      int base = block * BLOCK;
      int found = 0;
      for (int slot = hash(page); ; slot = (slot + 1) & (SLOTS - 1)) {
        int index = Short.toUnsignedInt(bytes.getShort(base + HASH + slot * 2));
        if (index == 0) {
          break;
        }
        int frame = index + zeroOf(block);
        if (frame <= maxFrame && bytes.getInt(base + numbersOf(block) + (index - 1) * 4) == page) {
          found = Math.max(found, frame);
        }
      }
      if (found > 0) {
        return found;
      }
    }
    return 0;
  }
}
