package io.tidemark.proxy;

/** Who may write. Safe for all threads; never waits. */
public interface Primaries {
  /** How it is at this moment. */
  Standing standing();

  /** Adds somebody who is told, on any thread, when it may have changed. It must return at once. */
  void onChange(Runnable listener);

  /**
   * Who may write at one moment.
   *
   * @param here whether programs of this node may write now
   * @param primary where the node is that may, as far as known; null if none is known, or if it is
   *     this one
   */
  record Standing(boolean here, PrimaryNode primary) {
    /** Nobody is known to be primary, or it may not write at this moment. */
    public static final Standing NOBODY = new Standing(false, null);

    /** This node writes. */
    public static final Standing HERE = new Standing(true, null);
  }
}
