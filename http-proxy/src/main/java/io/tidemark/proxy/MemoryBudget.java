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
  private final long mostBuffers;
  private final AtomicLong heads = new AtomicLong();
  private volatile boolean tight;

  /**
   * @param mostHeads bytes
   * @param mostBuffers bytes of the process's direct buffers, above which no request begins
   */
  MemoryBudget(long mostHeads, long mostBuffers) {
    this.mostHeads = mostHeads;
    this.mostBuffers = mostBuffers;
  }

  /**
   * @param bytes negative to give back
   * @return false if there is no room for more; they count all the same
   */
  boolean takeHead(long bytes) {
    return heads.addAndGet(bytes) <= mostHeads;
  }

  /** Bytes of heads that are held now. */
  long heads() {
    return heads.get();
  }

  /** Whether requests should not begin now. */
  boolean isTight() {
    return tight;
  }

  /** Looks at the buffers; from time to time. */
  void look() {
    if (ByteBufAllocator.DEFAULT instanceof ByteBufAllocatorMetricProvider provider) {
      tight = provider.metric().usedDirectMemory() > mostBuffers;
    }
  }
}
