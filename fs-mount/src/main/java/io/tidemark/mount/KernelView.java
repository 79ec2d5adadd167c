package io.tidemark.mount;

import io.tidemark.database.Database;
import io.tidemark.database.MainFile;
import io.tidemark.database.SideFile;
import io.tidemark.mount.fuse.KernelCache;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What the kernel remembers of files and names, told of every change that did not come through it.
 *
 * <p>Telling it may wait for requests of the same file that are in flight ({@link KernelCache}). So
 * the methods named {@code ...Changed} and {@code ...Replaced} only take note, may be called under
 * any lock, and are worked off in their order by a thread of their own, which takes {@link
 * Tree#lock} to find nodes and holds no lock while it tells.
 */
final class KernelView {
  private static final Logger LOG = LoggerFactory.getLogger(KernelView.class);

  /** Both copies of the header of a wal-index (wal.c, WalIndexHdr). */
  private static final int WAL_INDEX_HEADERS = 96;

  private final Tree tree;
  private final ExecutorService notifier =
      Executors.newSingleThreadExecutor(
          task -> {
            Thread thread = new Thread(task, "tidemark-notifier");
            thread.setDaemon(true);
            return thread;
          });
  private volatile KernelCache cache;

  KernelView(Tree tree) {
    this.tree = tree;
    // Its thread must not be started by a request thread, whose CPUs it would inherit.
    notifier.execute(() -> {});
  }

  /** The connection is ready. Nothing may change before, as far as the kernel is concerned. */
  void start(KernelCache kernelCache) {
    cache = kernelCache;
  }

  /** The connection has ended; what is noted from now on is dropped. */
  void stop() {
    notifier.shutdown();
  }

  /** For those who tell it something at once; the rules there are theirs to keep. */
  KernelCache cache() {
    return cache;
  }

  /**
   * Bytes of a file are not what programs wrote or read last. The size is asked for again, too.
   *
   * @param node its id
   * @param length in bytes; 0 = to the end of the file
   */
  void bytesChanged(long node, long offset, long length) {
    later(() -> cache.invalidate(node, offset, length));
  }

  /** The same for the file of a database, if the kernel knows it. */
  void bytesChanged(Database database, long offset, long length) {
    later(
        () -> {
          Node node = nodeAt(database.name());
          if (node != null) {
            cache.invalidate(node.id, offset, length);
          }
        });
  }

  /**
   * Another content stands behind the name of a database, or none: its file, the files beside it
   * and their names are looked up again.
   */
  void databaseReplaced(Database database) {
    later(
        () -> {
          String name = database.name();
          spoilWalIndex(database);
          if (database.exists()) {
            makeDirectoriesAbove(name);
          } else {
            Placeholder.remove(tree.backing(name));
          }
          int slash = name.lastIndexOf('/');
          Node parent = nodeAt(slash < 0 ? "" : name.substring(0, slash));
          if (parent == null) {
            return;
          }
          String last = name.substring(slash + 1);
          Node old = nodeAt(name);
          if (old != null) {
            cache.invalidate(old.id, 0, 0);
          }
          cache.invalidateEntry(parent.id, last);
          forgetSideNames(parent.id, last);
          cache.invalidateEntry(parent.id, last + Names.POS_SUFFIX);
        });
  }

  /**
   * A connection in WAL mode sees only by the wal-index, which it has mapped, that anything has
   * changed, and would answer from its own cache for ever. With a header that is none it turns to
   * the files, and hears that they are gone. The page must stay where it is: a fault on it would
   * end the program.
   */
  private void spoilWalIndex(Database database) {
    Node old = nodeAt(database.name() + Names.Side.SHM.suffix);
    if (old instanceof FileNode file
        && file.content instanceof Content.Shm shm
        && shm.file() != database.shm()) {
      cache.store(old.id, 0, ByteBuffer.allocate(WAL_INDEX_HEADERS));
    }
  }

  /** A database that came from elsewhere may be in directories that this node has not. */
  private void makeDirectoriesAbove(String name) throws IOException {
    for (int slash = name.indexOf('/'); slash >= 0; slash = name.indexOf('/', slash + 1)) {
      String path = name.substring(0, slash);
      if (tree.makeDirectory(path)) {
        int above = path.lastIndexOf('/');
        Node parent = nodeAt(above < 0 ? "" : path.substring(0, above));
        if (parent != null) {
          cache.invalidateEntry(parent.id, path.substring(above + 1)); // a remembered absence
        }
      }
    }
  }

  /** A name stands for another file, or for none. */
  void nameChanged(long parent, String name) {
    later(() -> cache.invalidateEntry(parent, name));
  }

  /** The names of the files beside a database stand for others, or for none. */
  void sideNamesChanged(long parent, String name) {
    later(() -> forgetSideNames(parent, name));
  }

  /**
   * The kernel may remember that there are no files beside a database. For threads that may wait.
   */
  void forgetSideNamesNow(Database database) {
    String name = database.name();
    int slash = name.lastIndexOf('/');
    Node parent = nodeAt(slash < 0 ? "" : name.substring(0, slash));
    if (parent != null) {
      forgetSideNames(parent.id, name.substring(slash + 1));
    }
  }

  private void forgetSideNames(long parent, String name) {
    for (Names.Side side : Names.Side.values()) {
      cache.invalidateEntry(parent, name + side.suffix);
    }
  }

  /**
   * Shows bytes of a file beside a database to all who have it mapped or read it, now. For a thread
   * that serves no request and holds no lock that a request may want.
   *
   * @param bytes which are in the file already
   */
  void show(Database database, SideFile file, Names.Side side, long offset, ByteBuffer bytes) {
    long node = tree.idOf(database, file, side);
    if (node != 0) {
      cache.store(node, offset, bytes);
    }
  }

  /** The same for the file of a database. */
  void show(Database database, MainFile file, long offset, ByteBuffer bytes) {
    long node = tree.idOf(database, file);
    if (node != 0) {
      cache.store(node, offset, bytes);
    }
  }

  /**
   * The size of a database file is another one; what is cached beyond it goes. As {@link #show}.
   */
  void resized(Database database, MainFile file) {
    long node = tree.idOf(database, file);
    if (node != 0) {
      cache.invalidate(node, file.size(), 0);
      cache.invalidateAttributes(node);
    }
  }

  /** The names of the files beside a database stand for nothing. */
  void sideFilesRemoved(Database database) {
    later(
        () -> {
          String name = database.name();
          int slash = name.lastIndexOf('/');
          Node parent = nodeAt(slash < 0 ? "" : name.substring(0, slash));
          if (parent != null) {
            forgetSideNames(parent.id, name.substring(slash + 1));
          }
        });
  }

  private Node nodeAt(String path) {
    tree.lock.lock();
    try {
      return tree.known(path);
    } finally {
      tree.lock.unlock();
    }
  }

  private interface Notification {
    void tell() throws IOException;
  }

  private void later(Notification notification) {
    if (!notifier.isShutdown()) {
      notifier.execute(
          () -> {
            try {
              notification.tell();
            } catch (IOException | RuntimeException e) {
              LOG.warn("telling the kernel: {}", e.toString());
            }
          });
    }
  }
}
