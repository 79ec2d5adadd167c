package io.tidemark.mount;

import io.tidemark.database.Database;
import io.tidemark.database.MainFile;
import io.tidemark.database.RefusedException;
import io.tidemark.database.SideFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** What stands behind a regular file. */
sealed interface Content {
  long size();

  /** Reads into {@code dst} from its position on; less than asked for only at the end. */
  int read(ByteBuffer dst, long offset) throws IOException;

  void write(ByteBuffer src, long offset) throws IOException;

  void truncate(long size) throws IOException;

  /** fsync(2). */
  void sync() throws IOException;

  /** Whether the operation may wait and must not run on a request thread. */
  default boolean readMayWait(int length) {
    return false;
  }

  default boolean writeMayWait(long offset) {
    return false;
  }

  default boolean truncateMayWait() {
    return false;
  }

  default boolean syncMayWait() {
    return false;
  }

  /** A handle was opened. */
  void opened() throws IOException;

  /** A handle is gone. */
  void released();

  /** A database file. */
  record Main(Database database, MainFile file) implements Content {
    /** Larger reads may find the disk cold, and pay for the hand-over by running side by side. */
    private static final int INLINE_READ = 64 << 10;

    @Override
    public long size() {
      return file.size();
    }

    @Override
    public int read(ByteBuffer dst, long offset) throws IOException {
      return database.read(file, dst, offset);
    }

    @Override
    public void write(ByteBuffer src, long offset) throws IOException {
      database.write(file, src, offset);
    }

    @Override
    public void truncate(long size) throws IOException {
      database.truncate(file, size);
    }

    @Override
    public void sync() throws IOException {
      database.sync(file);
    }

    @Override
    public boolean readMayWait(int length) {
      return length > INLINE_READ || (database.readMayWait(file) && database.isBusy());
    }

    @Override
    public boolean writeMayWait(long offset) {
      return database.isBusy() || database.writeMayWait(file);
    }

    @Override
    public boolean truncateMayWait() {
      return database.isBusy();
    }

    @Override
    public boolean syncMayWait() {
      return database.isBusy() || database.hasUnjournaledWrites();
    }

    @Override
    public void opened() {
      database.opened(file);
    }

    @Override
    public void released() {
      database.released(file);
    }
  }

  /** A database that cannot be served: whoever opens it is told so by EIO. */
  record Unserved(Database database) implements Content {
    private RefusedException refusal() {
      return new RefusedException(RefusedException.Kind.IO, database.unserved());
    }

    @Override
    public long size() {
      return 0;
    }

    @Override
    public int read(ByteBuffer dst, long offset) throws IOException {
      throw refusal();
    }

    @Override
    public void write(ByteBuffer src, long offset) throws IOException {
      throw refusal();
    }

    @Override
    public void truncate(long size) throws IOException {
      throw refusal();
    }

    @Override
    public void sync() throws IOException {
      throw refusal();
    }

    @Override
    public void opened() throws IOException {
      throw refusal();
    }

    @Override
    public void released() {
      // never opened
    }
  }

  /** A file that SQLite keeps beside a database file. Its bytes mean nothing after a restart. */
  sealed interface Side extends Content permits Journal, Wal, Shm {
    Database database();

    SideFile file();

    @Override
    default long size() {
      return file().size();
    }

    @Override
    default int read(ByteBuffer dst, long offset) throws IOException {
      return file().read(dst, offset);
    }

    @Override
    default boolean writeMayWait(long offset) {
      return database().isBusy();
    }

    @Override
    default boolean truncateMayWait() {
      return database().isBusy();
    }

    @Override
    default void opened() {
      database().opened(file());
    }

    @Override
    default void released() {
      database().released(file());
    }
  }

  /** A rollback journal. */
  record Journal(Database database, SideFile file) implements Side {
    @Override
    public void write(ByteBuffer src, long offset) throws IOException {
      database.writeJournal(file, src, offset);
    }

    @Override
    public void truncate(long size) throws IOException {
      database.truncateJournal(file, size);
    }

    @Override
    public void sync() {
      database.syncJournal(file);
    }

