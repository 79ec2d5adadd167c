package io.tidemark.mount.fuse;

import com.kenai.jffi.MemoryIO;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import jnr.ffi.LastError;
import jnr.ffi.LibraryLoader;
import jnr.ffi.Pointer;
import jnr.ffi.Runtime;
import jnr.ffi.annotations.In;

/**
 * System calls through JNR, and memory outside the heap for them. Buffers are passed as plain
 * addresses, so that a call allocates nothing.
 *
 * <p>Memory from {@link #map} is never unmapped: a late use of a buffer by mistake must read stale
 * bytes, not crash the process.
 */
final class Native {
  // open(2) flags that are the same on x86-64 and aarch64
  static final int O_RDONLY = 0;
  static final int O_RDWR = 2;
  static final int O_NONBLOCK = 0x800;
  static final int O_CLOEXEC = 0x80000;

  /** O_DIRECTORY and its neighbours are numbered differently on ARM (asm/fcntl.h). */
  static final int O_NOFOLLOW = isArm() ? 0x8000 : 0x20000;

  static final int O_TRUNC = 0x200;

  static final short POLLIN = 1;
  static final short POLLERR = 8;

  private static final int IOPRIO_WHO_PROCESS = 1;
  private static final int PROT_READ_WRITE = 3;
  private static final int MAP_PRIVATE_ANONYMOUS = 0x22;
  private static final int MADV_DONTNEED = 4;

  /** glibc, as far as this package uses it. Every {@code long} is a C long, size_t or address. */
  public interface LibC {
    int open(@In byte[] path, int flags, int mode);

    int close(int fd);

    int sched_yield();

    int clock_gettime(int clock, long timespec);

    long read(int fd, long buffer, long count);

    long write(int fd, long buffer, long count);

    long pread(int fd, long buffer, long count, long offset);

    int poll(long fds, long count, int timeoutMillis);

    int ioctl(int fd, long request, long argument);

    int fcntl(int fd, int command, long argument);

    int mount(@In byte[] source, @In byte[] target, @In byte[] type, long flags, @In byte[] data);

    int umount2(@In byte[] target, int flags);

    int statx(int directory, @In byte[] path, int flags, int mask, long buffer);

    /**
     * With a Pointer on purpose: JNR's fast path for six plain numbers passes a wrong sixth one
     * (jnr-ffi 2.2.16, x86-64).
     */
    Pointer mmap(Pointer address, long length, int protection, int flags, int fd, long offset);

    int madvise(long address, long length, int advice);

    int sched_setaffinity(int tid, long size, long mask);

    int sched_getaffinity(int tid, long size, long mask);

    int sched_getscheduler(int tid);

    int sched_setscheduler(int tid, int policy, long parameters);

    int gettid();

    /** Only for calls that glibc does not have. */
    long syscall(long number, long first, long second, long third);

    int getpid();

    int geteuid();

    int getegid();

    int kill(int pid, int signal);

    int pipe2(long fds, int flags);

    int socketpair(int domain, int type, int protocol, long fds);

    long recvmsg(int fd, long message, int flags);

    int posix_spawn(
        long pid, @In byte[] path, long fileActions, long attributes, long argv, long environment);

    int posix_spawn_file_actions_init(long actions);

    int posix_spawn_file_actions_adddup2(long actions, int fd, int newFd);

    int posix_spawn_file_actions_destroy(long actions);

    int waitpid(int pid, long status, int options);
  }

  static final Runtime RUNTIME = Runtime.getSystemRuntime();
  static final LibC C = LibraryLoader.create(LibC.class).load("c");

  private Native() {}

  private static boolean isArm() {
    return System.getProperty("os.arch").equals("aarch64");
  }

  /** Sets the I/O priority of the calling thread. */
  static long setIoPriority(int priority) {
    long number = isArm() ? 30 : 251;
    return C.syscall(number, IOPRIO_WHO_PROCESS, 0, priority);
  }

  /** errno of the last call on this thread. */
  static int errno() {
    return LastError.getLastError(RUNTIME);
  }

  static IOException failure(String what) {
    int errno = errno();
    return new IOException(what + ": " + Errno.name(errno));
  }

  /** NUL-terminated UTF-8. */
  static byte[] cString(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    return Arrays.copyOf(bytes, bytes.length + 1);
  }

  /** Anonymous pages; they take up memory only once touched. */
  static ByteBuffer map(int length) {
    Pointer pages = C.mmap(null, length, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0);
    if (pages == null || pages.address() == -1) {
      throw new OutOfMemoryError("mmap of " + length + " bytes: " + Errno.name(errno()));
    }
    return MemoryIO.getInstance()
        .newDirectByteBuffer(pages.address(), length)
        .order(ByteOrder.nativeOrder());
  }

  /** Gives the pages of a mapped range back; they read as zeros afterwards. */
  static void discard(long address, long length) {
    C.madvise(address, length, MADV_DONTNEED);
  }

  static long address(ByteBuffer direct) {
    return MemoryIO.getInstance().getDirectBufferAddress(direct);
  }

  /** A small zeroed buffer for one call; freed by the garbage collector. */
  static ByteBuffer scratch(int length) {
    return ByteBuffer.allocateDirect(length).order(ByteOrder.nativeOrder());
  }

  static int close(int fd) {
    return fd < 0 ? 0 : C.close(fd);
  }
}
