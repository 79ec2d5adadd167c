package io.tidemark.lease.protocol;

/**
 * Decides whether a node listens to what somebody sends as the primary. This is what keeps a
 * primary that was replaced, but does not know it, from collecting acknowledgements: no clock is
 * part of it.
 */
public final class FollowRule {
  private FollowRule() {}

  /** What follows. */
  public enum Kind {
    /** Go on. */
    FOLLOW,
    /**
     * First make the sender's epoch, nonce and record version durable, and forget what the log was
     * known to share with the primary before; then compare the logs, and go on.
     */
    NEW_EPOCH,
    /** Take nothing and acknowledge nothing; tell the sender why. */
    REFUSE
  }

  /** With a sentence that says why. */
  public record Verdict(Kind kind, String reason) {}

  /**
   * What a node has promised; durable.
   *
   * @param clusterId 0 for an empty data directory
   * @param epoch newest epoch that it follows or has taken itself; 0 if none
   * @param nonce of the process that has this epoch; 0 if not known
   * @param recordVersion newest record version that it knows of; 0 if none
   */
  public record Promise(long clusterId, long epoch, long nonce, long recordVersion) {
    /**
     * The promise of a node that has read the record, to be made durable before it follows anybody.
     * A disk that went back to an earlier state has lost promises as well; this brings the newest
     * one back, so that a primary that was replaced cannot make such a node a follower.
     */
    public Promise afterReading(ClusterRecord record) {
      if (record == null || (clusterId != 0 && clusterId != record.clusterId())) {
        return this;
      }
      long version = Math.max(recordVersion, record.version());
      return record.epoch() > epoch
          ? new Promise(clusterId, record.epoch(), record.primary().nonce(), version)
          : new Promise(clusterId, epoch, nonce, version);
    }
  }

  /**
   * What the sender says of itself.
   *
   * @param epoch that it has taken
   * @param nonce of its process
   * @param recordVersion of the record on which it acts
   */
  public record Sender(long clusterId, long epoch, long nonce, long recordVersion) {}

  /** Judges what a sender says against what this node has promised. */
  public static Verdict judge(Promise own, Sender sender) {
    if (own.clusterId() != 0 && own.clusterId() != sender.clusterId()) {
      return refuse("the sender is of cluster " + Ids.text(sender.clusterId()));
    }
    if (sender.epoch() < own.epoch()) {
      return refuse(
          "the sender is in epoch "
              + sender.epoch()
              + ", this node in "
              + own.epoch()
              + ": the sender was replaced");
    }
    if (sender.epoch() > own.epoch()) {
      // A primary of a newer epoch on an older record: the store went back in between.
      return sender.recordVersion() < own.recordVersion()
          ? refuse(
              "the sender acts on record version "
                  + sender.recordVersion()
                  + ", this node has seen "
                  + own.recordVersion()
                  + ": the lease store was restored")
          : new Verdict(Kind.NEW_EPOCH, "epoch " + sender.epoch() + " is new");
    }
    if (own.nonce() != 0 && sender.nonce() != own.nonce()) {
      return refuse("another process has epoch " + own.epoch());
    }
    return new Verdict(Kind.FOLLOW, "epoch " + own.epoch() + " is the one that is followed");
  }

  private static Verdict refuse(String reason) {
    return new Verdict(Kind.REFUSE, reason);
  }
}
