package io.tidemark.mount;

import io.tidemark.database.RefusedException;
import io.tidemark.mount.fuse.Errno;
import io.tidemark.mount.fuse.FuseRequest;
import io.tidemark.mount.fuse.SetAttr;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;

/** Look-up of names, and the attributes of what they stand for. */
final class NodeRequests {
  private final Tree tree;
  private final HandleTable handles;

  NodeRequests(Tree tree, HandleTable handles) {
    this.tree = tree;
    this.handles = handles;
  }

  void lookup(FuseRequest request, long parentId, String name) {
    RequestWork.runLocked(
        tree.lock,
        request,
        () -> {
          DirectoryNode parent = tree.directory(parentId);
          if (parent == null) {
            request.error(Errno.ENOENT);
            return;
          }
          Node node = tree.find(parent, name);
          if (node == null) {
            boolean special = name.endsWith(Names.POS_SUFFIX) || name.startsWith(".");
            request.replyNoEntry(special ? 0 : Tree.LONG_NANOS);
          } else {
            request.replyEntry(node.newReference());
          }
        });
  }

  void forget(long id, long count) {
    tree.lock.lock();
    try {
      Node node = tree.get(id);
      if (node != null) {
        node.lookups -= count;
        tree.forgetIfUnused(node);
      }
    } finally {
      tree.lock.unlock();
    }
  }

  void getattr(FuseRequest request, long id) {
    Node node = tree.get(id);
    if (node == null) {
      request.error(Errno.ENOENT);
    } else {
      request.replyAttr(node.attr(), node.validNanos());
    }
  }

  void setattr(FuseRequest request, long id, SetAttr change) {
    Node node = tree.get(id);
    if (node == null) {
      request.error(Errno.ENOENT);
      return;
    }
    RequestWork work =
        () -> {
          if (change.has(SetAttr.SIZE)) {
            resize(node, change.size());
            Handle handle = handles.get(change.handle());
            if (handle != null) {
              handle.wrote = true;
            }
          }
          changeAttributes(node, change);
          request.replyAttr(node.attr(), node.validNanos());
        };
    if (change.has(SetAttr.SIZE)
        && node instanceof FileNode
        && ((FileNode) node).content.truncateMayWait()) {
      request.blocking(() -> RequestWork.run(request, work));
    } else {
      RequestWork.run(request, work);
    }
  }

  private static void resize(Node node, long size) throws IOException {
    if (!(node instanceof FileNode)) {
      throw new RefusedException(RefusedException.Kind.NOT_PERMITTED, node.name + " has no size");
    }
    ((FileNode) node).content.truncate(size);
    node.attributes.wrote();
  }

  private void changeAttributes(Node node, SetAttr change) throws IOException {
    if (node instanceof TextNode) {
      return;
    }
    Content content = node instanceof FileNode ? ((FileNode) node).content : null;
    boolean lasting =
        content == null
            || content instanceof Content.Main
            || (content instanceof Content.Plain && ((FileNode) node).isKept());
    Path backing = lasting ? tree.backing(node.path()) : null;
    if (backing != null && !Files.exists(backing, LinkOption.NOFOLLOW_LINKS)) {
      backing = null; // deleted, still open
    }
    node.attributes.change(change, backing);
  }

  void readlink(FuseRequest request, long id) {
    Node node = tree.get(id);
    if (node instanceof LinkNode) {
      request.replyTarget(((LinkNode) node).target);
    } else {
      request.error(Errno.EINVAL);
    }
  }
}
