package io.tidemark.mount;

import java.util.function.Supplier;

/** The files at the root that tell of other nodes, as LiteFS has them. */
final class ClusterFiles {
  private final ClusterView cluster;

  ClusterFiles(ClusterView cluster) {
    this.cluster = cluster;
  }

  /** Whether a name at the root is one of these files', there or not. */
  static boolean has(String name) {
    return name.equals(Names.PRIMARY) || name.equals(Names.LAG);
  }

  /** The text of a file, made anew each time; null if it is not there now. */
  Supplier<String> text(String name) {
    if (name.equals(Names.LAG)) {
      return () -> lag(cluster.lagMillis());
    }
    return cluster.primaryHostname() == null ? null : this::primary;
  }

  private String primary() {
    String hostname = cluster.primaryHostname();
    return hostname == null ? "" : hostname + "\n"; // still open, although it is gone
  }

  /** A sign and nine digits of milliseconds; ten when nothing is known. */
  static String lag(long millis) {
    return String.format("%+010d\n", Math.min(millis, ClusterView.LAG_UNKNOWN));
  }
}
