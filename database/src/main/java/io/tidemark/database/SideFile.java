package io.tidemark.database;

import io.tidemark.database.Disk.DiskFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;

/**
 * One incarnation of a {@code -journal}, {@code -wal}, {@code -shm} or super-journal file. Its
 * bytes mean nothing after a restart, so nothing here is ever synced.
 *
 * <p>Guarded by the lock of its database, except {@link #read}.
 */
public final class SideFile {
  private final Disk disk;
  private final Path path;
  private final DiskFile file;
  private volatile long size;

  /** The name is gone or belongs to a newer file. */
  private boolean detached;

  private volatile int handles;

  SideFile(Disk disk, Path path) throws IOException {
    this.disk = disk;
    this.path = path;
    this.file = disk.open(path);
    file.truncate(0);
  }

  /** Bytes. */
  public long size() {
    return size;
  }

  /** Reads until {@code dst} is full or the file ends. */
  public int read(ByteBuffer dst, long offset) throws IOException {
    return file.read(dst, offset);
  }

  void write(ByteBuffer src, long offset) throws IOException {
    long end = offset + src.remaining();
    file.write(src, offset);
    size = Math.max(size, end);
  }

  void truncate(long newSize) throws IOException {
    file.truncate(newSize);
    size = newSize;
  }

  boolean isOpen() {
    return handles > 0;
  }

  void opened() {
    handles = handles + 1;
  }

  /** One handle less; a file without name goes with its last handle. */
  void released() {
    handles = handles - 1;
    closeIfUnused();
  }

  void detach() {
    detached = true;
    closeIfUnused();
  }

  private void closeIfUnused() {
    if (detached && handles <= 0) {
      try {
        file.close();
        disk.delete(path);
      } catch (IOException e) {
        org.slf4j.LoggerFactory.getLogger(SideFile.class)
            .warn("closing {}: {}", path, e.toString());
      }
    }
  }
}
