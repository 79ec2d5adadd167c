package io.tidemark.mount;

import io.tidemark.mount.fuse.Errno;
import io.tidemark.mount.fuse.FuseRequest;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Listing and syncing of directories. */
final class DirectoryRequests {
  private final Tree tree;
  private final HandleTable handles;

  DirectoryRequests(Tree tree, HandleTable handles) {
    this.tree = tree;
    this.handles = handles;
  }

  void opendir(FuseRequest request, long id) {
    Node node = tree.get(id);
    if (node instanceof DirectoryNode) {
      request.replyOpen(handles.add(new Handle(node)), 0);
    } else {
      request.error(Errno.ENOTDIR);
    }
  }

  void readdir(FuseRequest request, long handleNumber, long offset) {
    Handle handle = handles.get(handleNumber);
    if (handle == null || !(handle.node instanceof DirectoryNode)) {
      request.error(Errno.EBADF);
      return;
    }
    RequestWork.runLocked(
        tree.lock,
        request,
        () -> {
          DirectoryNode directory = (DirectoryNode) handle.node;
          if (offset == 0 || handle.listing == null) {
            handle.listing = listing(directory);
          }
          List<Handle.DirectoryEntry> listing = handle.listing;
          for (int i = (int) offset; i < listing.size(); i++) {
            Handle.DirectoryEntry entry = listing.get(i);
            if (!request.addDirectoryEntry(entry.inode(), i + 1, entry.type(), entry.name())) {
              break;
            }
          }
          request.replyDirectory();
        });
  }

  private List<Handle.DirectoryEntry> listing(DirectoryNode directory) throws IOException {
    List<Handle.DirectoryEntry> listing = new ArrayList<>();
    listing.add(new Handle.DirectoryEntry(directory.id, 4, "."));
    DirectoryNode above = directory.parent == null ? directory : directory.parent;
    listing.add(new Handle.DirectoryEntry(above.id, 4, ".."));
    for (Map.Entry<String, Integer> entry : tree.list(directory).entrySet()) {
      Node known = directory.children.get(entry.getKey());
      // Any number but 0 will do for a name that has no node yet.
      long inode = known != null ? known.id : 0xffffffffL;
      listing.add(new Handle.DirectoryEntry(inode, entry.getValue(), entry.getKey()));
    }
    return listing;
  }

  void releasedir(FuseRequest request, long handleNumber) {
    handles.remove(handleNumber);
    request.replyOk();
  }

  void fsyncdir(FuseRequest request, long id) {
    // SQLite syncs the directory after it deleted its journal. Names of databases are durable with
    // their log, journals mean nothing after a restart: only other files need it.
    Node node = tree.get(id);
    if (!(node instanceof DirectoryNode) || !((DirectoryNode) node).unsyncedNames) {
      request.replyOk();
      return;
    }
    request.blocking(
        () ->
            RequestWork.run(
                request,
                () -> {
                  DirectoryNode directory = (DirectoryNode) node;
                  syncNames(directory);
                  request.replyOk();
                }));
  }

  private void syncNames(DirectoryNode directory) throws IOException {
    boolean synced = false;
    directory.unsyncedNames = false; // before: a name that comes meanwhile needs the next sync
    try (FileChannel channel =
        FileChannel.open(tree.backing(directory.path()), StandardOpenOption.READ)) {
      channel.force(true);
      synced = true;
    } finally {
      if (!synced) {
        directory.unsyncedNames = true;
      }
    }
  }
}
