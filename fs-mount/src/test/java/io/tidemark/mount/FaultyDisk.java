package io.tidemark.mount;

import io.tidemark.database.Disk;
import io.tidemark.database.FileDisk;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** The real disk, with one database whose log cannot be synced, or whose sync hangs. */
final class FaultyDisk implements Disk {
  private final FileDisk disk = new FileDisk();
  private volatile String failing;
  private volatile Hang hang;

  /** From now on every sync of this database's log fails. */
  void failLogSyncs(String database) {
    failing = "/dbs/" + database + "/log/";
  }

  /** From now on every sync of this database's log waits. */
  Hang hangLogSyncs(String database) {
    hang = new Hang("/dbs/" + database + "/log/");
    return hang;
  }

  void heal() {
    failing = null;
    Hang now = hang;
    if (now != null) {
      now.release();
    }
  }

  /** Syncs that wait until they are released. */
  static final class Hang {
    private final String where;
    private final CountDownLatch reached = new CountDownLatch(1);
    private final CountDownLatch released = new CountDownLatch(1);

    private Hang(String where) {
      this.where = where;
    }

    /** Whether a sync has come and waits. */
    boolean awaitReached() throws InterruptedException {
      return reached.await(10, TimeUnit.SECONDS);
    }

    boolean isReached() {
      return reached.getCount() == 0;
    }

    void release() {
      released.countDown();
    }
  }

  private void beforeSync(Path path) throws IOException {
    String name = path.toString();
    String broken = failing;
    if (broken != null && name.contains(broken)) {
      throw new IOException("Input/output error (injected)");
    }
    Hang waits = hang;
    if (waits != null && name.contains(waits.where)) {
      waits.reached.countDown();
      try {
        waits.released.await();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IOException("interrupted", e);
      }
    }
  }

  @Override
  public DiskFile open(Path path) throws IOException {
    return new File(path, disk.open(path));
  }

  @Override
  public DiskFile openReadOnly(Path path) throws IOException {
    return new File(path, disk.openReadOnly(path));
  }

  @Override
  public boolean exists(Path path) {
    return disk.exists(path);
  }

  @Override
  public void createDirectories(Path directory) throws IOException {
    disk.createDirectories(directory);
  }

  @Override
  public void rename(Path from, Path to) throws IOException {
    disk.rename(from, to);
  }

  @Override
  public void delete(Path path) throws IOException {
    disk.delete(path);
  }

  @Override
  public List<String> list(Path directory) throws IOException {
    return disk.list(directory);
  }

  @Override
  public void syncDirectory(Path directory) throws IOException {
    beforeSync(directory.resolve("."));
    disk.syncDirectory(directory);
  }

  private final class File implements DiskFile {
    private final Path path;
    private final DiskFile file;

    File(Path path, DiskFile file) {
      this.path = path;
      this.file = file;
    }

    @Override
    public int read(ByteBuffer dst, long offset) throws IOException {
      return file.read(dst, offset);
    }

    @Override
    public void write(ByteBuffer src, long offset) throws IOException {
      file.write(src, offset);
    }

    @Override
    public long size() throws IOException {
      return file.size();
    }

    @Override
    public void truncate(long size) throws IOException {
      file.truncate(size);
    }

    @Override
    public void sync() throws IOException {
      beforeSync(path);
      file.sync();
    }

    @Override
    public void close() throws IOException {
      file.close();
    }
  }
}
