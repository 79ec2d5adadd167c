package io.tidemark.database;

import io.tidemark.database.Disk.DiskFile;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * A segment file that is read from front to back: many small reads cost one of the disk's. The room
 * belongs to the thread, so thousands of open logs need no memory of their own; whoever comes back
 * to it after another reads again.
 *
 * <p>What was read ahead may be older than the file. So the user says with {@link #forget} when it
 * goes to what may have been written since.
 */
final class ReadAhead implements DiskFile {
  private static final int ROOM = 32 << 10;

  /** Of a thread: what one file has from some offset on. */
  static final class Room {
    private final ByteBuffer bytes = ByteBuffer.allocateDirect(ROOM);
    private ReadAhead owner;
    private int version;
    private long start;
  }

  private final DiskFile file;
  private int version;

  ReadAhead(DiskFile file) {
    this.file = file;
  }

  /** What was read ahead is read again. */
  void forget() {
    version++;
  }

  @Override
  public int read(ByteBuffer dst, long offset) throws IOException {
    if (dst.remaining() > ROOM / 2) {
      return file.read(dst, offset);
    }
    Room room = Scratch.get().readAhead;
    if (!has(room, offset, dst.remaining())) {
      room.owner = null;
      file.read(room.bytes.clear(), offset);
      room.bytes.flip();
      room.start = offset;
      room.version = version;
      room.owner = this;
    }
    int from = (int) (offset - room.start);
    int count = Math.min(dst.remaining(), room.bytes.limit() - from);
    dst.put(dst.position(), room.bytes, from, count).position(dst.position() + count);
    return count;
  }

  private boolean has(Room room, long offset, int count) {
    return room.owner == this
        && room.version == version
        && offset >= room.start
        && offset + count <= room.start + room.bytes.limit();
  }

  @Override
  public void write(ByteBuffer src, long offset) throws IOException {
    forget();
    file.write(src, offset);
  }

  @Override
  public long size() throws IOException {
    return file.size();
  }

  @Override
  public void truncate(long size) throws IOException {
    forget();
    file.truncate(size);
  }

  @Override
  public void sync() throws IOException {
    file.sync();
  }

  @Override
  public void close() throws IOException {
    forget();
    file.close();
  }
}
