package io.tidemark.ltx;

import io.tidemark.ltx.LtxException.Kind;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * The first 100 bytes of an LTX file. Offsets and meanings are in FORMAT.md. The 20 reserved bytes
 * at the end have no component: they are written as zero and ignored on reading, but the file
 * checksum covers them.
 *
 * @param flags {@link #FLAG_LZ4} or 0
 * @param pageSize bytes per page, a power of two from 512 to 65536
 * @param commit database size in pages after this file, 0 to 2^32-1; 0 means deleted
 * @param minTxid first transaction, unsigned, not 0; 1 makes the file a snapshot
 * @param maxTxid last transaction, unsigned, not below {@code minTxid}
 * @param timestampMillis milliseconds since the Unix epoch
 * @param preApplyChecksum rolling checksum before the file; 0 in a snapshot, else bit 63 set
 * @param walOffset byte offset in the WAL the pages came from, 0 if from a rollback journal
 * @param walSize bytes of WAL the pages came from, 0 if from a rollback journal
 * @param walSalt1 first salt of that WAL
 * @param walSalt2 second salt of that WAL
 * @param nodeId the node that made the file, 0 if unknown or merged
 */
public record LtxHeader(
    int flags,
    int pageSize,
    long commit,
    long minTxid,
    long maxTxid,
    long timestampMillis,
    long preApplyChecksum,
    long walOffset,
    long walSize,
    int walSalt1,
    int walSalt2,
    long nodeId) {

  /** Bytes a header takes in a file. */
  public static final int SIZE = 100;

  /** The page block is one LZ4 frame. */
  public static final int FLAG_LZ4 = 1;

  /** Largest page number and database size, in pages. */
  public static final long MAX_COMMIT = 0xffffffffL;

  private static final int MAGIC = 0x4c545831; // "LTX1"
  private static final int RESERVED = 20;

  public static boolean isValidPageSize(int pageSize) {
    return pageSize >= 512 && pageSize <= 65536 && Integer.bitCount(pageSize) == 1;
  }

  /** A snapshot holds every page of the database; by definition it is a file from transaction 1. */
  public boolean isSnapshot() {
    return minTxid == 1;
  }

  /** Whether the page block is compressed. */
  public boolean isLz4() {
    return (flags & FLAG_LZ4) != 0;
  }

  /** The position a database must have for this file to be applied. */
  public Pos prePos() {
    return Pos.of(minTxid - 1, preApplyChecksum);
  }

  /** The position of a database after this file was applied. */
  public Pos postPos(LtxTrailer trailer) {
    return Pos.of(maxTxid, trailer.postApplyChecksum());
  }

  /** The name a file with this header has on disk. */
  public LtxFileName fileName() {
    return new LtxFileName(new Txid(minTxid), new Txid(maxTxid));
  }

  /**
   * Checks every rule a header must obey on its own.
   *
   * @throws LtxException of kind UNSUPPORTED_FLAGS or BAD_HEADER
   */
  public void validate() throws LtxException {
    if ((flags & ~FLAG_LZ4) != 0) {
      throw new LtxException(
          Kind.UNSUPPORTED_FLAGS,
          4,
          String.format("flags: only 0x%x is defined, got 0x%x", FLAG_LZ4, flags));
    }
    if (!isValidPageSize(pageSize)) {
      throw bad(
          8,
          "page size: expected a power of two from 512 to 65536, got "
              + Integer.toUnsignedString(pageSize));
    }
    if (commit < 0 || commit > MAX_COMMIT) {
      throw bad(12, "commit: expected 0 to 2^32-1, got " + commit);
    }
    if (minTxid == 0) {
      throw bad(16, "minimum transaction ID: expected at least 1, got 0");
    }
    if (maxTxid == 0) {
      throw bad(24, "maximum transaction ID: expected at least 1, got 0");
    }
    if (Long.compareUnsigned(minTxid, maxTxid) > 0) {
      throw bad(
          16,
          "transaction IDs: expected minimum <= maximum, got "
              + Hex16.format(minTxid)
              + " and "
              + Hex16.format(maxTxid));
    }
    if (walOffset < 0) {
      throw bad(48, "WAL offset: expected at least 0, got " + walOffset);
    }
    if (walSize < 0) {
      throw bad(56, "WAL size: expected at least 0, got " + walSize);
    }
    if ((walSalt1 != 0 || walSalt2 != 0) && (walOffset == 0 || walSize == 0)) {
      throw bad(
          64, "WAL salts: expected a WAL offset and size along with them, got " + walPosition());
    }
    if ((walOffset != 0) != (walSize != 0)) {
      throw bad(48, "WAL offset and size: expected both or none, got " + walPosition());
    }
    if (isSnapshot() && preApplyChecksum != 0) {
      throw bad(
          40,
          "pre-apply checksum: expected 0 in a snapshot, got " + Hex16.format(preApplyChecksum));
    }
    if (!isSnapshot() && preApplyChecksum >= 0) {
      throw bad(
          40, "pre-apply checksum: expected bit 63 set, got " + Hex16.format(preApplyChecksum));
    }
  }

  private String walPosition() {
    return walOffset + " and " + walSize;
  }

  private static LtxException bad(int offset, String message) {
    return new LtxException(Kind.BAD_HEADER, offset, message);
  }

  /**
   * Reads and validates 100 bytes at the buffer's position and advances it, whatever the buffer's
   * byte order.
   *
   * @throws LtxException if there are fewer bytes or they are not a valid header
   */
  public static LtxHeader decode(ByteBuffer src) throws LtxException {
    if (src.remaining() < SIZE) {
      throw new LtxException(
          Kind.TRUNCATED,
          src.remaining(),
          "header: expected " + SIZE + " bytes, got " + src.remaining());
    }
    ByteOrder order = src.order();
    src.order(ByteOrder.BIG_ENDIAN);
    try {
      int magic = src.getInt();
      if (magic != MAGIC) {
        throw new LtxException(
            Kind.BAD_MAGIC,
            0,
            String.format("magic: expected %08x (\"LTX1\"), got %08x", MAGIC, magic));
      }
      LtxHeader header =
          new LtxHeader(
              src.getInt(),
              src.getInt(),
              Integer.toUnsignedLong(src.getInt()),
              src.getLong(),
              src.getLong(),
              src.getLong(),
              src.getLong(),
              src.getLong(),
              src.getLong(),
              src.getInt(),
              src.getInt(),
              src.getLong());
      src.position(src.position() + RESERVED);
      header.validate();
      return header;
    } finally {
      src.order(order);
    }
  }

  /** Writes 100 bytes at the buffer's position and advances it. Does not validate. */
  public void encode(ByteBuffer dst) {
    ByteOrder order = dst.order();
    dst.order(ByteOrder.BIG_ENDIAN)
        .putInt(MAGIC)
        .putInt(flags)
        .putInt(pageSize)
        .putInt((int) commit)
        .putLong(minTxid)
        .putLong(maxTxid)
        .putLong(timestampMillis)
        .putLong(preApplyChecksum)
        .putLong(walOffset)
        .putLong(walSize)
        .putInt(walSalt1)
        .putInt(walSalt2)
        .putLong(nodeId)
        .putLong(0)
        .putLong(0)
        .putInt(0)
        .order(order);
  }

  @Override
  public String toString() {
    return String.format(
        "LtxHeader[txid=%s-%s, commit=%d, pageSize=%d, flags=0x%x, pre=%s, time=%d,"
            + " wal=%d+%d %08x/%08x, node=%s]",
        Hex16.format(minTxid),
        Hex16.format(maxTxid),
        commit,
        pageSize,
        flags,
        Hex16.format(preApplyChecksum),
        timestampMillis,
        walOffset,
        walSize,
        walSalt1,
        walSalt2,
        Hex16.format(nodeId));
  }

  /** A builder with everything 0. */
  public static Builder builder() {
    return new Builder();
  }

  /** A builder that starts from this header. */
  public Builder toBuilder() {
    return new Builder()
        .flags(flags)
        .pageSize(pageSize)
        .commit(commit)
        .txids(minTxid, maxTxid)
        .timestampMillis(timestampMillis)
        .preApplyChecksum(preApplyChecksum)
        .wal(walOffset, walSize, walSalt1, walSalt2)
        .nodeId(nodeId);
  }

  /** Names the parts of a header where it is made; see the record for their meaning. */
  public static final class Builder {
    private int flags;
    private int pageSize;
    private long commit;
    private long minTxid;
    private long maxTxid;
    private long timestampMillis;
    private long preApplyChecksum;
    private long walOffset;
    private long walSize;
    private int walSalt1;
    private int walSalt2;
    private long nodeId;

    private Builder() {}

    public Builder flags(int value) {
      flags = value;
      return this;
    }

    /** Sets or clears {@link LtxHeader#FLAG_LZ4}. */
    public Builder lz4(boolean compressed) {
      flags = compressed ? flags | FLAG_LZ4 : flags & ~FLAG_LZ4;
      return this;
    }

    public Builder pageSize(int bytes) {
      pageSize = bytes;
      return this;
    }

    public Builder commit(long pages) {
      commit = pages;
      return this;
    }

    public Builder txid(long value) {
      return txids(value, value);
    }

    public Builder txids(long min, long max) {
      minTxid = min;
      maxTxid = max;
      return this;
    }

    public Builder timestampMillis(long value) {
      timestampMillis = value;
      return this;
    }

    public Builder preApplyChecksum(long value) {
      preApplyChecksum = value;
      return this;
    }

    public Builder wal(long offset, long size, int salt1, int salt2) {
      walOffset = offset;
      walSize = size;
      walSalt1 = salt1;
      walSalt2 = salt2;
      return this;
    }

    public Builder nodeId(long value) {
      nodeId = value;
      return this;
    }

    /** The header; {@link LtxHeader#validate} has not been called. */
    public LtxHeader build() {
      return new LtxHeader(
          flags,
          pageSize,
          commit,
          minTxid,
          maxTxid,
          timestampMillis,
          preApplyChecksum,
          walOffset,
          walSize,
          walSalt1,
          walSalt2,
          nodeId);
    }
  }
}
