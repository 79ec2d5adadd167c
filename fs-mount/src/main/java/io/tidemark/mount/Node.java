package io.tidemark.mount;

import io.tidemark.mount.fuse.Attr;
import io.tidemark.mount.fuse.Entry;

/**
 * What the kernel knows under a node id. A name that is deleted and made again gets a new node, so
 * that nothing cached of the old one can be taken for the new one.
 *
 * <p>Parent, name and references are guarded by the tree's lock.
 */
abstract class Node {
  final long id;
  final Attributes attributes;
  DirectoryNode parent;
  String name;

  /** References that the kernel holds. */
  long lookups;

  Node(long id, DirectoryNode parent, String name, Attributes attributes) {
    this.id = id;
    this.parent = parent;
    this.name = name;
    this.attributes = attributes;
  }

  /** Path below the mount, "" for the root. */
  String path() {
    if (parent == null) {
      return "";
    }
    String above = parent.path();
    return above.isEmpty() ? name : above + "/" + name;
  }

  abstract long size();

  int links() {
    return 1;
  }

  /** How long the kernel may trust the attributes, and the name; in nanoseconds. */
  long validNanos() {
    return Tree.LONG_NANOS;
  }

  /** Gives the kernel a reference. */
  Entry newReference() {
    lookups++;
    return new Entry(id, attr(), validNanos(), validNanos());
  }

  Attr attr() {
    synchronized (attributes) {
      long size = size();
      return new Attr(
          id,
          attributes.mode(),
          links(),
          attributes.uid,
          attributes.gid,
          size,
          (size + 511) / 512,
          attributes.atime,
          attributes.mtime,
          attributes.ctime);
    }
  }
}
