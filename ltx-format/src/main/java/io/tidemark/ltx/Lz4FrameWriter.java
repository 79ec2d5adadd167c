package io.tidemark.ltx;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import net.jpountz.lz4.LZ4Compressor;
import net.jpountz.lz4.LZ4Factory;
import net.jpountz.xxhash.StreamingXXHash32;
import net.jpountz.xxhash.XXHashFactory;

/**
 * Writes one LZ4 frame with the options every LTX writer uses: independent blocks of 64 KiB and a
 * content checksum. The library's own frame stream allocates its buffers anew for every frame; this
 * one is reused.
 */
final class Lz4FrameWriter {

  /**
   * Magic, flags (version 1, independent blocks, content checksum), block size code 4 and the
   * header checksum byte that belongs to these.
   */
  private static final byte[] DESCRIPTOR = {0x04, 0x22, 0x4d, 0x18, 0x64, 0x40, (byte) 0xa7};

  private static final int BLOCK_SIZE = 64 * 1024;
  private static final int STORED = 1 << 31;

  private final LZ4Compressor compressor = LZ4Factory.fastestInstance().fastCompressor();
  // The Java variant: the native one owns memory that somebody would have to release.
  private final StreamingXXHash32 hash = XXHashFactory.fastestJavaInstance().newStreamingHash32(0);
  private final int maxCompressed = compressor.maxCompressedLength(BLOCK_SIZE);
  private final byte[] block = new byte[BLOCK_SIZE];
  private final ByteBuffer blockView = ByteBuffer.wrap(block);
  private int filled;

  void begin(OutputBuffer out) throws IOException {
    filled = 0;
    hash.reset();
    out.reserve(DESCRIPTOR.length).put(DESCRIPTOR);
  }

  void write(ByteBuffer src, int offset, int length, OutputBuffer out) throws IOException {
    while (length > 0) {
      int n = Math.min(length, BLOCK_SIZE - filled);
      src.get(offset, block, filled, n);
      filled += n;
      offset += n;
      length -= n;
      if (filled == BLOCK_SIZE) {
        emitBlock(out);
      }
    }
  }

  void writeInt(int bigEndian, OutputBuffer out) throws IOException {
    for (int shift = 24; shift >= 0; shift -= 8) {
      block[filled++] = (byte) (bigEndian >>> shift);
      if (filled == BLOCK_SIZE) {
        emitBlock(out);
      }
    }
  }

  void end(OutputBuffer out) throws IOException {
    if (filled > 0) {
      emitBlock(out);
    }
    out.reserve(8)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putInt(0)
        .putInt(hash.getValue())
        .order(ByteOrder.BIG_ENDIAN);
  }

  private void emitBlock(OutputBuffer out) throws IOException {
    hash.update(block, 0, filled);
    ByteBuffer dst = out.reserve(4 + maxCompressed).order(ByteOrder.LITTLE_ENDIAN);
    int start = dst.position();
    int compressed =
        compressor.compress(blockView, 0, filled, dst, start + 4, dst.limit() - start - 4);
    if (compressed < filled) {
      dst.putInt(compressed).position(start + 4 + compressed);
    } else {
      dst.putInt(filled | STORED).put(block, 0, filled);
    }
    dst.order(ByteOrder.BIG_ENDIAN);
    filled = 0;
  }
}
