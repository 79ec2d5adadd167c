package io.tidemark.mount;

import io.tidemark.database.Database;
import io.tidemark.database.RefusedException;
import io.tidemark.database.Store;
import io.tidemark.mount.fuse.Errno;
import io.tidemark.mount.fuse.FuseRequest;
import io.tidemark.mount.fuse.OpenFlags;
import io.tidemark.mount.fuse.SetAttr;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The making of files, directories and symbolic links. */
final class NewNames {
  private static final Logger LOG = LoggerFactory.getLogger(NewNames.class);

  /** S_IFMT of inode(7). */
  private static final int TYPE = 0170000;

  private static final int PERMISSIONS = 07777;

  private final Store store;
  private final Tree tree;
  private final Conversion conversion;
  private final OpenFiles files;

  NewNames(Store store, Tree tree, Conversion conversion, OpenFiles files) {
    this.store = store;
    this.tree = tree;
    this.conversion = conversion;
    this.files = files;
  }

  void symlink(FuseRequest request, long parentId, String name, String target) {
    make(request, parentId, name, parent -> makeLink(request, parent, name, target));
  }

  void mkdir(FuseRequest request, long parentId, String name, int mode) {
    make(request, parentId, name, parent -> makeDirectory(request, parent, name, mode));
  }

  void mknod(FuseRequest request, long parentId, String name, int mode) {
    if ((mode & TYPE) != Attributes.S_IFREG && (mode & TYPE) != 0) {
      request.error(Errno.EPERM);
      return;
    }
    make(request, parentId, name, parent -> makeFile(request, parent, name, mode));
  }

  private interface Maker {
    Node makeIn(DirectoryNode parent) throws IOException;
  }

  private void make(FuseRequest request, long parentId, String name, Maker maker) {
    tree.lock.lock();
    try {
      DirectoryNode parent = parentForNew(request, parentId, name);
      if (parent != null) {
        request.replyEntry(maker.makeIn(parent).newReference());
      }
    } catch (IOException e) {
      request.error(FuseErrno.of(e));
    } finally {
      tree.lock.unlock();
    }
  }

  void create(FuseRequest request, long parentId, String name, int mode) {
    RequestWork.runLocked(tree.lock, request, () -> createNow(request, parentId, name, mode));
  }

  private void createNow(FuseRequest request, long parentId, String name, int mode)
      throws IOException {
    DirectoryNode parent = tree.directory(parentId);
    if (parent == null) {
      request.error(Errno.ENOENT);
      return;
    }
    Node existing = tree.find(parent, name);
    if (existing != null && !(existing instanceof FileNode)) {
      request.error(Errno.EEXIST);
      return;
    }
    if (existing == null && Names.isSpecial(parent, name)) {
      request.error(Errno.EACCES);
      return;
    }
    FileNode node = existing != null ? (FileNode) existing : makeFile(request, parent, name, mode);
    long handle = files.handle(request, node);
    request.replyCreate(node.newReference(), handle, OpenFlags.KEEP_CACHE);
  }

  /** The directory to make {@code name} in, or null after an error was sent. */
  private DirectoryNode parentForNew(FuseRequest request, long parentId, String name)
      throws IOException {
    DirectoryNode parent = tree.directory(parentId);
    if (parent == null) {
      request.error(Errno.ENOENT);
    } else if (tree.find(parent, name) != null) {
      request.error(Errno.EEXIST);
    } else if (Names.isSpecial(parent, name)) {
      request.error(Errno.EACCES);
    } else {
      return parent;
    }
    return null;
  }

  private Node makeLink(FuseRequest request, DirectoryNode parent, String name, String target)
      throws IOException {
    Path backing = tree.backing(Tree.join(parent, name));
    Files.createSymbolicLink(backing, Path.of(target));
    return own(request, parent, name, backing);
  }

  private Node makeDirectory(FuseRequest request, DirectoryNode parent, String name, int mode)
      throws IOException {
    Path backing = tree.backing(Tree.join(parent, name));
    Files.createDirectory(backing);
    Files.setAttribute(backing, "unix:mode", mode & PERMISSIONS);
    return own(request, parent, name, backing);
  }

  private FileNode makeFile(FuseRequest request, DirectoryNode parent, String name, int mode)
      throws IOException {
    Attributes attributes = new Attributes(Attributes.S_IFREG, mode, request.uid(), request.gid());
    Names.Side side = Names.side(name);
    if (side != null) {
      Database database = databaseOf(parent, Names.withoutSuffix(name, side.suffix));
      if (database != null) {
        if (side == Names.Side.JOURNAL) {
          checkMayWrite(database);
        }
        return tree.createSide(parent, name, database, side, attributes);
      }
    }
    String base = Names.superJournalBase(name);
    if (base != null && databaseOf(parent, base) != null) {
      return tree.createSuperJournal(parent, name, attributes);
    }
    Path backing = tree.backing(Tree.join(parent, name));
    Files.createFile(backing);
    Files.setAttribute(backing, "unix:mode", mode & PERMISSIONS);
    return (FileNode) own(request, parent, name, backing);
  }

  /** The database of a name, made from an empty file if need be; null if it is anything else. */
  private Database databaseOf(DirectoryNode parent, String name) throws IOException {
    Node node = tree.find(parent, name);
    if (!(node instanceof FileNode)) {
      return null;
    }
    FileNode file = (FileNode) node;
    if (file.content instanceof Content.Plain && file.isKept() && file.content.size() == 0) {
      conversion.makeProvisional(file);
    }
    return file.content instanceof Content.Main ? ((Content.Main) file.content).database() : null;
  }

  /** SQLite says "attempt to write a readonly database" when its journal meets EACCES. */
  private void checkMayWrite(Database database) throws IOException {
    try {
      if (!database.isForwarding()) {
        store.authority().check();
      }
    } catch (RefusedException e) {
      throw new AccessDeniedException(database.name(), null, e.getMessage());
    }
  }

  /**
   * A new entry of the disk below belongs to whoever asked for it, as far as we may give it away.
   */
  private Node own(FuseRequest request, DirectoryNode parent, String name, Path backing)
      throws IOException {
    Attributes current = Attributes.of(backing);
    SetAttr owner =
        new SetAttr(SetAttr.UID | SetAttr.GID, -1, 0, 0, request.uid(), request.gid(), 0, 0);
    if (current.uid != request.uid() || current.gid != request.gid()) {
      try {
        current.change(owner, backing);
      } catch (IOException e) {
        // Without root we cannot give files away; they stay ours, as on any such mount.
        LOG.debug("{} stays with the daemon's user: {}", name, e.toString());
      }
    }
    parent.unsyncedNames = true;
    return tree.find(parent, name);
  }
}
