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

  /** Whether it outlives a restart as a file of its own; super-journals do not. */
  boolean isKept() {
    return Names.superJournalBase(name) == null;
  }

  @Override
  long size() {
    return content.size();
  }
}
