package io.tidemark.ltx;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import java.util.Objects;

/** Where a decoder gets its bytes from. */
@FunctionalInterface
public interface LtxSource {

  /**
   * Reads at least one byte into the buffer, blocking if need be. The decoder passes heap buffers
   * with space left.
   *
   * @return the number of bytes put into the buffer, -1 at the end
   */
  int read(ByteBuffer dst) throws IOException;

  /** Reads from a stream; the caller keeps ownership and closes it. */
  static LtxSource of(InputStream in) {
    Objects.requireNonNull(in, "in");
    return dst -> {
      if (!dst.hasArray()) {
        byte[] bytes = new byte[Math.min(dst.remaining(), 8192)];
        int n = in.read(bytes);
        if (n > 0) {
          dst.put(bytes, 0, n);
        }
        return n;
      }
      int n = in.read(dst.array(), dst.arrayOffset() + dst.position(), dst.remaining());
      if (n > 0) {
        dst.position(dst.position() + n);
      }
      return n;
    };
  }

  /** Reads from a blocking channel; the caller keeps ownership and closes it. */
  static LtxSource of(ReadableByteChannel channel) {
    Objects.requireNonNull(channel, "channel");
    return channel::read;
  }

  /** Reads the bytes between position and limit and advances the buffer's position. */
  static LtxSource of(ByteBuffer buffer) {
    Objects.requireNonNull(buffer, "buffer");
    return dst -> {
      if (!buffer.hasRemaining()) {
        return -1;
      }
      int n = Math.min(dst.remaining(), buffer.remaining());
      int limit = buffer.limit();
      buffer.limit(buffer.position() + n);
      dst.put(buffer);
      buffer.limit(limit);
      return n;
    };
  }
}
