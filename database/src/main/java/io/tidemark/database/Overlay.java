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
 * live in memory, as long as there is any, the rest in a file that means nothing after a restart.
 *
 * <p>Not thread-safe: guarded by the database's lock.
 */
final class Overlay {
  static final int BLOCK = 4096;
  private static final int CHUNK_BLOCKS = BlockMemory.CHUNK / BLOCK;

  /** Fills {@code dst} with what stood at {@code offset} before, zeros where nothing did. */
  interface Base {
    void read(ByteBuffer dst, long offset) throws IOException;
  }

  private final Disk disk;
  private final Path spillPath;
  private final BlockMemory memory;
  private final int mostChunks;
  private final IntMap slots = new IntMap();
  private final List<ByteBuffer> chunks = new ArrayList<>();
  private DiskFile spill;

  /** The slot from which on blocks are in the file. */
  private int spillFrom = Integer.MAX_VALUE;

  private int used;

  /**
   * @param memory shared with others
   * @param mostBytes of it that are used here
   */
  Overlay(Disk disk, Path spillPath, BlockMemory memory, long mostBytes) {
    this.disk = disk;
    this.spillPath = spillPath;
    this.memory = memory;
    this.mostChunks = (int) (mostBytes / BlockMemory.CHUNK);
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
      ByteBuffer bytes = Scratch.get().newBlock.clear();
      if (!whole) {
        base.read(bytes, block * BLOCK);
        bytes.clear();
      }
      bytes.position(inBlock);
      bytes.put(src);
      store(used, bytes.clear());
      slots.put(key, used++);
    } else if (slot < spillFrom) {
      ByteBuffer bytes = inMemory(slot);
      bytes.position(bytes.position() + inBlock);
      bytes.put(src);
    } else {
      spill.write(src, (long) (slot - spillFrom) * BLOCK + inBlock);
    }
  }

  private void store(int slot, ByteBuffer bytes) throws IOException {
    if (slot < spillFrom && slot / CHUNK_BLOCKS >= chunks.size() && !takeChunk()) {
      spillFrom = slot;
    }
    if (slot < spillFrom) {
      inMemory(slot).put(bytes);
    } else {
      if (spill == null) {
        spill = disk.open(spillPath);
      }
      spill.write(bytes, (long) (slot - spillFrom) * BLOCK);
    }
  }

  private boolean takeChunk() {
    ByteBuffer chunk = chunks.size() < mostChunks ? memory.take() : null;
    if (chunk != null) {
      chunks.add(chunk);
    }
    return chunk != null;
  }

  private ByteBuffer inMemory(int slot) {
    ByteBuffer chunk = chunks.get(slot / CHUNK_BLOCKS).duplicate();
    int start = slot % CHUNK_BLOCKS * BLOCK;
    chunk.limit(start + BLOCK).position(start);
    return chunk;
  }

  /** Reads {@code dst.remaining()} bytes from inside one block that {@link #has} bytes. */
  void read(long block, int inBlock, ByteBuffer dst) throws IOException {
    int slot = slots.get((int) block + 1, -1);
    if (slot < spillFrom) {
      ByteBuffer bytes = inMemory(slot);
      int start = bytes.position() + inBlock;
      bytes.limit(start + dst.remaining()).position(start);
      dst.put(bytes);
    } else {
      spill.read(dst, (long) (slot - spillFrom) * BLOCK + inBlock);
    }
  }

  void clear() {
    slots.clear();
    used = 0;
    spillFrom = Integer.MAX_VALUE;
    chunks.forEach(memory::give);
    chunks.clear();
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
