package io.tidemark.ltx;

import java.nio.ByteBuffer;

/**
 * Checksums of single pages and of whole databases.
 *
 * <p>The checksum of a page covers its number (four bytes, big-endian) and its content, with bit 63
 * set. The rolling checksum of a database is the XOR of the checksums of its pages, again with bit
 * 63 set; changing a page is therefore "old page out, new page in", whatever the size of the
 * database. The lock page takes no part.
 *
 * <p>Two values have to be kept apart: the page <em>CRC</em> has 64 significant bits, the page
 * <em>checksum</em> is the same with bit 63 overwritten. The file checksum of an LTX file can be
 * derived from page CRCs but not from page checksums, which lack that bit.
 */
public final class PageChecksums {

  /** The rolling checksum of a database without pages. */
  public static final long EMPTY = Checksum.FLAG;

  /** The byte SQLite uses for file locks; the page around it is never read or written. */
  private static final int LOCK_BYTE = 0x40000000;

  private PageChecksums() {}

  /**
   * The checksum of a page, bit 63 set.
   *
   * @param pgno page number as an unsigned 32-bit number
   * @param data holds the page at {@code pos}; position and limit are left alone
   */
  public static long ofPage(int pgno, ByteBuffer data, int pos, int len) {
    return crcOfPage(pgno, data, pos, len) | Checksum.FLAG;
  }

  /** As {@link #ofPage(int, ByteBuffer, int, int)} for a page in an array. */
  public static long ofPage(int pgno, byte[] data, int pos, int len) {
    return crcOfPage(pgno, data, pos, len) | Checksum.FLAG;
  }

  /**
   * The CRC of a page with all of its 64 bits, as {@link LtxEncoder#pageWithCrc} wants it; {@link
   * #fromCrc} makes a page checksum of it.
   *
   * @param pgno page number as an unsigned 32-bit number
   * @param data holds the page at {@code pos}; position and limit are left alone
   */
  public static long crcOfPage(int pgno, ByteBuffer data, int pos, int len) {
    return Crc64.update(Crc64.updateInt(0, pgno), data, pos, len);
  }

  /** As {@link #crcOfPage(int, ByteBuffer, int, int)} for a page in an array. */
  public static long crcOfPage(int pgno, byte[] data, int pos, int len) {
    return Crc64.update(Crc64.updateInt(0, pgno), data, pos, len);
  }

  /** The page checksum that belongs to a page CRC. */
  public static long fromCrc(long pageCrc) {
    return pageCrc | Checksum.FLAG;
  }

  /**
   * Adds a page to a rolling checksum or takes it out again; the two are the same operation.
   *
   * @param rolling the rolling checksum so far, 0 or {@link #EMPTY} to begin
   * @param pageChecksum page checksum or page CRC; bit 63 does not matter
   */
  public static long xor(long rolling, long pageChecksum) {
    return rolling ^ pageChecksum | Checksum.FLAG;
  }

  /**
   * The number of the page that holds SQLite's lock byte (offset 2^30): it never occurs in LTX
   * files and counts in no checksum.
   *
   * @param pageSize a valid page size in bytes
   */
  public static long lockPage(int pageSize) {
    if (!LtxHeader.isValidPageSize(pageSize)) {
      throw new IllegalArgumentException(
          "page size: expected a power of two from 512 to 65536, got " + pageSize);
    }
    return LOCK_BYTE / pageSize + 1L;
  }
}
