package io.tidemark.database;

import java.nio.ByteBuffer;
import java.util.ArrayDeque;

/**
 * Memory for the uncommitted blocks of all databases of a store. It is bounded: a node may have
 * thousands of databases, and each may be in the middle of a transaction. What finds no room here
 * goes to a file.
 *
 * <p>Chunks that come back are kept for the next transaction, so that a small one allocates
 * nothing.
 */
final class BlockMemory {
  /** Bytes of a chunk. */
  static final int CHUNK = 16 * Overlay.BLOCK;

  private final int mostChunks;
  private final ArrayDeque<ByteBuffer> free = new ArrayDeque<>();
  private int made;

  /**
   * @param mostBytes that all databases may use together
   */
  BlockMemory(long mostBytes) {
    mostChunks = (int) (mostBytes / CHUNK);
  }

  /** A chunk with arbitrary content, or null when all are in use. */
  synchronized ByteBuffer take() {
    ByteBuffer chunk = free.pollFirst();
    if (chunk == null && made < mostChunks) {
      chunk = ByteBuffer.allocateDirect(CHUNK);
      made++;
    }
    return chunk;
  }

  synchronized void give(ByteBuffer chunk) {
    free.addFirst(chunk);
  }

  /** Chunks that are lent. */
  synchronized int lent() {
    return made - free.size();
  }
}
