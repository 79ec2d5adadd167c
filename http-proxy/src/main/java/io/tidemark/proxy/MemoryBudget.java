package io.tidemark.proxy;

import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.ByteBufAllocatorMetricProvider;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Keeps clients from using up the memory of the node, of which the proxy is only a part: heads of
 * requests, from their first byte to the end of their answer, and the buffers of all connections.
 * Safe for all threads.
 */
final class MemoryBudget {
  private final long mostHeads;
  private final long easyBuffers;
  private final long mostBuffers;
  private final AtomicLong heads = new AtomicLong();

  /**
   * @param mostHeads bytes
   * @param easyBuffers bytes of the process's direct buffers, up to which answers are read ahead
   * @param mostBuffers the same, above which no request begins
   */
  MemoryBudget(long mostHeads, long easyBuffers, long mostBuffers) {
    this.mostHeads = mostHeads;
    this.easyBuffers = easyBuffers;
    this.mostBuffers = mostBuffers;
  }

  /**
   * @param bytes negative to give back
   * @return false if there is no room for more; they count all the same
   */
  boolean takeHead(long bytes) {
    return heads.addAndGet(bytes) <= mostHeads;
  }

  /** Whether an answer should be read on only when its client has taken what was read. */
  boolean isTight() {
    return buffers() > easyBuffers;
  }

  /** Whether requests should not begin now. */
  boolean isExhausted() {
    return buffers() > mostBuffers;
  }

  private static long buffers() {
    return ByteBufAllocator.DEFAULT instanceof ByteBufAllocatorMetricProvider provider
        ? provider.metric().usedDirectMemory()
        : 0;
  }
}
