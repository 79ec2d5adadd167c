package io.tidemark.mount;

import io.tidemark.database.DatabaseListener;
import io.tidemark.database.Store;
import io.tidemark.mount.fuse.Errno;
import io.tidemark.mount.fuse.FuseFileSystem;
import io.tidemark.mount.fuse.FuseRequest;
import io.tidemark.mount.fuse.KernelCache;
import io.tidemark.mount.fuse.SetAttr;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The file system of a store. Hands each request to the part whose subject it is:
 *
 * <ul>
 *   <li>{@link NodeRequests}: look-up and attributes;
 *   <li>{@link NewNames}, {@link Renames}, {@link Deletion}: names that come, change and go;
 *   <li>{@link DirectoryRequests}: listing and syncing of directories;
 *   <li>{@link OpenFiles} and {@link FileData}: open files, and their bytes;
 *   <li>{@link Conversion}: when a file becomes a database, and when it is none any more;
 *   <li>{@link KernelView}: what the kernel is told when something changes that it remembers;
 *   <li>{@link LockWatchers}: what is found out from SQLite's locks.
 * </ul>
 *
 * <p>Lock order: {@link Tree#lock} before the lock of a database. Requests that may wait run
 * through {@link FuseRequest#blocking}; the tree's lock is never held while a log is synced.
 */
final class TidemarkFileSystem implements FuseFileSystem {
  private static final int BLOCK_SIZE = 4096;
  private static final int LONGEST_NAME = 255;

  /** Nodes are not counted; the disk below is the limit. */
  private static final int FREE_NODES = 1 << 20;

  private final Store store;
  private final KernelView kernel;
  private final LockWatchers watchers;
  private final NodeRequests nodes;
  private final NewNames newNames;
  private final Renames renames;
  private final Deletion deletion;
  private final DirectoryRequests directories;
  private final OpenFiles files;
  private final FileData data;

  TidemarkFileSystem(Store store, ClusterView cluster) throws IOException {
    this.store = store;
    Tree tree = new Tree(store, new ClusterFiles(cluster));
    HandleTable handles = new HandleTable();
    kernel = new KernelView(tree);
    watchers = new LockWatchers(store, kernel);
    Conversion conversion = new Conversion(store, tree, kernel);
    nodes = new NodeRequests(tree, handles);
    files = new OpenFiles(tree, handles, watchers, conversion);
    data = new FileData(tree, handles, kernel, conversion);
    newNames = new NewNames(store, tree, conversion, files);
    renames = new Renames(store, tree, kernel, conversion);
    deletion = new Deletion(store, tree, kernel);
    directories = new DirectoryRequests(tree, handles);
  }

  // -------------------------------------------------------------- life time

  @Override
  public void start(KernelCache cache) {
    kernel.start(cache);
    store.listener(new MountListener(kernel, watchers));
  }

  /** The mount can be used: what works on our own mount can begin. */
  void mounted(Path mountPoint) {
    watchers.start(mountPoint);
  }

  /** Before unmounting: gives up everything that would keep the mount busy. */
  void unmounting() {
    watchers.stop();
  }

  @Override
  public void stopped() {
    kernel.stop();
    store.listener(new DatabaseListener() {});
  }

  // -------------------------------------------------- names and attributes

  @Override
  public void lookup(FuseRequest request, long parent, String name) {
    nodes.lookup(request, parent, name);
  }

  @Override
  public void forget(long node, long count) {
    nodes.forget(node, count);
  }

  @Override
  public void getattr(FuseRequest request, long node) {
    nodes.getattr(request, node);
  }

  @Override
  public void setattr(FuseRequest request, long node, SetAttr change) {
    nodes.setattr(request, node, change);
  }

  @Override
  public void readlink(FuseRequest request, long node) {
    nodes.readlink(request, node);
  }

  @Override
  public void symlink(FuseRequest request, long parent, String name, String target) {
    newNames.symlink(request, parent, name, target);
  }

  @Override
  public void mkdir(FuseRequest request, long parent, String name, int mode) {
    newNames.mkdir(request, parent, name, mode);
  }

  @Override
  public void mknod(FuseRequest request, long parent, String name, int mode, int rdev) {
    newNames.mknod(request, parent, name, mode);
  }

  @Override
  public void create(FuseRequest request, long parent, String name, int mode, int flags) {
    newNames.create(request, parent, name, mode);
  }

  @Override
  public void link(FuseRequest request, long node, long newParent, String newName) {
    request.error(Errno.EPERM);
  }

  @Override
  public void rename(
      FuseRequest request, long parent, String name, long newParent, String newName, int flags) {
    renames.rename(request, parent, name, newParent, newName, flags);
  }

  @Override
  public void unlink(FuseRequest request, long parent, String name) {
    deletion.unlink(request, parent, name);
  }

  @Override
  public void rmdir(FuseRequest request, long parent, String name) {
    deletion.rmdir(request, parent, name);
  }

  // ------------------------------------------------------------ directories

  @Override
  public void opendir(FuseRequest request, long node) {
    directories.opendir(request, node);
  }

  @Override
  public void readdir(FuseRequest request, long node, long handle, long offset, int size) {
    directories.readdir(request, handle, offset);
  }

  @Override
  public void releasedir(FuseRequest request, long node, long handle) {
    directories.releasedir(request, handle);
  }

  @Override
  public void fsyncdir(FuseRequest request, long node, long handle) {
    directories.fsyncdir(request, node);
  }

  // ------------------------------------------------------------------ files

  @Override
  public void open(FuseRequest request, long node, int flags) {
    files.open(request, node, flags);
  }

  @Override
  public void flush(FuseRequest request, long node, long handle) {
    files.flush(request, handle);
  }

  @Override
  public void release(FuseRequest request, long node, long handle) {
    files.release(request, handle);
  }

  @Override
  public void read(FuseRequest request, long node, long handle, long offset, int size) {
    data.read(request, handle, offset, size);
  }

  @Override
  public void write(FuseRequest request, long node, long handle, long offset, ByteBuffer bytes) {
    data.write(request, node, handle, offset, bytes);
  }

  @Override
  public void fsync(FuseRequest request, long node, long handle, boolean dataOnly) {
    data.fsync(request, node);
  }

  @Override
  public void fallocate(
      FuseRequest request, long node, long handle, long offset, long length, int mode) {
    request.error(Errno.EOPNOTSUPP);
  }

  @Override
  public void statfs(FuseRequest request, long node) {
    RequestWork.run(
        request,
        () -> {
          FileStore below = Files.getFileStore(store.filesDirectory());
          request.replyStatfs(
              below.getTotalSpace() / BLOCK_SIZE,
              below.getUnallocatedSpace() / BLOCK_SIZE,
              below.getUsableSpace() / BLOCK_SIZE,
              FREE_NODES,
              FREE_NODES,
              BLOCK_SIZE,
              LONGEST_NAME);
        });
  }
}
