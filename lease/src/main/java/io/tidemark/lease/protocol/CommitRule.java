package io.tidemark.lease.protocol;

import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;

/**
 * Says up to where transactions are committed. One for each record (and change under way) that a
 * primary acts on; it is immutable, and evaluating it allocates nothing.
 *
 * <p>Sync: committed is what is on disk on the primary and on every member of the set of the record
 * and of the set of a change whose outcome is not certain, each of which has acknowledged it in
 * this epoch and as that very member; and each of the sets has at least {@code min-in-sync} nodes.
 */
public final class CommitRule {
  /** The acknowledgements of one database. */
  @FunctionalInterface
  public interface Acks {
    /** The newest of a node, null if there is none. */
    MemberAck of(long nodeId);
  }

  private final CommitMode mode;
  private final long epoch;
  private final int minInSync;
  private final int fewest;
  private final Member[] others;

  /**
   * @param record on which the primary acts
   * @param proposed the set of a change that was sent and may or may not have happened, or still
   *     may; null if there is none
   */
  public CommitRule(ClusterRecord record, List<Member> proposed) {
    this.mode = record.mode();
    this.epoch = record.epoch();
    this.minInSync = record.minInSync();
    TreeSet<Member> all =
        new TreeSet<>(
            (a, b) -> {
              int order = a.compareTo(b);
              // One node as two members, before and after a readmission, counts as two.
              return order != 0
                  ? order
                  : a.incarnation() != b.incarnation()
                      ? Long.compare(a.incarnation(), b.incarnation())
                      : Long.compare(a.token(), b.token());
            });
    all.addAll(record.members());
    int size = record.members().size();
    if (proposed != null) {
      all.addAll(proposed);
      size = Math.min(size, proposed.size());
    }
    this.fewest = size;
    long self = record.primary().nodeId();
    this.others = all.stream().filter(m -> m.nodeId() != self).toArray(Member[]::new);
  }

  /**
   * The commit position of one database.
   *
   * @param before the one so far; the result is never below it
   * @param ownDurable TXID up to which the primary's log is on disk; in async mode up to which it
   *     was appended, or is on disk where the application asked for that
   */
  public long committed(long before, long ownDurable, Acks acks) {
    if (mode == CommitMode.ASYNC) {
      return Math.max(before, ownDurable);
    }
    if (fewest < minInSync) {
      return before;
    }
    long least = ownDurable;
    for (Member other : others) {
      least = Math.min(least, durable(other, acks));
    }
    return Math.max(before, least);
  }

  private long durable(Member member, Acks acks) {
    MemberAck ack = acks.of(member.nodeId());
    return ack != null && ack.epoch() == epoch && ack.member().equals(member) ? ack.durable() : 0;
  }

  /** The epoch in which acknowledgements count. */
  public long epoch() {
    return epoch;
  }

  /** Whether a sync commit is possible at all; if not, writers are refused before the append. */
  public boolean hasEnoughMembers() {
    return mode == CommitMode.ASYNC || fewest >= minInSync;
  }

  /** The members that have not acknowledged a transaction; for settling, status and removal. */
  public List<Member> lacking(long txid, Acks acks) {
    List<Member> lacking = new ArrayList<>();
    for (Member other : others) {
      if (durable(other, acks) < txid) {
        lacking.add(other);
      }
    }
    return lacking;
  }

  /**
   * Whether every member follows this epoch: its log has nothing that this primary's has not. That
   * makes a cut final.
   */
  public boolean isFollowedByAll(Acks acks) {
    for (Member other : others) {
      MemberAck ack = acks.of(other.nodeId());
      if (ack == null || ack.epoch() != epoch || !ack.member().equals(other)) {
        return false;
      }
    }
    return true;
  }

  /** One sentence for status and log: what a transaction waits for. */
  public String explain(long txid, Acks acks) {
    if (!hasEnoughMembers()) {
      return fewest + " in-sync members, and min-in-sync is " + minInSync;
    }
    List<Member> lacking = mode == CommitMode.ASYNC ? List.of() : lacking(txid, acks);
    return lacking.isEmpty()
        ? "every in-sync member has transaction " + txid
        : "transaction "
            + txid
            + " is not acknowledged in epoch "
            + epoch
            + " by "
            + Ids.nodes(lacking.stream().map(Member::nodeId).distinct().toList());
  }
}
