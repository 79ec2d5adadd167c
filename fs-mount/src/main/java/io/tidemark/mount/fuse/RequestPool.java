package io.tidemark.mount.fuse;

import java.nio.ByteBuffer;
import java.util.ArrayDeque;

/**
 * Requests with their buffers, most recently used first, so that a quiet mount works in one buffer
 * that stays in the CPU cache. It never runs dry: a reader that waited for a buffer could wait for
 * the very request that would free one. Idle buffers beyond {@link #KEPT} give their pages back.
 */
final class RequestPool {
  /** Idle buffers that keep what they touched (at most 1 MiB each). */
  private static final int KEPT = 6;

  /** Below this a buffer is not worth the system call that empties it; bytes. */
  private static final int SMALL = 64 << 10;

  /** Buffers of ended mounts. Memory is never unmapped, see {@link Native}. */
  private static final ArrayDeque<ByteBuffer> SPARE = new ArrayDeque<>();

  private final KernelTransport transport;
  private final ArrayDeque<KernelRequest> idle = new ArrayDeque<>();
  private int taken;
  private boolean closing;
  private Runnable whenClosed;

  RequestPool(KernelTransport transport) {
    this.transport = transport;
  }

  /** Null when the pool is closed. */
  synchronized KernelRequest take() {
    if (closing) {
      return null;
    }
    taken++;
    KernelRequest request = idle.pollFirst();
    return request != null ? request : new KernelRequest(transport, this, buffer());
  }

  synchronized void give(KernelRequest request) {
    taken--;
    if (closing) {
      retire(request);
      runWhenClosed();
      return;
    }
    if (idle.size() >= KEPT && request.touched > SMALL) {
      request.discard();
    }
    idle.addFirst(request);
  }

  /** Lends no more requests; {@code action} runs once the last one has come back. */
  synchronized void close(Runnable action) {
    closing = true;
    whenClosed = action;
    idle.forEach(RequestPool::retire);
    idle.clear();
    runWhenClosed();
  }

  private void runWhenClosed() {
    if (taken == 0 && whenClosed != null) {
      Runnable action = whenClosed;
      whenClosed = null;
      action.run();
    }
  }

  private static ByteBuffer buffer() {
    synchronized (SPARE) {
      ByteBuffer spare = SPARE.pollFirst();
      if (spare != null) {
        return spare;
      }
    }
    return Native.map(KernelRequest.BUFFER_SIZE);
  }

  private static void retire(KernelRequest request) {
    request.discard();
    synchronized (SPARE) {
      SPARE.addFirst(request.buffer());
    }
  }
}
