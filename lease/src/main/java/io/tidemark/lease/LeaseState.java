package io.tidemark.lease;

/** Where a tenure stands. Only the first two may write, and only before the deadline. */
public enum LeaseState {
  /** The last renewal has succeeded. */
  HELD,
  /** The last renewal has failed; the deadline of the one before still counts. */
  DOUBTFUL,
  /** The deadline has passed, or the store has said that the ownership is somebody else's. */
  LOST,
  /** This process has given it up. */
  CLOSED;

  public boolean isOver() {
    return this == LOST || this == CLOSED;
  }
}
