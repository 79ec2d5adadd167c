package io.tidemark.mount;

import io.tidemark.database.Store;
import io.tidemark.mount.fuse.Errno;
import io.tidemark.mount.fuse.FuseRequest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** The end of names. For a journal or super-journal that is a commit, for a database as well. */
final class Deletion {
  private final Store store;
  private final Tree tree;
  private final KernelView kernel;

  Deletion(Store store, Tree tree, KernelView kernel) {
    this.store = store;
    this.tree = tree;
    this.kernel = kernel;
  }

  void unlink(FuseRequest request, long parentId, String name) {
    request.blocking(() -> RequestWork.run(request, () -> unlinkNow(request, parentId, name)));
  }

  private void unlinkNow(FuseRequest request, long parentId, String name) throws IOException {
    Node node;
    tree.lock.lock();
    try {
      DirectoryNode parent = tree.directory(parentId);
      node = parent == null ? null : tree.find(parent, name);
    } finally {
      tree.lock.unlock();
    }
    if (node == null) {
      request.error(Errno.ENOENT);
      return;
    }
    if (node instanceof DirectoryNode) {
      request.error(Errno.EISDIR);
      return;
    }
    if (node instanceof TextNode) {
      request.error(Errno.EPERM);
      return;
    }
    delete(node);
    tree.lock.lock();
    try {
      tree.unlink(node);
    } finally {
      tree.lock.unlock();
    }
    request.replyOk();
  }

  /** Deletes what stands behind a name. */
  private void delete(Node node) throws IOException {
    Content content = node instanceof FileNode ? ((FileNode) node).content : null;
    Path backing = tree.backing(node.path());
    if (content instanceof Content.Journal) {
      ((Content.Journal) content).database().unlinkJournal();
    } else if (content instanceof Content.Wal) {
      ((Content.Wal) content).database().unlinkWal();
    } else if (content instanceof Content.Shm) {
      ((Content.Shm) content).database().unlinkShm();
    } else if (content instanceof Content.Main) {
      Content.Main main = (Content.Main) content;
      if (main.file().isLive()) {
        main.database().drop();
      }
      Files.deleteIfExists(backing);
      kernel.sideNamesChanged(node.parent.id, node.name);
    } else if (content instanceof Content.Unserved) {
      store.drop(node.path());
      Files.deleteIfExists(backing);
    } else if (content instanceof Content.Plain && !((FileNode) node).isKept()) {
      store.commitGroup(node.path());
      Files.deleteIfExists(((Content.Plain) content).path());
    } else {
      Files.delete(backing);
      node.parent.unsyncedNames = true;
    }
  }

  void rmdir(FuseRequest request, long parentId, String name) {
    RequestWork.runLocked(
        tree.lock,
        request,
        () -> {
          DirectoryNode parent = tree.directory(parentId);
          Node node = parent == null ? null : tree.find(parent, name);
          if (node == null) {
            request.error(Errno.ENOENT);
          } else if (!(node instanceof DirectoryNode)) {
            request.error(Errno.ENOTDIR);
          } else if (!tree.list((DirectoryNode) node).isEmpty()) {
            request.error(Errno.ENOTEMPTY);
          } else {
            Files.delete(tree.backing(node.path()));
            tree.unlink(node);
            request.replyOk();
          }
        });
  }
}
