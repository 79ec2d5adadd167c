package io.tidemark.lease;

import java.util.Objects;

/**
 * The lease store could not be asked, or gave no answer that can be used. Says the cause and the
 * next step.
 *
 * <p>{@link #isUnknown} tells two cases apart: <em>nothing was done</em>, and <em>nobody knows</em>
 * because a request may have been carried out whose answer was lost. {@link Leaser#acquire}, {@link
 * Lease#change} and {@link Lease#release} throw only the former and report the latter as a result.
 */
public final class LeaseStoreException extends Exception {
  private static final long serialVersionUID = 1;

  /** What kind of trouble it is; decides what an operator has to look at. */
  public enum Kind {
    /** No connection, no answer in time, or no leader in the store. */
    UNREACHABLE,
    /** Name, password or token were refused, or do not allow what was asked. */
    REFUSED,
    /** The certificates of one side do not satisfy the other. */
    TLS,
    /** Another store answered than the one that answered before. */
    WRONG_STORE,
    /** What is stored, or what was answered, is not what this program writes or expects. */
    UNEXPECTED,
    /** The calling thread was interrupted, or this client is closed. */
    STOPPED
  }

  private final Kind kind;
  private final String problem;
  private final String hint;
  private final boolean unknown;

  /**
   * @param problem what happened, naming the store
   * @param hint what to do about it
   */
  public LeaseStoreException(Kind kind, String problem, String hint, Throwable cause) {
    this(kind, problem, hint, false, cause);
  }

  private LeaseStoreException(
      Kind kind, String problem, String hint, boolean unknown, Throwable cause) {
    super(problem + "; " + hint, cause);
    this.kind = Objects.requireNonNull(kind);
    this.problem = problem;
    this.hint = hint;
    this.unknown = unknown;
  }

  /** The same trouble, of a request that may have been carried out. */
  public LeaseStoreException asUnknown() {
    return copy(true);
  }

  /** The same trouble, of a request that owns nothing and changes no record even if it was done. */
  public LeaseStoreException asHarmless() {
    return copy(false);
  }

  private LeaseStoreException copy(boolean asUnknown) {
    LeaseStoreException same = new LeaseStoreException(kind, problem, hint, asUnknown, getCause());
    same.setStackTrace(getStackTrace());
    return same;
  }

  public Kind kind() {
    return kind;
  }

  /** What to do about it. */
  public String hint() {
    return hint;
  }

  /** Whether the request may have been carried out nevertheless. */
  public boolean isUnknown() {
    return unknown;
  }
}
