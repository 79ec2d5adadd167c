package io.tidemark.mount.fuse;

import java.nio.ByteBuffer;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Sets of CPUs that a thread may run on: sched_setaffinity(2). */
final class Affinity {
  private static final Logger log = LoggerFactory.getLogger(Affinity.class);

  /** Bytes of cpu_set_t: 1024 CPUs. */
  private static final int MASK_SIZE = 128;

  static final int MOST_CPUS = 8 * MASK_SIZE;

  private final ByteBuffer mask = Native.scratch(MASK_SIZE);
  private final long address = Native.address(mask);

  private Affinity() {}

  static Affinity of(List<Integer> cpus) {
    Affinity set = new Affinity();
    cpus.forEach(set::add);
    return set;
  }

  /** Where the calling thread may run now. */
  static Affinity ofThisThread() {
    Affinity set = new Affinity();
    if (Native.C.sched_getaffinity(0, MASK_SIZE, set.address) < 0) {
      // A mask too small for the machine; all CPUs then, which the kernel cuts to those it has.
      for (int cpu = 0; cpu < MOST_CPUS; cpu++) {
        set.add(cpu);
      }
    }
    return set;
  }

  private void add(int cpu) {
    int word = cpu / 64 * 8;
    mask.putLong(word, mask.getLong(word) | 1L << (cpu % 64));
  }

  boolean contains(int cpu) {
    return (mask.getLong(cpu / 64 * 8) >>> (cpu % 64) & 1) != 0;
  }

  /**
   * Makes this set that one CPU.
   *
   * @param cpu below {@link #MOST_CPUS}
   */
  void only(int cpu) {
    for (int word = 0; word < MASK_SIZE; word += 8) {
      mask.putLong(word, 0);
    }
    add(cpu);
  }

  /** Makes this set {@code all} without {@code cpu}. */
  void allBut(Affinity all, int cpu) {
    for (int word = 0; word < MASK_SIZE; word += 8) {
      mask.putLong(word, all.mask.getLong(word));
    }
    int word = cpu / 64 * 8;
    mask.putLong(word, mask.getLong(word) & ~(1L << (cpu % 64)));
  }

  /**
   * An empty set cannot be applied.
   *
   * @param tid a thread of this process; 0 = the calling one
   */
  boolean apply(int tid) {
    return Native.C.sched_setaffinity(tid, MASK_SIZE, address) >= 0;
  }

  static void restrictThisThread(List<Integer> cpus) {
    if (!of(cpus).apply(0)) {
      log.warn(
          "cannot keep a request thread on CPUs {}: {}; it runs on any CPU",
          cpus,
          Errno.name(Native.errno()));
    }
  }
}
