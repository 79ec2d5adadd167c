package io.tidemark.lease.protocol;

/**
 * The steps of a planned change of the primary. Nothing is lost if one is left out, because the
 * successor fences and settles like any other new primary; the order keeps programs from waiting,
 * and from commits in doubt.
 */
public final class Handoff {
  private Handoff() {}

  /** What to do next. */
  public enum Kind {
    /** Hold writers: they wait under their own busy timeout. */
    HOLD_WRITERS,
    /** Wait until all is committed and the successor has all of it. */
    DRAIN,
    /** In one transaction: name the successor in the record and end the ownership. */
    RELEASE,
    /** The answer was lost: read the record linearizably, and settle the change. */
    SETTLE_RELEASE,
    /** Follow the successor. */
    FOLLOW,
    /** Let writers go on: nothing was given up and nothing can be any more. */
    RESUME
  }

  /** With a sentence that says why. */
  public record Step(Kind kind, String reason) {}

  /** What became of the release. */
  public enum Release {
    NOT_SENT,
    DONE,
    /** It did not happen and cannot any more: a later version of the record is ours. */
    VOID,
    /** It may have happened, or may yet. A read that shows the record before proves nothing. */
    UNKNOWN
  }

  /**
   * Where the handoff stands.
   *
   * @param successorFit why the named node cannot take over; null if it is a connected member that
   *     has acknowledged all in this epoch, or still may within the time
   * @param writersHeld whether no transaction can be appended
   * @param drained whether all databases are committed to the end, durable on the successor
   * @param timeOver whether the time for the handoff is over
   */
  public record State(
      String successorFit,
      boolean writersHeld,
      boolean drained,
      boolean timeOver,
      Release release) {}

  /** The next step of the old primary. */
  public static Step next(State state) {
    switch (state.release()) {
      case DONE:
        return new Step(Kind.FOLLOW, "the lease is given up");
      case UNKNOWN:
        return new Step(
            Kind.SETTLE_RELEASE, "the store has not said whether the lease is given up");
      case VOID:
        return new Step(Kind.RESUME, "the lease was not given up");
      case NOT_SENT:
        break;
    }
    if (state.successorFit() != null) {
      return new Step(Kind.RESUME, "the successor cannot take over: " + state.successorFit());
    }
    if (!state.writersHeld()) {
      return new Step(Kind.HOLD_WRITERS, "writers may still append");
    }
    if (state.drained()) {
      return new Step(Kind.RELEASE, "the successor has every transaction");
    }
    return state.timeOver()
        ? new Step(Kind.RESUME, "the successor was not caught up in time")
        : new Step(Kind.DRAIN, "the successor does not have every transaction yet");
  }
}
