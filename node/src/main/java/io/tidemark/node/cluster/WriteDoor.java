package io.tidemark.node.cluster;

/**
 * The way by which requests that write reach the programs of this node, other than the mount. Safe
 * for the thread that takes the node through its roles.
 */
public interface WriteDoor {
  /** There is none. */
  WriteDoor NONE =
      new WriteDoor() {
        @Override
        public boolean close() {
          return true;
        }

        @Override
        public void open() {
          // Nothing was closed.
        }
      };

  /**
   * What comes waits outside from here on. Asked again until the answer is true, or until waiting
   * for it is no use any more.
   *
   * @return whether programs have done all that was let in
   */
  boolean close();

  /** What waits is let in, or goes to where the primary is now. */
  void open();
}
