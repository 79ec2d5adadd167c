package io.tidemark.lease.protocol;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * What a new primary does between acquiring and reading the end of its own log, one step at a time.
 *
 * <p>The order is the point. Before its new epoch is durable on itself, this node may still
 * acknowledge transactions of the primary before; an end that was read earlier would lack them.
 * Afterwards the old primary cannot commit anything: this node is in its set and refuses it. The
 * other members are fenced as well, so that nobody waits for a primary that was replaced, and so
 * that a member that knows more than the store says so.
 */
public final class Fencing {
  private Fencing() {}

  /** What to do next. */
  public enum Kind {
    /** Make the new epoch durable on this node, and refuse all older ones from then on. */
    MAKE_EPOCH_DURABLE,
    /** Announce the epoch to these members, and ask again when one has answered or time is over. */
    AWAIT,
    /** Fetch the records that this member has beyond the end of the log here; then ask again. */
    FETCH_TAIL,
    /** Read the end of each log now: it is the tail that this primary inherits ({@link Tail}). */
    READ_LOG_END,
    /** Give up the lease and follow: somebody knows of a newer epoch or record. */
    STEP_DOWN
  }

  /**
   * @param nodeIds whom it concerns; empty for steps of this node alone
   * @param database whose records to fetch; null unless {@link Kind#FETCH_TAIL}
   */
  public record Step(Kind kind, List<Long> nodeIds, String database, String reason) {}

  /**
   * What a member has answered.
   *
   * @param reachable whether it is connected and within the time to answer
   * @param epoch newest epoch that it has made durable; 0 if it has not answered
   * @param recordVersion newest record version that it knows of
   * @param ends the durable end of its log of each database; needed in async mode only
   */
  public record Answer(
      boolean reachable, long epoch, long recordVersion, Map<String, LogPoint> ends) {}

  /**
   * @param record that this node wrote when it acquired
   * @param promised the mode of the record before, which is what clients were promised
   * @param ownEpoch the newest epoch that is durable on this node
   * @param others by node id, what the other members have said so far
   * @param ownEnds durable end of the own log of each database; used in async mode only
   * @param handedOver whether the record before named this node as its successor: the old primary
   *     had drained, so nobody has more, and nobody has to be waited for
   */
  public static Step next(
      ClusterRecord record,
      CommitMode promised,
      long ownEpoch,
      Map<Long, Answer> others,
      Map<String, LogPoint> ownEnds,
      boolean handedOver) {
    if (ownEpoch < record.epoch()) {
      return new Step(
          Kind.MAKE_EPOCH_DURABLE,
          List.of(),
          null,
          "epoch " + record.epoch() + " is new, this node still follows " + ownEpoch);
    }
    List<Long> open = new ArrayList<>();
    for (Map.Entry<Long, Answer> entry : new TreeMap<>(others).entrySet()) {
      Answer answer = entry.getValue();
      String newer = newer(record, ownEpoch, answer);
      if (newer != null) {
        return new Step(
            Kind.STEP_DOWN, List.of(entry.getKey()), null, Ids.node(entry.getKey()) + newer);
      }
      if (answer.reachable() && answer.epoch() < record.epoch()) {
        open.add(entry.getKey());
      }
    }
    if (ownEpoch > record.epoch()) {
      return new Step(
          Kind.STEP_DOWN, List.of(), null, "this node has followed epoch " + ownEpoch + " since");
    }
    if (handedOver) {
      return new Step(
          Kind.READ_LOG_END,
          List.of(),
          null,
          "epoch " + record.epoch() + " was handed over, with every transaction");
    }
    if (!open.isEmpty()) {
      return new Step(
          Kind.AWAIT,
          open,
          null,
          "epoch " + record.epoch() + " is not yet durable on " + Ids.nodes(open));
    }
    Step fetch = promised == CommitMode.ASYNC ? longestTail(record, others, ownEnds) : null;
    return fetch != null
        ? fetch
        : new Step(
            Kind.READ_LOG_END,
            List.of(),
            null,
            "epoch " + record.epoch() + " is durable on every member that answers");
  }

  private static String newer(ClusterRecord record, long ownEpoch, Answer answer) {
    if (answer.epoch() > Math.max(record.epoch(), ownEpoch)) {
      return " is in epoch " + answer.epoch() + ", this node acquired " + record.epoch();
    }
    return answer.recordVersion() > record.version() && answer.epoch() != record.epoch()
        ? " has seen record version "
            + answer.recordVersion()
            + ", this node acquired with "
            + record.version()
        : null;
  }

  /** In async mode a member may have what this node has not: it is better than losing it. */
  private static Step longestTail(
      ClusterRecord record, Map<Long, Answer> others, Map<String, LogPoint> ownEnds) {
    Map<String, LogPoint> longest = new TreeMap<>(ownEnds);
    Map<String, Long> where = new TreeMap<>();
    for (Map.Entry<Long, Answer> entry : new TreeMap<>(others).entrySet()) {
      if (entry.getValue().reachable() && entry.getValue().epoch() == record.epoch()) {
        entry
            .getValue()
            .ends()
            .forEach(
                (name, end) -> {
                  if (end.isLaterThan(longest.getOrDefault(name, LogPoint.NONE))) {
                    longest.put(name, end);
                    where.put(name, entry.getKey());
                  }
                });
      }
    }
    for (Map.Entry<String, Long> entry : where.entrySet()) {
      String name = entry.getKey();
      return new Step(
          Kind.FETCH_TAIL,
          List.of(entry.getValue()),
          name,
          "'"
              + name
              + "' ends here at "
              + ownEnds.getOrDefault(name, LogPoint.NONE)
              + " and at "
              + longest.get(name)
              + " on "
              + Ids.node(entry.getValue()));
    }
    return null;
  }
}
