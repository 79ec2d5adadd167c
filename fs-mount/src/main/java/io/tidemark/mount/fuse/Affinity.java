package io.tidemark.mount.fuse;

import java.nio.ByteBuffer;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** sched_setaffinity(2). */
final class Affinity {
  private static final Logger log = LoggerFactory.getLogger(Affinity.class);

  /** Bytes of cpu_set_t: 1024 CPUs. */
  private static final int MASK_SIZE = 128;

  private Affinity() {}

  static void restrictThisThread(List<Integer> cpus) {
    ByteBuffer mask = Native.scratch(MASK_SIZE);
    for (int cpu : cpus) {
      int word = cpu / 64 * 8;
      mask.putLong(word, mask.getLong(word) | 1L << (cpu % 64));
    }
    if (Native.C.sched_setaffinity(0, MASK_SIZE, Native.address(mask)) < 0) {
      log.warn(
          "cannot keep a request thread on CPUs {}: {}; it runs on any CPU",
          cpus,
          Errno.name(Native.errno()));
    }
  }
}
