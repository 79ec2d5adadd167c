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
   * The first block as SQLite's recovery leaves it beside an empty WAL (walIndexRecover): readers
   * take everything from the database file.
   */
  static ByteBuffer ofEmptyWal(int pageSize, long pageCount) {
    boolean bigEndian = ByteOrder.nativeOrder() == ByteOrder.BIG_ENDIAN;
    ByteBuffer copy = new Header(0, bigEndian, pageSize, 0, (int) pageCount, 0, 0, 0, 0).encode();
    ByteBuffer block = ByteBuffer.allocate(BLOCK).order(ByteOrder.nativeOrder());
    block.put(0, copy, 0, COPY).put(COPY, copy, 0, COPY);
    for (int i = 1; i < READERS; i++) {
      block.putInt(READ_MARKS + 4 * i, NOT_USED);
    }
    return block;
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

  /** Bytes of a block. */
  record Range(int from, int to) {
    /** These bytes of a buffer that has the block from index 0. */
    ByteBuffer of(ByteBuffer block) {
      return block.slice(from, to - from);
    }
  }

  /** Where the numbers of frames are in their block. */
  static Range numbers(int number, int first, int count) {
    int from = numbersOf(number) + (first - zeroOf(number) - 1) * 4;
    return new Range(from, from + count * 4);
  }

  /** Where the hash table is in each block. */
  static Range hashTable() {
    return new Range(HASH, BLOCK);
  }

  /**
   * Whether a block may have entries of frames from this one on. Whoever adds frames writes their
   * numbers first and in order, so the first number tells; the first frame of a block replaces what
   * an earlier WAL has left.
   *
   * @param block the bytes of the block, at least the number of that frame
   */
  static boolean hasRemnants(ByteBuffer block, int number, int first) {
    return first == zeroOf(number) + 1 || block.getInt(numbers(number, first, 1).from()) != 0;
  }

  /**
   * Removes the entries of frames from this one on, as walCleanupHash does.
   *
   * @param block all bytes of the block; changed
   */
  static void removeFrom(ByteBuffer block, int number, int first) {
    ByteBuffer bytes = block.order(ByteOrder.nativeOrder());
    int index = first - zeroOf(number);
    for (int at = HASH; at < BLOCK; at += 2) {
      if (Short.toUnsignedInt(bytes.getShort(at)) >= index) {
        bytes.putShort(at, (short) 0);
      }
    }
    for (int at = numbers(number, first, 1).from(); at < HASH; at += 4) {
      bytes.putInt(at, 0);
    }
  }

  /**
   * Adds frames to a block without remnants, as walIndexAppend does.
   *
   * @param block the hash table as it is; it and the numbers of these frames change
   * @param first the first of the frames
   * @param pages their page numbers, at least one
   * @return the bytes of the hash table that have changed
   */
  static Range append(ByteBuffer block, int number, int first, int[] pages) {
    ByteBuffer bytes = block.order(ByteOrder.nativeOrder());
    int index = first - zeroOf(number);
    int from = BLOCK;
    int to = HASH;
    int at = numbers(number, first, pages.length).from();
    for (int page : pages) {
      bytes.putInt(at, page);
      int slot = hash(page);
      while (bytes.getShort(HASH + slot * 2) != 0) {
        slot = (slot + 1) & (SLOTS - 1);
      }
      bytes.putShort(HASH + slot * 2, (short) index);
      from = Math.min(from, HASH + slot * 2);
      to = Math.max(to, HASH + slot * 2 + 2);
      at += 4;
      index++;
    }
    return new Range(from, to);
  }

  private static int hash(int page) {
    return (page * 383) & (SLOTS - 1);
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
