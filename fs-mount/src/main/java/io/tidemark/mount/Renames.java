package io.tidemark.mount;

import io.tidemark.database.Database;
import io.tidemark.database.DatabaseNames;
import io.tidemark.database.Store;
import io.tidemark.mount.fuse.Errno;
import io.tidemark.mount.fuse.FuseRequest;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Renames. A plain file is renamed on the disk below. A database under a new name is a new
 * database: its content is committed there as one transaction, then the old name is dropped. A
 * directory with databases in it answers EXDEV, so that mv copies them one by one.
 */
final class Renames {
  private static final Logger LOG = LoggerFactory.getLogger(Renames.class);

  /** RENAME_NOREPLACE of renameat2(2). */
  private static final int NOREPLACE = 1;

  private final Store store;
  private final Tree tree;
  private final KernelView kernel;
  private final Conversion conversion;

  Renames(Store store, Tree tree, KernelView kernel, Conversion conversion) {
    this.store = store;
    this.tree = tree;
    this.kernel = kernel;
    this.conversion = conversion;
  }

  void rename(
      FuseRequest request,
      long parentId,
      String name,
      long newParentId,
      String newName,
      int flags) {
    if ((flags & ~NOREPLACE) != 0) {
      request.error(Errno.EINVAL);
      return;
    }
    request.blocking(
        () ->
            RequestWork.run(
                request, () -> renameNow(request, parentId, name, newParentId, newName, flags)));
  }

  private void renameNow(
      FuseRequest request, long parentId, String name, long newParentId, String newName, int flags)
      throws IOException {
    DirectoryNode parent;
    DirectoryNode newParent;
    Node node;
    Node target;
    tree.lock.lock();
    try {
      parent = tree.directory(parentId);
      newParent = tree.directory(newParentId);
      node = parent == null ? null : tree.find(parent, name);
      target = newParent == null ? null : tree.find(newParent, newName);
    } finally {
      tree.lock.unlock();
    }
    if (node == null || newParent == null) {
      request.error(Errno.ENOENT);
    } else if (target != null && (flags & NOREPLACE) != 0) {
      request.error(Errno.EEXIST);
    } else if (Names.isSpecial(newParent, newName)
        || node instanceof TextNode
        || isVolatile(node)
        || (target != null && isVolatile(target))) {
      request.error(Errno.EPERM);
    } else if (node instanceof FileNode && ((FileNode) node).content instanceof Content.Main) {
      renameDatabase(request, (FileNode) node, newParent, newName, target);
    } else if (target instanceof FileNode
        && ((FileNode) target).content instanceof Content.Main
        && ((Content.Main) ((FileNode) target).content).database().exists()) {
      LOG.warn(
          "refused to replace the database {} by {}, which is none; delete it first",
          target.path(),
          node.path());
      request.error(Errno.EPERM);
    } else if (node instanceof DirectoryNode && tree.hasDatabases((DirectoryNode) node)) {
      request.error(Errno.EXDEV);
    } else {
      renamePlain(request, node, newParent, newName, target);
    }
  }

  /**
   * Side files and super-journals belong to their database and have no name of their own to give.
   */
  private static boolean isVolatile(Node node) {
    if (!(node instanceof FileNode)) {
      return false;
    }
    Content content = ((FileNode) node).content;
    return content instanceof Content.Unserved
        || content instanceof Content.Journal
        || content instanceof Content.Wal
        || content instanceof Content.Shm
        || (content instanceof Content.Plain && !((FileNode) node).isKept());
  }

  private void renamePlain(
      FuseRequest request, Node node, DirectoryNode newParent, String newName, Node target)
      throws IOException {
    tree.lock.lock();
    try {
      if (target instanceof DirectoryNode && !(node instanceof DirectoryNode)) {
        request.error(Errno.EISDIR);
        return;
      }
      if (target instanceof DirectoryNode && !tree.list((DirectoryNode) target).isEmpty()) {
        request.error(Errno.ENOTEMPTY);
        return;
      }
      if (target != null && !(target instanceof DirectoryNode) && node instanceof DirectoryNode) {
        request.error(Errno.ENOTDIR);
        return;
      }
      Path from = tree.backing(node.path());
      Path to = tree.backing(Tree.join(newParent, newName));
      if (target instanceof FileNode && ((FileNode) target).content instanceof Content.Main) {
        ((Content.Main) ((FileNode) target).content).database().drop(); // empty, provisional
      }
      Files.move(from, to, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      if (target != null) {
        tree.unlink(target);
      }
      node.parent.unsyncedNames = true;
      newParent.unsyncedNames = true;
      tree.move(node, newParent, newName);
      if (node instanceof FileNode && ((FileNode) node).content instanceof Content.Plain) {
        ((Content.Plain) ((FileNode) node).content).moved(to);
      }
      request.replyOk();
    } finally {
      tree.lock.unlock();
    }
  }

  private void renameDatabase(
      FuseRequest request, FileNode node, DirectoryNode newParent, String newName, Node target)
      throws IOException {
    Content.Main main = (Content.Main) node.content;
    Database database = main.database();
    String newPath = Tree.join(newParent, newName);
    if (target instanceof DirectoryNode) {
      request.error(Errno.EISDIR);
      return;
    }
    String problem = DatabaseNames.problem(newPath);
    if (problem != null) {
      request.error(Errno.EPERM);
      return;
    }
    if (!database.exists()) {
      // Only opened so far: nothing is lost by giving it up as a database for now.
      conversion.makePlain(node, main);
      renamePlain(request, node, newParent, newName, target);
      return;
    }
    if (database.finaliseMayWait() || database.hasUnjournaledWrites()) {
      request.error(Errno.EBUSY);
      return;
    }
    Path copy = store.importDirectory().resolve("rename-" + node.id + ".tmp");
    try {
      try (var out =
          FileChannel.open(
              copy,
              StandardOpenOption.CREATE,
              StandardOpenOption.TRUNCATE_EXISTING,
              StandardOpenOption.WRITE)) {
        database.exportTo(out, bytes -> {});
      }
      Database renamed = store.importDatabase(newPath, copy);
      Path to = tree.backing(newPath);
      tree.lock.lock();
      try {
        Files.move(
            tree.backing(node.path()),
            to,
            StandardCopyOption.ATOMIC_MOVE,
            StandardCopyOption.REPLACE_EXISTING);
        Placeholder.empty(to);
        if (target != null) {
          tree.unlink(target);
        }
        tree.move(node, newParent, newName);
        Conversion.switchContent(node, new Content.Main(renamed, renamed.mainFile()));
      } finally {
        tree.lock.unlock();
      }
      if (target != null) {
        // Its connections must meet the failing handle, not pages that the kernel still has.
        kernel.bytesChanged(target.id, 0, 0);
      }
      database.drop();
    } finally {
      Files.deleteIfExists(copy);
    }
    request.replyOk();
  }
}
