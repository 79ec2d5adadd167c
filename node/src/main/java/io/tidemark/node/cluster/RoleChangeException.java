package io.tidemark.node.cluster;

/** A change of the primary that was asked for does not happen; everything is as it was. */
public final class RoleChangeException extends Exception {
  private static final long serialVersionUID = 1;

  private final String hint;

  /**
   * @param message why, without a full stop
   * @param hint what to do next
   */
  public RoleChangeException(String message, String hint) {
    super(message);
    this.hint = hint;
  }

  public String hint() {
    return hint;
  }
}
