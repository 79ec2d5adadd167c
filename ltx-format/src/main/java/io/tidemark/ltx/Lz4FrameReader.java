package io.tidemark.ltx;

import io.tidemark.ltx.LtxException.Kind;
import java.io.IOException;
import java.util.Arrays;
import net.jpountz.lz4.LZ4Exception;
import net.jpountz.lz4.LZ4Factory;
import net.jpountz.lz4.LZ4SafeDecompressor;
import net.jpountz.xxhash.StreamingXXHash32;
import net.jpountz.xxhash.XXHash32;
import net.jpountz.xxhash.XXHashFactory;

/**
 * Reads one LZ4 frame block by block and stops exactly behind it. Understands every option of the
 * frame format except preset dictionaries, which a file that has to stand on its own cannot use.
 *
 * <p>The library's frame stream is not used because it looks for further frames behind the first
 * one, where LTX has its trailer, and knows no linked blocks.
 */
final class Lz4FrameReader {

  private static final int MAGIC = 0x184d2204;
  private static final int STORED = 1 << 31;

  /** How far back linked blocks may refer. */
  private static final int HISTORY = 64 * 1024;

  /** Bytes that always follow a block: the end mark, then the LTX trailer. */
  private static final int AFTER_BLOCK = 4 + LtxTrailer.SIZE;

  private final LZ4SafeDecompressor decompressor = LZ4Factory.fastestInstance().safeDecompressor();
  private final XXHash32 blockHash = XXHashFactory.fastestInstance().hash32();
  // The Java variant: the native one owns memory that somebody would have to release.
  private final StreamingXXHash32 hash = XXHashFactory.fastestJavaInstance().newStreamingHash32(0);

  private InputBuffer in;
  private boolean linked;
  private boolean blockChecksums;
  private boolean contentChecksum;
  private long contentSize;
  private int maxBlock;
  private long total;

  /** Uncompressed data: history of linked blocks, then the current block. */
  private byte[] block = new byte[0];

  private int position;
  private int limit;

  byte[] array() {
    return block;
  }

  int position() {
    return position;
  }

  int available() {
    return limit - position;
  }

  void skip(int count) {
    position += count;
  }

  /** Reads the frame descriptor. */
  void begin(InputBuffer from) throws IOException {
    in = from;
    position = 0;
    limit = 0;
    total = 0;
    hash.reset();
    in.require(7, AFTER_BLOCK, "LZ4 frame descriptor");
    int magic = littleEndian(0);
    if (magic != MAGIC) {
      throw bad(String.format("LZ4 magic: expected %08x, got %08x", MAGIC, magic));
    }
    int flags = in.array()[in.position() + 4] & 0xff;
    int sizes = in.array()[in.position() + 5] & 0xff;
    if (flags >>> 6 != 1) {
      throw bad("LZ4 version: expected 1, got " + (flags >>> 6));
    }
    if ((flags & 2) != 0 || (sizes & 0x8f) != 0) {
      throw bad(String.format("LZ4 reserved bits: expected 0, got %02x %02x", flags, sizes));
    }
    if ((flags & 1) != 0) {
      throw new LtxException(
          Kind.UNSUPPORTED_LZ4, in.offset() + 4, "LZ4 frame with a preset dictionary");
    }
    int sizeCode = sizes >>> 4;
    if (sizeCode < 4) {
      throw bad("LZ4 block size code: expected 4 to 7, got " + sizeCode);
    }
    maxBlock = 1 << 8 + 2 * sizeCode;
    linked = (flags & 0x20) == 0;
    blockChecksums = (flags & 0x10) != 0;
    contentChecksum = (flags & 4) != 0;
    boolean sized = (flags & 8) != 0;
    int length = sized ? 10 : 2;
    in.require(4 + length + 1, AFTER_BLOCK, "LZ4 frame descriptor");
    contentSize = sized ? littleEndian(6) & 0xffffffffL | (long) littleEndian(10) << 32 : -1;
    int expected = blockHash.hash(in.array(), in.position() + 4, length, 0) >>> 8 & 0xff;
    int actual = in.array()[in.position() + 4 + length] & 0xff;
    if (expected != actual) {
      throw bad(
          String.format("LZ4 descriptor checksum: expected %02x, got %02x", expected, actual));
    }
    if (sized && contentSize < 0) {
      throw bad("LZ4 content size: expected below 2^63, got " + Long.toUnsignedString(contentSize));
    }
    in.skip(4 + length + 1);
  }

  /** Moves to the next block; all of the current one must have been consumed. */
  void nextBlock() throws IOException {
    if (!readBlock()) {
      throw bad("LZ4 content: expected more pages, got the end of the frame");
    }
  }

  /** Reads the end of the frame, right after the last byte was consumed. */
  void end() throws IOException {
    if (available() > 0) {
      throw bad("LZ4 content: expected none after the last page, got " + available() + " bytes");
    }
    if (readBlock()) {
      throw bad("LZ4 content: expected none after the last page, got another block");
    }
  }

