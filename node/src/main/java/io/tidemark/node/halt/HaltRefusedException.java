package io.tidemark.node.halt;

/** A halt lock is not given, or not held by who says so. Nothing has changed. */
public final class HaltRefusedException extends Exception {
  private static final long serialVersionUID = 1;

  /** Why. */
  public enum Reason {
    /** Somebody else has it. */
    HELD,
    /** Who asks does not have it: it expired, was given back, or never was. */
    NOT_HELD,
    /** The transaction is not the one that is next. */
    NOT_NEXT,
    /** A program of the node that has to wait is in the way. */
    BUSY,
    /** There is no such database. */
    UNKNOWN,
    /** The primary cannot be asked. */
    NO_PRIMARY
  }

  private final Reason reason;

  public HaltRefusedException(Reason reason, String message) {
    super(message);
    this.reason = reason;
  }

  public Reason reason() {
    return reason;
  }
}
