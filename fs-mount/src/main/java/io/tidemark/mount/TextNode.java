package io.tidemark.mount;

import java.nio.charset.StandardCharsets;
import java.util.function.Supplier;

/**
 * A small file whose text is made when it is read: {@code NAME-pos}, {@code .primary}, {@code
 * .lag}. The kernel keeps nothing of it.
 */
final class TextNode extends Node {
  private final Supplier<String> text;

  TextNode(long id, DirectoryNode parent, String name, int uid, int gid, Supplier<String> text) {
    super(id, parent, name, new Attributes(Attributes.S_IFREG, 0444, uid, gid));
    this.text = text;
  }

  byte[] bytes() {
    return text.get().getBytes(StandardCharsets.UTF_8);
  }

  @Override
  long size() {
    return bytes().length;
  }

  @Override
  long validNanos() {
    return 0;
  }
}
