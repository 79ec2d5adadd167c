package io.tidemark.mount.fuse;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * CLOCK_BOOTTIME of clock_gettime(2): like {@link System#nanoTime}, but it goes on while the
 * machine is suspended.
 */
public final class BootTime {
  private static final int CLOCK_BOOTTIME = 7;
  private static final int TIMESPEC = 16;
  private static final long SECOND = 1_000_000_000;

  /** Of one thread, so that a call allocates nothing and takes no lock. */
  private static final class Timespec {
    final ByteBuffer bytes = ByteBuffer.allocateDirect(TIMESPEC).order(ByteOrder.nativeOrder());
    final long address = Native.address(bytes);
  }

  private static final ThreadLocal<Timespec> TIMESPECS = ThreadLocal.withInitial(Timespec::new);

  private BootTime() {}

  /** Nanoseconds since some moment; only differences mean something. */
  public static long nanos() {
    Timespec now = TIMESPECS.get();
    if (Native.C.clock_gettime(CLOCK_BOOTTIME, now.address) != 0) {
      throw new IllegalStateException("this kernel has no CLOCK_BOOTTIME");
    }
    return now.bytes.getLong(0) * SECOND + now.bytes.getLong(Long.BYTES);
  }
}
