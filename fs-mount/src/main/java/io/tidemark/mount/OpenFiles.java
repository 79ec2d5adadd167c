package io.tidemark.mount;

import io.tidemark.database.Database;
import io.tidemark.mount.fuse.Errno;
import io.tidemark.mount.fuse.FuseRequest;
import io.tidemark.mount.fuse.OpenFlags;
import java.io.IOException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Opening and closing of files, and what closing completes. */
final class OpenFiles {
  private static final Logger LOG = LoggerFactory.getLogger(OpenFiles.class);

  /** O_WRONLY and O_RDWR of open(2). */
  private static final int WRITES = 3;

  private final Tree tree;
  private final HandleTable handles;
  private final LockWatchers watchers;
  private final Conversion conversion;

  OpenFiles(Tree tree, HandleTable handles, LockWatchers watchers, Conversion conversion) {
    this.tree = tree;
    this.handles = handles;
    this.watchers = watchers;
    this.conversion = conversion;
  }

  void open(FuseRequest request, long id, int flags) {
    tree.lock.lock();
    Database joined = null;
    long handle = 0;
    try {
      Node node = tree.get(id);
      if (node == null) {
        request.error(Errno.ENOENT);
      } else if (node instanceof TextNode) {
        if ((flags & WRITES) != 0) {
          request.error(Errno.EACCES);
        } else {
          request.replyOpen(handle(request, node), OpenFlags.DIRECT_IO);
        }
      } else if (tree.isStale(node)) {
        request.error(Errno.ESTALE); // the kernel looks the name up again
      } else if (node instanceof FileNode) {
        handle = handle(request, node);
        joined = databaseToJoin(request, (FileNode) node);
        if (joined == null) {
          request.replyOpen(handle, OpenFlags.KEEP_CACHE);
        }
      } else {
        request.error(Errno.EISDIR);
      }
    } catch (IOException e) {
      request.error(FuseErrno.of(e));
    } finally {
      tree.lock.unlock();
    }
    if (joined != null) {
      join(request, joined, handle);
    }
  }

  /** Without the tree's lock, because joining opens files of the mount. */
  private void join(FuseRequest request, Database database, long handle) {
    request.blocking(
        () -> {
          watchers.join(database);
          request.replyOpen(handle, OpenFlags.KEEP_CACHE);
        });
  }

  /** Before a program opens a database in WAL mode on a replica, the daemon becomes its writer. */
  private Database databaseToJoin(FuseRequest request, FileNode node) {
    return node.content instanceof Content.Main main
            && !OwnDescriptors.isOwnThread(request.tid())
            && watchers.isToJoin(main.database())
        ? main.database()
        : null;
  }

  /**
   * Opens a file for the asking program. Under the tree's lock. The daemon's own descriptors are
   * for locks and for looking at a wal-index; they keep no file alive and are in nobody's way.
   */
  long handle(FuseRequest request, Node node) throws IOException {
    Handle handle = new Handle(node);
    handle.own = OwnDescriptors.isOwnThread(request.tid());
    if (node instanceof FileNode) {
      FileNode file = (FileNode) node;
      if (!handle.own) {
        file.content.opened();
        watchers.opened(file.content);
      }
      file.handles++;
    }
    return handles.add(handle);
  }

  void flush(FuseRequest request, long handleNumber) {
    Handle handle = handles.get(handleNumber);
    if (handle == null || !(handle.node instanceof FileNode)) {
      request.replyOk();
      return;
    }
    FileNode node = (FileNode) handle.node;
    Content content = node.content;
    if (!handle.own) {
      watchers.closed(content);
    }
    if (!handle.wrote) {
      request.replyOk();
      return;
    }
    if (content instanceof Content.Main) {
      Content.Main main = (Content.Main) content;
      // A refusal that nobody has heard of may have ended the file itself: it is told all the same.
      // It is looked at last, because it is noted before the writes are undone.
      if ((main.file().isLive() && main.database().hasUnjournaledWrites())
          || main.database().hasUnheardRefusal()) {
        request.blocking(() -> RequestWork.run(request, () -> flushMain(request, node, main)));
        return;
      }
    } else if (content instanceof Content.Plain && node.isKept()) {
      request.blocking(() -> RequestWork.run(request, () -> flushPlain(request, node)));
      return;
    }
    request.replyOk();
  }

  /** What was written outside a transaction is complete, unless SQLite is in the middle of one. */
  private void flushMain(FuseRequest request, FileNode node, Content.Main main) throws IOException {
    long seen = main.database().changes();
    if (watchers.settle(main.database())) {
      main.database().flush(main.file(), seen);
      main.database().rescanWal();
      if (main.database().hasUnjournaledWrites() && main.database().changes() == seen) {
        conversion.settleInvalid(node, main);
      }
    }
    request.replyOk();
  }

  private void flushPlain(FuseRequest request, FileNode node) throws IOException {
    conversion.takeIn(node);
    request.replyOk();
  }

  void release(FuseRequest request, long handleNumber) {
    Handle handle = handles.remove(handleNumber);
    if (handle == null || !(handle.node instanceof FileNode)) {
      request.replyOk();
      return;
    }
    FileNode node = (FileNode) handle.node;
    if (!handle.own) {
      watchers.released(node.content);
    }
    if (node.content instanceof Content.Main) {
      Content.Main main = (Content.Main) node.content;
      if (handle.wrote && main.file().isLive() && main.database().hasUnjournaledWrites()) {
        request.blocking(() -> releaseAfterWrites(request, node, handle, main));
        return;
      }
    }
    dropHandle(node, handle);
    request.replyOk();
  }

  /** The last chance to settle what a killed process wrote; nobody hears an error any more. */
  private void releaseAfterWrites(
      FuseRequest request, FileNode node, Handle handle, Content.Main main) {
    try {
      long seen = main.database().changes();
      if (watchers.settle(main.database())) {
        main.database().flush(main.file(), seen);
        if (main.database().hasUnjournaledWrites() && node.handles == 1) {
          conversion.settleInvalid(node, main);
        }
      }
    } catch (IOException e) {
      LOG.warn("{}", e.getMessage());
    } finally {
      dropHandle(node, handle);
      request.replyOk();
    }
  }

  private void dropHandle(FileNode node, Handle handle) {
    tree.lock.lock();
    try {
      node.handles--;
      if (!handle.own) {
        node.content.released();
      }
      tree.forgetIfUnused(node);
    } finally {
      tree.lock.unlock();
    }
  }
}
