package io.tidemark.database;

import java.nio.ByteBuffer;
import java.util.zip.CRC32C;

/**
 * The commit position in the first block of a segment, in a sector of its own; the layout is in
 * docs/LOG_FORMAT.md. It says what no later record says yet. It belongs to its segment, so it ends
 * with the history that the segment is part of.
 */
final class CommitSlot {
  static final int OFFSET = 512;
  static final int SIZE = 24;

  private static final int MAGIC = 0x544D4B43; // "TMKC"

  private CommitSlot() {}

  static ByteBuffer encode(long segment, long txid) {
    ByteBuffer slot = ByteBuffer.allocate(SIZE);
    slot.putInt(MAGIC).putLong(segment).putLong(txid);
    slot.putInt(crc(slot));
    return slot.flip();
  }

  /**
   * Reads the slot of a segment.
   *
   * @return 0 if it says nothing
   */
  static long decode(ByteBuffer slot, long segment) {
    boolean valid =
        slot.limit() >= SIZE
            && slot.getInt(0) == MAGIC
            && slot.getLong(4) == segment
            && slot.getInt(20) == crc(slot);
    return valid ? slot.getLong(12) : 0;
  }

  private static int crc(ByteBuffer slot) {
    CRC32C crc = new CRC32C();
    crc.update(slot.duplicate().position(0).limit(20));
    return (int) crc.getValue();
  }
}
