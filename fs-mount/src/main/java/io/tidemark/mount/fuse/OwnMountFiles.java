package io.tidemark.mount.fuse;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;

/**
 * The daemon's own descriptors on its own mount, and byte-range locks on them.
 *
 * <p>Only {@link #open} and {@link #close} send requests to the file system (LOOKUP, OPEN, FLUSH),
 * so they belong on a thread that serves no request and whose hanging is survived. Locks never
 * leave the kernel, and {@link #pread} of cached pages does not either.
 *
 * <p>Locks are open-file-description locks (F_OFD_*, fcntl(2)): they belong to the descriptor, not
 * to the process. The POSIX locks of SQLite conflict with them like with those of another process,
 * and closing some other descriptor of the same file does not drop them.
 */
public final class OwnMountFiles {
  // fcntl.h; the same on x86-64 and aarch64
  private static final int F_OFD_GETLK = 36;
  private static final int F_OFD_SETLK = 37;
  private static final short F_RDLCK = 0;
  private static final short F_WRLCK = 1;
  private static final short F_UNLCK = 2;

  /** sizeof(struct flock): type 0, whence 2, start 8, len 16, pid 24. */
  private static final int FLOCK_SIZE = 32;

  private static final ThreadLocal<ByteBuffer> FLOCK =
      ThreadLocal.withInitial(() -> Native.scratch(FLOCK_SIZE));

  private OwnMountFiles() {}

  /** Opens an existing file for reading and writing; close-on-exec. Waits for the file system. */
  public static int open(Path file) throws IOException {
    int fd = Native.C.open(Native.cString(file.toString()), Native.O_RDWR | Native.O_CLOEXEC, 0);
    if (fd < 0) {
      throw Native.failure("open " + file);
    }
    return fd;
  }

  /** Closes and thereby drops the descriptor's locks. */
  public static void close(int fd) throws IOException {
    if (Native.C.close(fd) < 0) {
      throw Native.failure("close of descriptor " + fd);
    }
  }

  /**
   * Reads into a direct buffer from its position on, and moves the position.
   *
   * @return bytes read; 0 at the end of the file or for a full buffer
   */
  public static int pread(int fd, ByteBuffer direct, long offset) throws IOException {
    long n =
        Native.C.pread(fd, Native.address(direct) + direct.position(), direct.remaining(), offset);
    if (n < 0) {
      throw Native.failure("pread of descriptor " + fd);
    }
    direct.position(direct.position() + (int) n);
    return (int) n;
  }

  /**
   * Whether anybody else, a process or another descriptor, holds a lock, shared or exclusive, that
   * overlaps the range. Own locks of {@code fd} do not count.
   *
   * @param length bytes; 0 = to the end of the file, however far
   */
  public static boolean heldByOthers(int fd, long start, long length) throws IOException {
    ByteBuffer lock = flock(F_WRLCK, start, length);
    if (Native.C.fcntl(fd, F_OFD_GETLK, Native.address(lock)) < 0) {
      throw Native.failure("F_OFD_GETLK of descriptor " + fd);
    }
    return lock.getShort(0) != F_UNLCK;
  }

  /**
   * Takes, upgrades or downgrades a lock without waiting; false when somebody else is in the way.
   */
  public static boolean tryLock(int fd, long start, long length, boolean exclusive)
      throws IOException {
    ByteBuffer lock = flock(exclusive ? F_WRLCK : F_RDLCK, start, length);
    if (Native.C.fcntl(fd, F_OFD_SETLK, Native.address(lock)) == 0) {
      return true;
    }
    int errno = Native.errno();
    if (errno == Errno.EAGAIN || errno == Errno.EACCES) {
      return false;
    }
    throw new IOException("F_OFD_SETLK of descriptor " + fd + ": " + Errno.name(errno));
  }

  public static void unlock(int fd, long start, long length) throws IOException {
    ByteBuffer lock = flock(F_UNLCK, start, length);
    if (Native.C.fcntl(fd, F_OFD_SETLK, Native.address(lock)) < 0) {
      throw Native.failure("unlock of descriptor " + fd);
    }
  }

  private static ByteBuffer flock(short type, long start, long length) {
    // Whence 0 = SEEK_SET; pid must be 0 for these locks.
    return FLOCK
        .get()
        .order(ByteOrder.nativeOrder())
        .putShort(0, type)
        .putShort(2, (short) 0)
        .putLong(8, start)
        .putLong(16, length)
        .putInt(24, 0);
  }
}
