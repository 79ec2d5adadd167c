package io.tidemark.mount.fuse;

import com.kenai.jffi.MemoryIO;

/** struct stat and struct statvfs as libfuse expects them, written to an address. */
final class LibfuseStat {
  private static final boolean ARM = System.getProperty("os.arch").equals("aarch64");
  private static final MemoryIO MEMORY = LibfuseBinding.MEMORY;

  /** Bytes; 144 on x86-64, 128 on aarch64. */
  static final int SIZE = ARM ? 128 : 144;

  private LibfuseStat() {}

  /**
   * Bits of the layout that differ: x86-64 has nlink 16, mode 24; aarch64 has mode 16, nlink 20.
   */
  static void put(long at, Attr attr) {
    MEMORY.setMemory(at, SIZE, (byte) 0);
    MEMORY.putLong(at + 8, attr.inode());
    if (ARM) {
      MEMORY.putInt(at + 16, attr.mode());
      MEMORY.putInt(at + 20, attr.nlink());
      MEMORY.putInt(at + 24, attr.uid());
      MEMORY.putInt(at + 28, attr.gid());
    } else {
      MEMORY.putLong(at + 16, attr.nlink());
      MEMORY.putInt(at + 24, attr.mode());
      MEMORY.putInt(at + 28, attr.uid());
      MEMORY.putInt(at + 32, attr.gid());
    }
    MEMORY.putLong(at + 48, attr.size());
    MEMORY.putInt(at + 56, 4096);
    MEMORY.putLong(at + 64, attr.blocks());
    putTime(at + 72, attr.atimeNanos());
    putTime(at + 88, attr.mtimeNanos());
    putTime(at + 104, attr.ctimeNanos());
  }

  private static void putTime(long at, long nanos) {
    MEMORY.putLong(at, Math.floorDiv(nanos, 1_000_000_000L));
    MEMORY.putLong(at + 8, Math.floorMod(nanos, 1_000_000_000L));
  }

  /** Inode and type only, for a directory listing. */
  static void putType(long at, long inode, int type) {
    MEMORY.setMemory(at, SIZE, (byte) 0);
    MEMORY.putLong(at + 8, inode);
    MEMORY.putInt(at + (ARM ? 16 : 24), type << 12);
  }

  static void putStatvfs(long at, LibfuseRequest.Statfs s) {
    MEMORY.putLong(at, s.blockSize());
    MEMORY.putLong(at + 8, s.blockSize());
    MEMORY.putLong(at + 16, s.blocks());
    MEMORY.putLong(at + 24, s.freeBlocks());
    MEMORY.putLong(at + 32, s.availableBlocks());
    MEMORY.putLong(at + 40, s.files());
    MEMORY.putLong(at + 48, s.freeFiles());
    MEMORY.putLong(at + 56, s.freeFiles());
    MEMORY.putLong(at + 80, s.nameMax());
  }
}