  private boolean readBlock() throws IOException {
    in.require(4, LtxTrailer.SIZE, "LZ4 block size");
    int sizeField = littleEndian(0);
    if (sizeField == 0) {
      in.skip(4);
      checkContent();
      return false;
    }
    boolean stored = (sizeField & STORED) != 0;
    int size = sizeField & ~STORED;
    if (size == 0 || size > maxBlock) {
      throw bad("LZ4 block size: expected 1 to " + maxBlock + ", got " + size);
    }
    in.skip(4);
    in.require(size + (blockChecksums ? 4 : 0), AFTER_BLOCK, "LZ4 block");
    if (blockChecksums) {
      int expected = blockHash.hash(in.array(), in.position(), size, 0);
      checkHash("LZ4 block checksum", expected, littleEndian(size));
    }
    int history = linked ? keepHistory() : 0;
    int length = stored ? copy(size, history) : decompress(size, history);
    if (length == 0) {
      throw bad("LZ4 block: expected content, got an empty one");
    }
    position = history;
    limit = history + length;
    total += length;
    if (contentSize >= 0 && total > contentSize) {
      throw bad("LZ4 content: expected " + contentSize + " bytes, got at least " + total);
    }
    if (contentChecksum) {
      hash.update(block, history, length);
    }
    in.skip(size + (blockChecksums ? 4 : 0));
    return true;
  }

  private void checkContent() throws IOException {
    if (contentSize >= 0 && total != contentSize) {
      throw bad("LZ4 content: expected " + contentSize + " bytes, got " + total);
    }
    if (contentChecksum) {
      in.require(4, LtxTrailer.SIZE, "LZ4 content checksum");
      checkHash("LZ4 content checksum", hash.getValue(), littleEndian(0));
      in.skip(4);
    }
  }

  private void checkHash(String what, int expected, int actual) throws LtxException {
    if (expected != actual) {
      throw bad(String.format("%s: expected %08x, got %08x", what, expected, actual));
    }
  }

  /** Moves the last bytes of what is there to the front; returns how many. */
  private int keepHistory() {
    int kept = Math.min(limit, HISTORY);
    System.arraycopy(block, limit - kept, block, 0, kept);
    return kept;
  }

  private int copy(int size, int at) {
    makeRoom(at, size);
    System.arraycopy(in.array(), in.position(), block, at, size);
    return size;
  }

  private int decompress(int size, int at) throws LtxException {
    // No byte of LZ4 stands for more than 255, so a small block never claims a large buffer.
    int most = (int) Math.min(maxBlock, 255L * size);
    makeRoom(at, most);
    if (linked) {
      return decompressLinked(size, at, at + most);
    }
    try {
      return decompressor.decompress(in.array(), in.position(), size, block, at, most);
    } catch (LZ4Exception e) {
      throw new LtxException(
          Kind.BAD_LZ4, in.offset(), "LZ4 block of " + size + " bytes cannot be decompressed", e);
    }
  }

  /**
   * Expands a block that may refer to the blocks before it, which the library cannot do. Every
   * length and distance is checked before use.
   */
  private int decompressLinked(int size, int start, int most) throws LtxException {
    byte[] src = in.array();
    int from = in.position();
    int end = from + size;
    int to = start;
    while (from < end) {
      int token = src[from++] & 0xff;
      int literals = token >>> 4;
      if (literals == 15) {
        int more;
        do {
          if (from == end || literals > most) {
            throw bad("LZ4 block: literal length runs out of the block");
          }
          more = src[from++] & 0xff;
          literals += more;
        } while (more == 255);
      }
      if (literals > end - from || literals > most - to) {
        throw bad("LZ4 block: literals run out of the block");
      }
      System.arraycopy(src, from, block, to, literals);
      from += literals;
      to += literals;
      if (from == end) {
        return to - start;
      }
      if (end - from < 2) {
        throw bad("LZ4 block: distance runs out of the block");
      }
      int distance = src[from] & 0xff | (src[from + 1] & 0xff) << 8;
      from += 2;
      if (distance == 0 || distance > to) {
        throw bad("LZ4 block: distance " + distance + " reaches before the data");
      }
      int length = token & 15;
      if (length == 15) {
        int more;
        do {
          if (from == end || length > most) {
            throw bad("LZ4 block: match length runs out of the block");
          }
          more = src[from++] & 0xff;
          length += more;
        } while (more == 255);
      }
      length += 4;
      if (length > most - to) {
        throw bad("LZ4 block: match runs out of the block");
      }
      // Byte by byte where source and target overlap: that repeats the pattern, as intended.
      if (distance >= length) {
        System.arraycopy(block, to - distance, block, to, length);
        to += length;
      } else {
        for (int stop = to + length; to < stop; to++) {
          block[to] = block[to - distance];
        }
      }
    }
    throw bad("LZ4 block: expected literals at its end, got a match");
  }

  private void makeRoom(int keep, int length) {
    if (block.length < keep + length) {
      block = Arrays.copyOf(block, keep + length);
    }
  }

  private int littleEndian(int ahead) {
    return Integer.reverseBytes(in.intAt(ahead));
  }

  private LtxException bad(String message) {
    return new LtxException(Kind.BAD_LZ4, in.offset(), message);
  }
}
