package io.tidemark.mount.fuse;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;

/** Keeps the fsyncs of some files waiting until they are let go. */
final class WaitingSyncs implements PassThroughFs.Hook {
  private final String prefix;
  private final CountDownLatch release = new CountDownLatch(1);
  private final AtomicInteger inside = new AtomicInteger();

  /**
   * @param prefix of the names of these files
   */
  WaitingSyncs(String prefix) {
    this.prefix = prefix;
  }

  @Override
  public boolean takes(FuseRequest request, String operation, String name) {
    if (!operation.equals("fsync") || !name.startsWith(prefix)) {
      return false;
    }
    request.blocking(
        () -> {
          inside.incrementAndGet();
          try {
            release.await();
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          }
          request.replyOk();
        });
    return true;
  }

  /** How many wait, or have waited. */
  int inside() {
    return inside.get();
  }

  void release() {
    release.countDown();
  }
}
