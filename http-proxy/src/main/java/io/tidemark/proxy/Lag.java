package io.tidemark.proxy;

/** How far this node is behind the primary. */
public interface Lag {
  /** It has never been up to date. */
  long UNKNOWN = -1;

  /** Nanoseconds, 0 on the primary, or {@link #UNKNOWN}. */
  long nanos();
}
