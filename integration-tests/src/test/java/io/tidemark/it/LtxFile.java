package io.tidemark.it;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.TreeMap;
import net.jpountz.lz4.LZ4FrameInputStream;

/**
 * An LTX file, parsed here from the description of the format (ltx-format/FORMAT.md) rather than by
 * the program's decoder, and held in memory.
 */
final class LtxFile {
  static final long FLAG = 1L << 63;
  private static final int HEADER = 100;
  private static final int TRAILER = 16;

  final int pageSize;
  final long commit;
  final long minTxid;
  final long maxTxid;
  final long preApply;
  final long postApply;
  final TreeMap<Long, byte[]> pages = new TreeMap<>();

  /**
   * @throws IOException for anything that the format does not allow
   */
  LtxFile(byte[] file) throws IOException {
    require(file.length >= HEADER + 4 + TRAILER, "short file");
    ByteBuffer header = ByteBuffer.wrap(file);
    require(header.getInt(0) == 0x4C545831, "magic");
    int flags = header.getInt(4);
    require((flags & ~1) == 0, "flags");
    pageSize = header.getInt(8);
    require(pageSize >= 512 && pageSize <= 65536 && Integer.bitCount(pageSize) == 1, "page size");
    commit = Integer.toUnsignedLong(header.getInt(12));
    minTxid = header.getLong(16);
    maxTxid = header.getLong(24);
    require(minTxid > 0 && maxTxid >= minTxid, "TXIDs");
    preApply = header.getLong(40);
    require(minTxid == 1 ? preApply == 0 : (preApply & FLAG) != 0, "pre-apply checksum");
    ByteBuffer trailer = ByteBuffer.wrap(file, file.length - TRAILER, TRAILER);
    postApply = trailer.getLong();
    long fileChecksum = trailer.getLong();
    require((postApply & FLAG) != 0, "post-apply checksum");

    Crc64 crc = new Crc64().add(Arrays.copyOf(file, HEADER));
    byte[] block = Arrays.copyOfRange(file, HEADER, file.length - TRAILER);
    if ((flags & 1) != 0) {
      try (InputStream in = new LZ4FrameInputStream(new ByteArrayInputStream(block))) {
        block = in.readAllBytes();
      }
    }
    ByteBuffer stream = ByteBuffer.wrap(block);
    long last = 0;
    while (true) {
      int number = stream.getInt();
      crc.addInt(number);
      long page = Integer.toUnsignedLong(number);
      if (page == 0) {
        break;
      }
      require(page > last && page <= commit, "page " + page + " after " + last + " of " + commit);
      require(page != lockPage(pageSize), "lock page");
      last = page;
      byte[] data = new byte[pageSize];
      stream.get(data);
      crc.add(data);
      pages.put(page, data);
    }
    require(!stream.hasRemaining(), "bytes after the last page");
    crc.add(ByteBuffer.allocate(8).putLong(0, postApply).array());
    require((crc.value() | FLAG) == fileChecksum, "file checksum");
  }

  static long lockPage(int pageSize) {
    return 0x40000000L / pageSize + 1;
  }

  private static void require(boolean condition, String what) throws IOException {
    if (!condition) {
      throw new IOException("not a correct LTX file: " + what);
    }
  }
}
