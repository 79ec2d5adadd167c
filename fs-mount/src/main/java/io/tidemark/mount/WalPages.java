package io.tidemark.mount;

import io.tidemark.mount.fuse.FuseRequest;
import io.tidemark.mount.fuse.KernelCache;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * Makes the kernel hold whole pages of a WAL, which saves a request for each frame that is written.
 *
 * <p>A frame is a header of 24 bytes and a page, so frames begin and end in the middle of pages of
 * the file. The kernel ends a WRITE request at a page of which it does not hold all bytes (it keeps
 * that page locked until the answer), and so a frame takes three requests. Given the whole page
 * (NOTIFY_STORE), it writes across it. A WAL is written from its beginning again and again, so what
 * is given once helps from the second pass on.
 *
 * <p>Bytes are given only while a WRITE of the same file waits for its answer: the kernel lets in
 * no other write(2) or truncation of that file meanwhile (inode lock, O_DIRECT or not; it would let
 * direct writes run side by side only if OPEN was answered with FOPEN_DIRECT_IO). So they cannot be
 * older than what it holds. And only below the page where that write begins, because its own pages
 * may be locked.
 *
 * <p>Mappings know no such order: their pages are written back at any time, and what was changed in
 * them is unknown until then. SQLite maps no WAL; nothing is given any more for one that turns out
 * to be changed that way. Should it happen once before, a change of a committed frame is lost that
 * would have been refused.
 *
 * <p>Guarded by that, too: there is one WRITE at a time, but for those of mappings.
 */
final class WalPages {
  private static final int PAGE = 4096;

  /** Bytes given at once; few enough to be quick, many enough to be rare. */
  private static final int BATCH = 64 << 10;

  private static final ThreadLocal<ByteBuffer> BYTES =
      ThreadLocal.withInitial(() -> ByteBuffer.allocateDirect(BATCH));

  /** Where the bytes are: reads until {@code dst} is full or the file ends. */
  interface Source {
    int read(ByteBuffer dst, long offset) throws IOException;
  }

  /** The kernel holds everything below, as far as is known. */
  private long whole;

  private volatile boolean mapped;

  /**
   * Notes a write.
   *
   * @param writeBack see {@link FuseRequest#isWriteBack}
   * @return whether {@link #give} has something to do
   */
  boolean wrote(long offset, int length, boolean writeBack) {
    if (writeBack) {
      mapped = true;
    }
    if (mapped) {
      return false;
    }
    long end = offset + length;
    if (offset < whole && end % PAGE == 0 && offset % PAGE != 0 && length < PAGE) {
      whole = pageOf(offset); // it stopped here: the kernel has dropped the page
    }
    return pageOf(offset) - whole >= BATCH;
  }

  /** Gives what is whole below a write that is not answered yet. */
  void give(KernelCache cache, long node, Source file, long offset) throws IOException {
    while (pageOf(offset) - whole >= BATCH) {
      ByteBuffer bytes = BYTES.get().clear();
      int n = file.read(bytes, whole);
      if (n < BATCH) {
        return; // a hole, or cut meanwhile
      }
      cache.store(node, whole, bytes.flip());
      whole += BATCH;
    }
  }

  private static long pageOf(long offset) {
    return offset / PAGE * PAGE;
  }
}