    @Override
    public boolean writeMayWait(long offset) {
      return database.isBusy() || (offset < 8 && database.finaliseMayWait());
    }

    @Override
    public boolean truncateMayWait() {
      return database.isBusy() || database.finaliseMayWait();
    }

    @Override
    public boolean syncMayWait() {
      return database.isBusy();
    }
  }

  /** A write-ahead log. */
  record Wal(Database database, SideFile file, WalPages pages) implements Side {
    @Override
    public boolean writeMayWait(long offset) {
      return database.isBusy() || database.commitsWait();
    }

    @Override
    public void write(ByteBuffer src, long offset) throws IOException {
      database.writeWal(file, src, offset);
    }

    @Override
    public void truncate(long size) throws IOException {
      database.truncateWal(file, size);
    }

    @Override
    public void sync() throws IOException {
      database.awaitDurable(database.walSyncTarget());
    }

    @Override
    public boolean syncMayWait() {
      return !database.isDurable(database.walSyncTarget());
    }
  }

  /** A wal-index. Programs share it through mappings; the daemon hardly ever sees its bytes. */
  record Shm(Database database, SideFile file) implements Side {
    @Override
    public void write(ByteBuffer src, long offset) throws IOException {
      database.writeShm(file, src, offset);
    }

    @Override
    public void truncate(long size) throws IOException {
      database.truncateShm(file, size);
    }

    @Override
    public void sync() {
      // Rebuilt from the WAL whenever it is lost.
    }
  }

  /**
   * A file that is no database: kept as it is on the disk below. The same class serves
   * super-journals, which live in the volatile directory.
   */
  final class Plain implements Content {
    private static final int INLINE = 64 << 10;
    private final boolean keep;
    private volatile Path path;
    private FileChannel channel;
    private int handles;

    /**
     * @param keep whether its bytes outlive a restart, so that fsync must reach the disk
     */
    Plain(Path path, boolean keep) {
      this.path = path;
      this.keep = keep;
    }

    Path path() {
      return path;
    }

    synchronized void moved(Path newPath) {
      path = newPath;
    }

    private synchronized FileChannel channel() throws IOException {
      if (channel == null) {
        channel =
            Files.isWritable(path)
                ? FileChannel.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE)
                : FileChannel.open(path, StandardOpenOption.READ);
      }
      return channel;
    }

    @Override
    public synchronized long size() {
      try {
        return channel != null ? channel.size() : Files.size(path);
      } catch (IOException e) {
        return 0; // deleted meanwhile
      }
    }

    @Override
    public int read(ByteBuffer dst, long offset) throws IOException {
      FileChannel file = channel();
      int total = 0;
      while (dst.hasRemaining()) {
        int n = file.read(dst, offset + total);
        if (n <= 0) {
          break;
        }
        total += n;
      }
      return total;
    }

    @Override
    public void write(ByteBuffer src, long offset) throws IOException {
      FileChannel file = channel();
      long position = offset;
      while (src.hasRemaining()) {
        position += file.write(src, position);
      }
    }

    @Override
    public void truncate(long size) throws IOException {
      FileChannel file = channel();
      long before = file.size();
      if (size < before) {
        file.truncate(size);
      } else if (size > before) {
        file.write(ByteBuffer.allocate(1), size - 1);
      }
      closeIfUnused();
    }

    @Override
    public void sync() throws IOException {
      if (keep) {
        channel().force(true);
      }
    }

    @Override
    public boolean readMayWait(int length) {
      return length > INLINE;
    }

    @Override
    public boolean syncMayWait() {
      return keep;
    }

    @Override
    public synchronized void opened() throws IOException {
      channel(); // now: the name may be gone when the first read comes
      handles++;
    }

    @Override
    public synchronized void released() {
      handles--;
      closeIfUnused();
    }

    private synchronized void closeIfUnused() {
      if (handles <= 0 && channel != null) {
        try {
          channel.close();
        } catch (IOException e) {
          org.slf4j.LoggerFactory.getLogger(Content.class)
              .warn("closing {}: {}", path, e.toString());
        }
        channel = null;
      }
    }
  }
}
