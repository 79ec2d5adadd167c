package io.tidemark.lease.protocol;

import java.util.Map;
import java.util.TreeMap;
import java.util.function.LongFunction;

/**
 * Decides whether a node may try to acquire the lease, given a linearizable read of the record. The
 * answer is good for an acquisition that is conditional on that very record: every other
 * acquisition and every change of the set changes it.
 *
 * <p>What it rests on in sync mode: a transaction is acknowledged only when every member of the
 * record has it on disk. So a node that is the member it was admitted as has all of them.
 */
public final class Eligibility {
  private Eligibility() {}

  /** What follows. */
  public enum Kind {
    /** Acquire with {@link NextRecord#acquired}. */
    ACQUIRE,
    /** There is no cluster yet: acquire with {@link NextRecord#founding}. */
    FOUND,
    /** Not now; follow whoever is primary, and look again when something has changed. */
    WAIT,
    /** Not before a person has looked: the store or this node is not what it was. */
    OPERATOR
  }

  /**
   * @param reason one sentence without a full stop; for {@link Kind#OPERATOR} it says what to do
   */
  public record Verdict(Kind kind, String reason) {}

  /**
   * What a node knows of one of its databases.
   *
   * @param end the last durable record of its log
   * @param at what the log has at a TXID, null if that cannot be told any more
   * @param fault why the database cannot be served; null if it can
   */
  public record Database(LogPoint end, LongFunction<LogPoint> at, String fault) {}

  /**
   * The node that asks.
   *
   * @param clusterId 0 for an empty data directory
   * @param token drawn for its last admission; 0 if it never asked for one
   * @param seenVersion newest record version that it knows of, durable; 0 if none
   * @param seenEpoch newest epoch that it has made durable; 0 if none
   * @param mayFound whether the operator lets it found a cluster ({@code lease.promote})
   */
  public record Candidate(
      long nodeId,
      long clusterId,
      long incarnation,
      long token,
      long seenVersion,
      long seenEpoch,
      Map<String, Database> databases,
      boolean mayFound) {}

  /**
   * @param record null if the store has none
   * @param successorExpired whether the time of the record's successor, if it names one, is over
   */
  public static Verdict judge(ClusterRecord record, Candidate node, boolean successorExpired) {
    if (record == null) {
      return withoutRecord(node);
    }
    if (record.version() < node.seenVersion()) {
      return operator(
          "the store has record version "
              + record.version()
              + ", but this node has seen version "
              + node.seenVersion()
              + ": the store was restored or is another one. Check the lease store, or see"
              + " 'tidemark promote --force'");
    }
    if (node.clusterId() != 0 && node.clusterId() != record.clusterId()) {
      return operator(
          "the record is of cluster "
              + Ids.text(record.clusterId())
              + ", the data of this node of cluster "
              + Ids.text(node.clusterId())
              + ". Check the prefix or name of the lease, or give the node an empty data directory");
    }
    if (record.epoch() < node.seenEpoch()) {
      return operator(
          "the record is at epoch "
              + record.epoch()
              + ", but this node has acknowledged in epoch "
              + node.seenEpoch()
              + ": the store was restored or is another one. Check the lease store");
    }
    Verdict membership = asMember(record, node);
    return membership != null ? membership : withSuccessor(record, node, successorExpired);
  }

  private static Verdict withoutRecord(Candidate node) {
    if (node.seenVersion() > 0) {
      return operator(
          "the store has no cluster record, but this node has seen version "
              + node.seenVersion()
              + ": it was deleted or the store is another one. Restore it, or see"
              + " 'tidemark promote --force'");
    }
    if (node.mayFound()) {
      String fault = fault(node);
      return fault == null
          ? new Verdict(Kind.FOUND, "there is no cluster yet and this node may found it")
          : waiting(fault);
    }
    return waiting(
        "there is no cluster yet; the node that has the data needs 'lease.promote: true' once");
  }

  private static Verdict asMember(ClusterRecord record, Candidate node) {
    Member member = record.member(node.nodeId());
    if (member == null) {
      return waiting("this node is not in the in-sync set of record version " + record.version());
    }
    if (member.incarnation() != node.incarnation()) {
      return waiting("the in-sync member with this node's id had another data directory");
    }
    if (member.token() != node.token()) {
      return waiting(
          "this node's data directory is from before or after the admission that the record names");
    }
    for (Map.Entry<String, LogPoint> least : record.least().entrySet()) {
      String missing = missing(least.getKey(), least.getValue(), node);
      if (missing != null) {
        return waiting(missing);
      }
    }
    String fault = fault(node);
    return fault == null ? null : waiting(fault);
  }

  /** Why the node may lack a committed transaction; null if it has them up to the least one. */
  private static String missing(String name, LogPoint least, Candidate node) {
    Database database = node.databases().get(name);
    LogPoint end = database == null ? LogPoint.NONE : database.end();
    LogPoint there = end.mayContain(least) ? database.at().apply(least.txid()) : null;
    if (end.mayContain(least) && (there == null || there.equals(least))) {
      return null;
    }
    return "'"
        + name
        + "' ends here at "
        + end
        + (there == null ? "" : " and has " + there + " on the way")
        + ", but "
        + least
        + " was committed";
  }

  private static String fault(Candidate node) {
    for (Map.Entry<String, Database> entry : new TreeMap<>(node.databases()).entrySet()) {
      if (entry.getValue().fault() != null) {
        return "'" + entry.getKey() + "' cannot be served: " + entry.getValue().fault();
      }
    }
    return null;
  }

  private static Verdict withSuccessor(ClusterRecord record, Candidate node, boolean expired) {
    if (record.successor().isPresent() && !expired) {
      ClusterRecord.Successor successor = record.successor().get();
      if (successor.nodeId() != node.nodeId() || successor.incarnation() != node.incarnation()) {
        return waiting("the lease was handed over to " + Ids.node(successor.nodeId()));
      }
    }
    return new Verdict(
        Kind.ACQUIRE, "this node is an in-sync member of record version " + record.version());
  }

  private static Verdict waiting(String reason) {
    return new Verdict(Kind.WAIT, reason);
  }

  private static Verdict operator(String reason) {
    return new Verdict(Kind.OPERATOR, reason);
  }
}
