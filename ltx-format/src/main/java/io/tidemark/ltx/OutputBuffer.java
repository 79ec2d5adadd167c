package io.tidemark.ltx;

import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * Gathers the pieces of a file, so that a small transaction reaches the sink in one write. Direct
 * memory, because the usual sink is a file channel, which would copy anything else first.
 */
final class OutputBuffer {

  /** Room for the largest single piece: a 64 KiB page or LZ4 block that does not compress. */
  private static final int CAPACITY = 72 * 1024;

  private final ByteBuffer buffer = ByteBuffer.allocateDirect(CAPACITY);
  private LtxSink sink;
  private long flushed;

  void begin(LtxSink to) {
    sink = to;
    flushed = 0;
    buffer.clear();
  }

  /** The buffer, with at least {@code bytes} of space from its position on. */
  ByteBuffer reserve(int bytes) throws IOException {
    if (buffer.remaining() < bytes) {
      flush();
    }
    return buffer;
  }

  void flush() throws IOException {
    buffer.flip();
    int length = buffer.remaining();
    if (length > 0) {
      sink.write(buffer);
      if (buffer.hasRemaining()) {
        throw new IOException(
            "sink took only " + buffer.position() + " of " + length + " bytes offered");
      }
    }
    flushed += length;
    buffer.clear();
  }

  /** Bytes produced since {@link #begin}, flushed or not. */
  long total() {
    return flushed + buffer.position();
  }

  /** Forgets the sink, so that a reused encoder does not keep it alive. */
  void release() {
    sink = null;
  }
}
