package io.tidemark.mount.fuse;

import java.nio.ByteBuffer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The first exchange on a connection: struct fuse_init_in and fuse_init_out of fuse.h. */
final class KernelInit {
  private static final Logger log = LoggerFactory.getLogger(KernelInit.class);

  private static final int MAJOR = 7;

  /** The protocol whose layouts are spoken here; the kernel adapts to it. */
  private static final int MINOR = 31;

  /** Oldest kernel protocol with 1 MiB requests (FUSE_MAX_PAGES): Linux 4.20. */
  private static final int OLDEST_MINOR = 28;

  private static final int ASYNC_READ = 1;
  private static final int BIG_WRITES = 1 << 5;
  private static final int PARALLEL_DIROPS = 1 << 18;
  private static final int MAX_PAGES = 1 << 22;
  private static final int EXPLICIT_INVAL_DATA = 1 << 25;

  /**
   * What is asked for. Left out on purpose: POSIX_LOCKS and FLOCK_LOCKS (locks stay in the kernel),
   * WRITEBACK_CACHE (writes would arrive late and out of order), ATOMIC_O_TRUNC (truncation comes
   * as SETATTR), DONT_MASK (the kernel applies the umask), AUTO_INVAL_DATA (a race by construction;
   * we invalidate explicitly).
   */
  private static final int WANTED =
      ASYNC_READ | BIG_WRITES | PARALLEL_DIROPS | MAX_PAGES | EXPLICIT_INVAL_DATA;

  private static final int READ_AHEAD = 1 << 20;

  /** Requests nobody waits for (read-ahead) that may be outstanding. */
  private static final int MAX_BACKGROUND = 64;

  private static final int CONGESTION = 48;
  private static final int TIMEOUT_MILLIS = 10_000;
  private static final int REPLY = 80;

  private KernelInit() {}

  static void negotiate(int fd, RequestPool pool) throws MountException {
    KernelRequest request = pool.take();
    try {
      long n = await(fd, request);
      ByteBuffer io = request.buffer();
      int in = (int) (request.inputAddress() - Native.address(io));
      int major = io.getInt(in + KernelRequest.HEADER);
      int minor = io.getInt(in + KernelRequest.HEADER + 4);
      int readAhead = io.getInt(in + KernelRequest.HEADER + 8);
      int capable = io.getInt(in + KernelRequest.HEADER + 12);
      if (n < KernelRequest.HEADER + 16 || io.getInt(in + 4) != Opcode.INIT) {
        throw new MountException("the kernel did not begin with INIT; unmount and try again");
      }
      if (major != MAJOR || minor < OLDEST_MINOR) {
        throw new MountException(
            "the kernel speaks FUSE %d.%d, needed is 7.%d (Linux 4.20) or later; use a newer kernel"
                .formatted(major, minor, OLDEST_MINOR));
      }
      reply(fd, request, io.getLong(in + 8), readAhead, capable & WANTED);
      log.debug("FUSE {}.{}, flags {}", major, minor, Integer.toHexString(capable & WANTED));
    } finally {
      request.dropped();
    }
  }

  private static long await(int fd, KernelRequest request) throws MountException {
    ByteBuffer poll = Native.scratch(8).putInt(0, fd).putShort(4, Native.POLLIN);
    if (Native.C.poll(Native.address(poll), 1, TIMEOUT_MILLIS) <= 0) {
      throw new MountException("the kernel sent no INIT within 10 s; unmount and try again");
    }
    long n = Native.C.read(fd, request.inputAddress(), KernelRequest.CAPACITY);
    if (n < 0) {
      throw new MountException("cannot read from /dev/fuse: " + Errno.name(Native.errno()));
    }
    return n;
  }

  private static void reply(int fd, KernelRequest request, long unique, int readAhead, int flags)
      throws MountException {
    ByteBuffer io = request.buffer();
    for (int i = 0; i < REPLY; i += 8) {
      io.putLong(i, 0);
    }
    io.putInt(0, REPLY).putLong(8, unique);
    io.putInt(16, MAJOR).putInt(20, MINOR);
    io.putInt(24, Math.max(readAhead, READ_AHEAD)).putInt(28, flags);
    io.putShort(32, (short) MAX_BACKGROUND).putShort(34, (short) CONGESTION);
    io.putInt(36, MountOptions.MAX_WRITE).putInt(40, 1);
    io.putShort(44, (short) (MountOptions.MAX_WRITE / 4096));
    if (Native.C.write(fd, Native.address(io), REPLY) != REPLY) {
      throw new MountException("the kernel refused INIT: " + Errno.name(Native.errno()));
    }
  }
}
