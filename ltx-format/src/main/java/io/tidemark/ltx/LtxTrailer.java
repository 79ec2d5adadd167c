package io.tidemark.ltx;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * The last 16 bytes of an LTX file.
 *
 * @param postApplyChecksum rolling checksum of the database after the file, bit 63 set
 * @param fileChecksum CRC of the file with pages uncompressed, up to and including the post-apply
 *     checksum, bit 63 set
 */
public record LtxTrailer(long postApplyChecksum, long fileChecksum) {

  /** Bytes a trailer takes in a file. */
  public static final int SIZE = 16;

  /** Bytes of the trailer that the file checksum covers: all but itself. */
  static final int COVERED = 8;

  /** Writes 16 bytes at the buffer's position and advances it. */
  public void encode(ByteBuffer dst) {
    ByteOrder order = dst.order();
    dst.order(ByteOrder.BIG_ENDIAN).putLong(postApplyChecksum).putLong(fileChecksum).order(order);
  }

  /** Reads 16 bytes at the buffer's position and advances it. Checks nothing. */
  public static LtxTrailer decode(ByteBuffer src) throws LtxException {
    if (src.remaining() < SIZE) {
      throw new LtxException(
          LtxException.Kind.TRUNCATED,
          "trailer: expected " + SIZE + " bytes, got " + src.remaining());
    }
    ByteOrder order = src.order();
    src.order(ByteOrder.BIG_ENDIAN);
    try {
      return new LtxTrailer(src.getLong(), src.getLong());
    } finally {
      src.order(order);
    }
  }

  @Override
  public String toString() {
    return "LtxTrailer[post="
        + Hex16.format(postApplyChecksum)
        + ", file="
        + Hex16.format(fileChecksum)
        + "]";
  }
}
