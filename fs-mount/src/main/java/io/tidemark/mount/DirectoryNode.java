package io.tidemark.mount;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** A directory, with the nodes of its names that the kernel knows. */
final class DirectoryNode extends Node {
  /** Changed under the tree's lock only. */
  final Map<String, Node> children = new ConcurrentHashMap<>();

  /** Names of files that are no databases changed since the last sync of the directory. */
  volatile boolean unsyncedNames;

  DirectoryNode(long id, DirectoryNode parent, String name, Attributes attributes) {
    super(id, parent, name, attributes);
  }

  @Override
  long size() {
    return 4096;
  }

  /** 1 = unknown: tools take 2 for "has no subdirectories". */
  @Override
  int links() {
    return 1;
  }
}
