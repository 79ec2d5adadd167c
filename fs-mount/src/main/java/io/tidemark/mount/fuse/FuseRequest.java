package io.tidemark.mount.fuse;

import java.nio.ByteBuffer;

/**
 * One request of the kernel: who asks, and the ways to answer. Exactly one {@code reply...} or
 * {@code error} call ends it; after that call the object and its buffers belong to the transport
 * again. Not thread-safe; may be handed from one thread to another.
 */
public interface FuseRequest {
  int uid();

  int gid();

  /** Thread id (not process id) of the caller. */
  int tid();

  /**
   * File mode creation mask of the caller, for create, mkdir and mknod. For information: the kernel
   * has applied it to the mode already. 0 where the transport does not know it.
   */
  int umask();

  /**
   * Whether this is a WRITE of pages that were changed through a mapping. Other writes of a file
   * wait for one another, these come at any time. False where the transport does not know it.
   */
  boolean isWriteBack();

  /**
   * Runs work that may wait. It runs on the calling thread when another thread can take over the
   * next requests meanwhile, else on a pool thread. The work must answer this request.
   */
  void blocking(Runnable work);

  /**
   * @param errno positive errno value
   */
  void error(int errno);

  /** Success without a body (unlink, flush, fsync, release, rename, ...). */
  void replyOk();

  void replyEntry(Entry entry);

  /** The name does not exist, and the kernel may remember that for {@code validNanos}. */
  void replyNoEntry(long validNanos);

  void replyAttr(Attr attr, long validNanos);

  /**
   * @param flags bits of {@link OpenFlags}
   */
  void replyOpen(long handle, int flags);

  void replyCreate(Entry entry, long handle, int flags);

  void replyWritten(int bytes);

  void replyTarget(String target);

  /** Space to read into: {@code size} bytes, position 0. Answer with {@link #replyData}. */
  ByteBuffer dataBuffer(int size);

  /** Answers a read with bytes 0 to the position of the buffer from {@link #dataBuffer}. */
  void replyData();

  /**
   * Adds one directory entry to a readdir answer.
   *
   * @param cookie offset that continues after this entry, greater than 0
   * @param type DT_* value: 4 directory, 8 regular file, 10 symbolic link
   * @return false when it did not fit; then answer with {@link #replyDirectory}
   */
  boolean addDirectoryEntry(long inode, long cookie, int type, String name);

  void replyDirectory();

  void replyStatfs(
      long blocks,
      long freeBlocks,
      long availableBlocks,
      long files,
      long freeFiles,
      int blockSize,
      int nameMax);
}
