package io.tidemark.mount.fuse;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * One call into the file system from a libfuse callback. The callback thread waits until the
 * request is answered; libfuse starts another thread when all of its threads wait, so {@link
 * #blocking} work runs where it is.
 */
final class LibfuseRequest implements FuseRequest {
  /** Entries collected from one readdir; the rest comes with the next. */
  private static final int DIRECTORY_BATCH = 512;

  /** A directory entry as the file system gave it. */
  record DirectoryEntry(long inode, long cookie, int type, String name) {}

  /** Numbers of a statfs answer. */
  record Statfs(
      long blocks,
      long freeBlocks,
      long availableBlocks,
      long files,
      long freeFiles,
      int blockSize,
      int nameMax) {}

  private final int uid;
  private final int gid;
  private final int tid;
  private final int umask;
  private final ByteBuffer data;

  private boolean answered;
  private int errno;
  private Entry entry;
  private Attr attr;
  private long handle;
  private int openFlags;
  private int count;
  private String target;
  private Statfs statfs;
  private final List<DirectoryEntry> directory = new ArrayList<>(0);

  /**
   * @param context address of struct fuse_context: uid 8, gid 12, pid 16, umask 32
   * @param data memory of a read, else null
   */
  LibfuseRequest(long context, ByteBuffer data) {
    uid = LibfuseBinding.MEMORY.getInt(context + 8);
    gid = LibfuseBinding.MEMORY.getInt(context + 12);
    tid = LibfuseBinding.MEMORY.getInt(context + 16);
    umask = LibfuseBinding.MEMORY.getInt(context + 32);
    this.data = data;
  }

  /** Waits for the answer: 0 or a positive errno. */
  synchronized int await() {
    boolean interrupted = false;
    while (!answered) {
      try {
        wait();
      } catch (InterruptedException e) {
        // The kernel waits for an answer; there is no other way out.
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    return errno;
  }

  synchronized boolean isAnswered() {
    return answered;
  }

  Entry entry() {
    return entry;
  }

  Attr attr() {
    return attr;
  }

  long handle() {
    return handle;
  }

  int openFlags() {
    return openFlags;
  }

  int count() {
    return count;
  }

  String target() {
    return target;
  }

  Statfs statfs() {
    return statfs;
  }

  List<DirectoryEntry> directory() {
    return directory;
  }

  private synchronized void answer(int error) {
    if (answered) {
      throw new IllegalStateException("a request was answered twice");
    }
    errno = error;
    answered = true;
    notifyAll();
  }

  @Override
  public int uid() {
    return uid;
  }

  @Override
  public int gid() {
    return gid;
  }

  @Override
  public int tid() {
    return tid;
  }

  @Override
  public int umask() {
    return umask;
  }

  @Override
  public boolean isWriteBack() {
    return false;
  }

  @Override
  public void blocking(Runnable work) {
    work.run();
  }

  @Override
  public void error(int error) {
    answer(error);
  }

  @Override
  public void replyOk() {
    answer(0);
  }

  @Override
  public void replyEntry(Entry found) {
    entry = found;
    answer(0);
  }

  @Override
  public void replyNoEntry(long validNanos) {
    answer(Errno.ENOENT);
  }

  @Override
  public void replyAttr(Attr found, long validNanos) {
    attr = found;
    answer(0);
  }

  @Override
  public void replyOpen(long opened, int flags) {
    handle = opened;
    openFlags = flags;
    answer(0);
  }

  @Override
  public void replyCreate(Entry made, long opened, int flags) {
    entry = made;
    replyOpen(opened, flags);
  }

  @Override
  public void replyWritten(int bytes) {
    count = bytes;
    answer(0);
  }

  @Override
  public void replyTarget(String text) {
    target = text;
    answer(0);
  }

  @Override
  public ByteBuffer dataBuffer(int size) {
    return data.clear().limit(size);
  }

  @Override
  public void replyData() {
    count = data.position();
    answer(0);
  }

  @Override
  public boolean addDirectoryEntry(long inode, long cookie, int type, String name) {
    if (directory.size() >= DIRECTORY_BATCH) {
      return false;
    }
    directory.add(new DirectoryEntry(inode, cookie, type, name));
    return true;
  }

  @Override
  public void replyDirectory() {
    answer(0);
  }

  @Override
  public void replyStatfs(
      long blocks,
      long freeBlocks,
      long availableBlocks,
      long files,
      long freeFiles,
      int blockSize,
      int nameMax) {
    statfs = new Statfs(blocks, freeBlocks, availableBlocks, files, freeFiles, blockSize, nameMax);
    answer(0);
  }
}
