package io.tidemark.database;

import java.nio.ByteBuffer;
import java.util.ArrayDeque;

/**
 * Buffers for records that arrive piece by piece. A record holds one from its first byte to its
 * last, so there are as many as databases that receive at the same moment, not as databases.
 */
final class ReceiveBuffers {
  private static final int BYTES = 256 << 10;
  private static final int MOST_KEPT = 8;

  private final ArrayDeque<ByteBuffer> free = new ArrayDeque<>();

  synchronized ByteBuffer take() {
    ByteBuffer buffer = free.pollFirst();
    return buffer != null ? buffer : ByteBuffer.allocateDirect(BYTES);
  }

  synchronized void give(ByteBuffer buffer) {
    if (free.size() < MOST_KEPT) {
      free.addFirst(buffer);
    }
  }
}
