package io.tidemark.mount.fuse;

/** The part of a mount that speaks with the kernel. */
interface Transport {
  KernelCache cache();

  /** The connection has ended and the file system knows it. */
  boolean isStopped();

  /**
   * Waits for the end of the connection.
   *
   * @return false when it still lives after {@code millis}
   */
  boolean awaitStopped(long millis) throws InterruptedException;

  /** Notifications do nothing while muted: an attempt to unmount is under way. */
  default void mute(boolean muted) {
    // The kernel transport keeps its descriptor until the last message is out.
  }
}
