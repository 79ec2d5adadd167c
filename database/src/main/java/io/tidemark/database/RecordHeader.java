package io.tidemark.database;

import java.nio.ByteBuffer;
import java.util.zip.CRC32C;

/**
 * Header of a log record; the layout is in docs/LOG_FORMAT.md. The header is written last and
 * carries the checksum of the body, so a record counts only when all of it is there.
 *
 * @param flags {@link #FLAG_GROUP}, {@link #FLAG_PENDING}, both or 0
 * @param epoch epoch in which the transaction was committed
 * @param txid transaction ID, at least 1
 * @param ltxLength bytes of the LTX file
 * @param durableTxid up to here the log was known to be durable when this record was appended:
 *     damage at or below it is corruption, not a torn tail
 * @param commitTxid commit position known when this record was appended
 * @param extraLength bytes between this header and the LTX file
 * @param bodyCrc CRC-32C of those bytes and the LTX file
 */
record RecordHeader(
    int flags,
    long epoch,
    long txid,
    long ltxLength,
    long durableTxid,
    long commitTxid,
    int extraLength,
    int bodyCrc) {
  static final int SIZE = 64;
  static final int MAGIC = 0x544D4B52; // "TMKR"

  /** The record is one of several that commit together; the extra bytes are a {@link GroupInfo}. */
  static final int FLAG_GROUP = 1;

  /** The record was not known to be committed when it was appended: see {@link CommitPoint}. */
  static final int FLAG_PENDING = 2;

  private static final int KNOWN_FLAGS = FLAG_GROUP | FLAG_PENDING;
  private static final int MAX_EXTRA = 1 << 20;

  /** Bytes of the whole record, a multiple of 8. */
  long recordLength() {
    return (SIZE + extraLength + ltxLength + 7) & ~7L;
  }

  void encode(ByteBuffer dst) {
    int start = dst.position();
    dst.putInt(MAGIC).putInt(flags).putLong(epoch).putLong(txid).putLong(ltxLength);
    dst.putLong(durableTxid).putLong(commitTxid).putInt(extraLength).putInt(bodyCrc).putInt(0);
    dst.putInt(headerCrc(dst, start));
  }

  /** Reads a header at the position of {@code src}, or null if there is no whole, valid one. */
  static RecordHeader decode(ByteBuffer src) {
    int start = src.position();
    if (src.remaining() < SIZE || src.getInt(start) != MAGIC) {
      return null;
    }
    if (src.getInt(start + 60) != headerCrc(src, start)) {
      return null;
    }
    RecordHeader header =
        new RecordHeader(
            src.getInt(start + 4),
            src.getLong(start + 8),
            src.getLong(start + 16),
            src.getLong(start + 24),
            src.getLong(start + 32),
            src.getLong(start + 40),
            src.getInt(start + 48),
            src.getInt(start + 52));
    boolean sane =
        header.ltxLength >= 0
            && header.ltxLength < 1L << 46
            && header.extraLength >= 0
            && header.extraLength <= MAX_EXTRA
            && header.txid > 0;
    return sane ? header : null;
  }

  boolean isGroup() {
    return (flags & FLAG_GROUP) != 0;
  }

  /** Whether it counts only when the commit position says so. */
  boolean isPending() {
    return (flags & FLAG_PENDING) != 0;
  }

  /** A record of a later version: its flags have bits that this version does not know. */
  boolean isForeign() {
    return (flags & ~KNOWN_FLAGS) != 0;
  }

  private static int headerCrc(ByteBuffer buffer, int start) {
    CRC32C crc = new CRC32C();
    crc.update(buffer.duplicate().position(start).limit(start + 60));
    return (int) crc.getValue();
  }
}
