package io.tidemark.mount.fuse;

import java.nio.ByteBuffer;

/**
 * Changes what the kernel remembers about our files. The calls may wait for requests of the same
 * file that are in flight, so call them only from a thread that serves no request and holds no lock
 * that a request handler may want (otherwise the mount hangs).
 */
public interface KernelCache {
  /** Forgets cached bytes and attributes of a range; length 0 = to the end of the file. */
  void invalidate(long node, long offset, long length);

  /** Forgets cached attributes only. */
  void invalidateAttributes(long node);

  /** Forgets a directory entry (also a remembered absence). */
  void invalidateEntry(long parent, String name);

  /** Whether {@link #store} keeps the bytes; else it only makes the kernel ask for them. */
  boolean holdsWhatIsStored();

  /**
   * Puts bytes into the page cache, visible to read(2) and shared mappings at once. The backing
   * content must be changed too.
   */
  void store(long node, long offset, ByteBuffer data);
}
