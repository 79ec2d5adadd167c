package io.tidemark.mount;

/** A regular file. What stands behind it can change while it is open: see {@link Content}. */
final class FileNode extends Node {
  volatile Content content;

  /** Open handles; guarded by the tree's lock. */
  int handles;

  FileNode(long id, DirectoryNode parent, String name, Attributes attributes, Content content) {
    super(id, parent, name, attributes);
    this.content = content;
  }

  @Override
  long size() {
    return content.size();
  }
}
