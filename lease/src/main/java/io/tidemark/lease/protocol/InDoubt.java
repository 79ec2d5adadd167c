package io.tidemark.lease.protocol;

/**
 * What a primary does about a transaction that it has appended and that is not committed. There is
 * no refusal any more: another node may have it. Only three ends are possible: committed; in doubt
 * for good as far as this node can tell; or aborted, which is certain only when no node that could
 * become primary has it.
 */
public final class InDoubt {
  private InDoubt() {}

  /** What to do next. */
  public enum Kind {
    /** Go on waiting; the program waits in its COMMIT. */
    WAIT,
    /** Committed: the COMMIT returns, or, if it failed as in doubt, the transaction is shown. */
    COMMITTED,
    /** Tell the program: I/O error, in doubt. Hold writers, and ask for a new epoch. */
    TAKE_EPOCH,
    /** In the new epoch: cut the log to {@link Tail#cut} of the old one, durably. */
    CUT,
    /** Wait until every member follows the new epoch, or remove it from the set. */
    CONFIRM,
    /** It never happened, on any node that could become primary; say so by TXID. */
    ABORTED,
    /**
     * It was inherited: an earlier primary may have acknowledged it. It cannot be cut, only settled
     * by the acknowledgements of all members.
     */
    SETTLE
  }

  /** With a sentence that says why. */
  public record Step(Kind kind, String reason) {}

  /**
   * One transaction.
   *
   * @param txid its number
   * @param epoch in which this node appended it, or the later one that inherited it
   * @param timedOut whether {@code ack-timeout} is over
   * @param cut whether the log of this node, on disk, does not have it any more
   */
  public record Pending(long txid, long epoch, boolean timedOut, boolean cut) {}

  /**
   * @param tail of the epoch in which the transaction is or was in the log; not that of an epoch
   *     that was taken to abort it
   * @param epoch of this primary now
   * @param rule of the record now, with the set of any change under way
   * @param acks newest acknowledgements for this database
   */
  public static Step next(
      Pending pending, Tail tail, long epoch, CommitRule rule, CommitRule.Acks acks) {
    if (pending.cut()) {
      return rule.isFollowedByAll(acks)
          ? new Step(Kind.ABORTED, "every in-sync member follows epoch " + epoch + " without it")
          : new Step(
              Kind.CONFIRM,
              "an in-sync member that does not follow epoch " + epoch + " may have it");
    }
    if (tail.committed() >= pending.txid()) {
      return new Step(Kind.COMMITTED, rule.explain(pending.txid(), acks));
    }
    if (pending.txid() <= tail.inherited()) {
      return new Step(Kind.SETTLE, "an earlier primary may have committed it");
    }
    if (epoch > pending.epoch()) {
      return new Step(Kind.CUT, "epoch " + epoch + " was taken to abort it");
    }
    return pending.timedOut()
        ? new Step(Kind.TAKE_EPOCH, rule.explain(pending.txid(), acks))
        : new Step(Kind.WAIT, rule.explain(pending.txid(), acks));
  }
}
