package io.tidemark.database;

import io.tidemark.database.Disk.DiskFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Bytes of a database that the database file must not have yet, in blocks of 4 KiB whatever the
 * page size is (a VACUUM may change the page size in the middle of a transaction). The first blocks
 * live in memory, the rest in a file that means nothing after a restart.
 *
 * <p>Not thread-safe: guarded by the database's lock.
 */
final class Overlay {
  static final int BLOCK = 4096;
  private static final int CHUNK_BLOCKS = 64;

  /** Fills {@code dst} with what stood at {@code offset} before, zeros where nothing did. */
  interface Base {
    void read(ByteBuffer dst, long offset) throws IOException;
  }

  private final Disk disk;
  private final Path spillPath;
  private final int memoryBlocks;
  private final IntMap slots = new IntMap();
  private final List<ByteBuffer> chunks = new ArrayList<>();
  private final ByteBuffer scratch = ByteBuffer.allocateDirect(BLOCK);
  private DiskFile spill;
  private int used;

  /**
   * @param memoryBytes what may be held in memory
   */
  Overlay(Disk disk, Path spillPath, long memoryBytes) {
    this.disk = disk;
    this.spillPath = spillPath;
    this.memoryBlocks = (int) (memoryBytes / BLOCK);
  }

  boolean isEmpty() {
    return used == 0;
  }

  int blocks() {
    return used;
  }

  /** Whether the block holds bytes; blocks count from 0. */
  boolean has(long block) {
    return used > 0 && slots.contains((int) block + 1);
  }

  /** Block numbers plus 1, ascending. */
  int[] sortedKeys() {
    return slots.sortedKeys();
  }

  /**
   * Takes all of {@code src} at {@code offset}; parts of blocks are completed from {@code base}.
   */
  void write(ByteBuffer src, long offset, Base base) throws IOException {
    long position = offset;
    int end = src.limit();
    while (src.position() < end) {
      long block = position / BLOCK;
      int inBlock = (int) (position % BLOCK);
      int n = Math.min(BLOCK - inBlock, end - src.position());
      src.limit(src.position() + n);
      put(block, inBlock, src, base);
      src.limit(end);
      position += n;
    }
  }

  private void put(long block, int inBlock, ByteBuffer src, Base base) throws IOException {
    int key = (int) block + 1;
    int slot = slots.get(key, -1);
    boolean whole = src.remaining() == BLOCK;
    if (slot < 0) {
      // The slot counts as used only when its bytes are there, so that a full disk loses nothing.
      ByteBuffer bytes = scratch.clear();
      if (!whole) {
        base.read(bytes, block * BLOCK);
        bytes.clear();
      }
      bytes.position(inBlock);
      bytes.put(src);
      store(used, bytes.clear());
      slots.put(key, used++);
    } else if (slot < memoryBlocks) {
      ByteBuffer memory = memory(slot);
      memory.position(memory.position() + inBlock);
      memory.put(src);
    } else {
      spill.write(src, (long) (slot - memoryBlocks) * BLOCK + inBlock);
    }
  }

  private void store(int slot, ByteBuffer bytes) throws IOException {
    if (slot < memoryBlocks) {
      if (slot / CHUNK_BLOCKS >= chunks.size()) {
        chunks.add(ByteBuffer.allocateDirect(CHUNK_BLOCKS * BLOCK));
      }
      memory(slot).put(bytes);
    } else {
      if (spill == null) {
        spill = disk.open(spillPath);
      }
      spill.write(bytes, (long) (slot - memoryBlocks) * BLOCK);
    }
  }

  private ByteBuffer memory(int slot) {
    ByteBuffer chunk = chunks.get(slot / CHUNK_BLOCKS).duplicate();
    int start = slot % CHUNK_BLOCKS * BLOCK;
    chunk.limit(start + BLOCK).position(start);
    return chunk;
  }

  /** Reads {@code dst.remaining()} bytes from inside one block that {@link #has} bytes. */
  void read(long block, int inBlock, ByteBuffer dst) throws IOException {
    int slot = slots.get((int) block + 1, -1);
    if (slot < memoryBlocks) {
      ByteBuffer memory = memory(slot);
      int start = memory.position() + inBlock;
      memory.limit(start + dst.remaining()).position(start);
      dst.put(memory);
    } else {
      spill.read(dst, (long) (slot - memoryBlocks) * BLOCK + inBlock);
    }
  }

  void clear() {
    slots.clear();
    used = 0;
    while (chunks.size() > 4) {
      chunks.remove(chunks.size() - 1);
    }
    if (spill != null) {
      try {
        spill.truncate(0);
      } catch (IOException e) {
        // The content is void; only the space comes back later.
        closeSpill();
      }
    }
  }

  void close() {
    clear();
    chunks.clear();
    closeSpill();
  }

  private void closeSpill() {
    if (spill != null) {
      try {
        spill.close();
        disk.delete(spillPath);
      } catch (IOException e) {
        org.slf4j.LoggerFactory.getLogger(Overlay.class)
            .warn("closing {}: {}", spillPath, e.toString());
      }
      spill = null;
    }
  }
}
