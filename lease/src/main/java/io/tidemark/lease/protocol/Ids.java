package io.tidemark.lease.protocol;

import java.util.Collection;
import java.util.HexFormat;
import java.util.stream.Collectors;

/** Random ids as texts. */
final class Ids {
  private Ids() {}

  /** 16 hexadecimal digits. */
  static String text(long id) {
    return HexFormat.of().toHexDigits(id);
  }

  static String node(long id) {
    return "node " + text(id);
  }

  static String nodes(Collection<Long> ids) {
    return ids.stream()
        .sorted(Long::compareUnsigned)
        .map(Ids::node)
        .collect(Collectors.joining(", "));
  }
}
