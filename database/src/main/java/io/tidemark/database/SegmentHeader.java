package io.tidemark.database;

import java.nio.ByteBuffer;
import java.util.zip.CRC32C;

/**
 * First block of a log segment; the layout is in docs/LOG_FORMAT.md.
 *
 * @param number counts the segments of a database from 1
 * @param firstTxid transaction ID of the first record; a record of an earlier segment with this ID
 *     or a later one is void (it was cut off after a failed sync)
 * @param preChecksum rolling checksum before that record
 * @param epoch epoch in which the segment was started
 * @param createdMillis wall clock, for people
 */
record SegmentHeader(
    long number, long firstTxid, long preChecksum, long epoch, long createdMillis) {
  /** Records start here, so that writing one never touches the block of the header. */
  static final int BLOCK = 4096;

  static final int VERSION = 1;
  private static final long MAGIC = 0x544D4B5345473100L; // "TMKSEG1\0"

  ByteBuffer encode() {
    ByteBuffer block = ByteBuffer.allocate(BLOCK);
    block.putLong(MAGIC).putInt(VERSION).putInt(0);
    block.putLong(number).putLong(firstTxid).putLong(preChecksum).putLong(epoch);
    block.putLong(createdMillis);
    block.putInt(12, crc(block));
    return block.clear();
  }

  /**
   * @return null for a block that was never written (a prepared segment) or not wholly written
   * @throws CorruptLogException for a version that this program does not know
   */
  static SegmentHeader decode(ByteBuffer block, String file) throws CorruptLogException {
    if (block.limit() < 56 || block.getLong(0) != MAGIC) {
      return null;
    }
    int version = block.getInt(8);
    if (version != VERSION) {
      throw new CorruptLogException(
          file
              + " is a log segment of version "
              + version
              + ", this program reads version "
              + VERSION
              + "; use the Tidemark version that wrote it");
    }
    if (block.getInt(12) != crc(block)) {
      return null;
    }
    return new SegmentHeader(
        block.getLong(16),
        block.getLong(24),
        block.getLong(32),
        block.getLong(40),
        block.getLong(48));
  }

  private static int crc(ByteBuffer block) {
    CRC32C crc = new CRC32C();
    crc.update(block.duplicate().position(0).limit(12));
    crc.update(block.duplicate().position(16).limit(56));
    return (int) crc.getValue();
  }
}
