package io.tidemark.mount;

import io.tidemark.database.Store;
import io.tidemark.mount.fuse.FuseMount;
import io.tidemark.mount.fuse.MountBusyException;
import io.tidemark.mount.fuse.MountOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A store, mounted. */
public final class TidemarkMount implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(TidemarkMount.class);

  private final TidemarkFileSystem files;
  private final FuseMount mount;

  private TidemarkMount(TidemarkFileSystem files, FuseMount mount) {
    this.files = files;
    this.mount = mount;
  }

  /**
   * Mounts a store; when this returns, programs can use it.
   *
   * @throws io.tidemark.mount.fuse.MountException with cause and next step; nothing is mounted then
   */
  public static TidemarkMount mount(Store store, MountOptions options) throws IOException {
    return mount(store, options, ClusterView.ALONE);
  }

  /**
   * The same.
   *
   * @param cluster for {@code .primary} and {@code .lag}
   */
  public static TidemarkMount mount(Store store, MountOptions options, ClusterView cluster)
      throws IOException {
    TidemarkFileSystem files = new TidemarkFileSystem(store, cluster);
    FuseMount mount = FuseMount.mount(files, options);
    files.mounted(mount.mountPoint());
    return new TidemarkMount(files, mount);
  }

  public Path mountPoint() {
    return mount.mountPoint();
  }

  /** False once it is unmounted, by whomever. */
  public boolean isMounted() {
    return mount.isMounted();
  }

  /** Requests so far by kind, such as {@code WRITE}. */
  public Map<String, Long> requestCounts() {
    return mount.requestCounts();
  }

  /** Waits until the file system was unmounted by anybody. */
  public void awaitStopped() throws InterruptedException {
    mount.awaitStopped();
  }

  /**
   * Unmounts.
   *
   * @throws io.tidemark.mount.fuse.MountBusyException naming the processes that still use files;
   *     the mount goes on working
   */
  public void unmount() throws IOException {
    files.unmounting();
    try {
      mount.unmount();
    } catch (IOException e) {
      if (mount.isMounted()) {
        files.mounted(mount.mountPoint());
      }
      throw e;
    }
  }

  /**
   * Takes the mount out of the directory tree although it is in use. The last resort of a program
   * that ends: a failure is only logged.
   */
  public void detach() {
    files.unmounting();
    try {
      mount.detach();
    } catch (IOException e) {
      LOG.warn("{} stays in the directory tree: {}", mount.mountPoint(), e.getMessage());
    }
  }

  /** Ends the connection at once; programs that use files get I/O errors. */
  public void abort() throws IOException {
    try {
      mount.abort();
    } catch (MountBusyException e) {
      // The connection has ended; only the directory is still in use, by ourselves or by programs.
      files.unmounting();
      mount.detach();
    }
    files.unmounting();
  }

  @Override
  public void close() throws IOException {
    unmount();
  }
}
