package io.tidemark.mount;

/** An open file or directory of a program. */
final class Handle {
  final Node node;

  /** The daemon's own, on its own mount. */
  boolean own;

  /** Something was written through it, so that its closing can complete a transaction. */
  volatile boolean wrote;

  /** The names of a directory when its listing began. */
  volatile java.util.List<DirectoryEntry> listing;

  /**
   * @param type DT_* value of readdir(3)
   */
  record DirectoryEntry(long inode, int type, String name) {}

  Handle(Node node) {
    this.node = node;
  }
}
