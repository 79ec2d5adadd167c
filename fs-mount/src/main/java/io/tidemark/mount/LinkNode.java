package io.tidemark.mount;

import java.nio.charset.StandardCharsets;

/** A symbolic link. */
final class LinkNode extends Node {
  final String target;

  LinkNode(long id, DirectoryNode parent, String name, Attributes attributes, String target) {
    super(id, parent, name, attributes);
    this.target = target;
  }

  @Override
  long size() {
    return target.getBytes(StandardCharsets.UTF_8).length;
  }
}
