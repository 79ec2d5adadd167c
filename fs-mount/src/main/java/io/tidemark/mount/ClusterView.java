package io.tidemark.mount;

/**
 * What the special files {@code .primary} and {@code .lag} at the root of a mount say. Asked each
 * time a program looks at them; must answer at once.
 */
public interface ClusterView {
  /** Lag of a replica that has never been up to date. */
  long LAG_UNKNOWN = Integer.MAX_VALUE;

  /** A node that has no primary but itself. */
  ClusterView ALONE =
      new ClusterView() {
        @Override
        public String primaryHostname() {
          return null;
        }

        @Override
        public long lagMillis() {
          return 0;
        }
      };

  /**
   * The primary's name, on a replica that knows one; else null, and there is no {@code .primary}.
   */
  String primaryHostname();

  /**
   * Milliseconds since this node had and showed everything that the primary had; 0 while it does,
   * and on the primary; {@link #LAG_UNKNOWN} at most.
   */
  long lagMillis();
}
