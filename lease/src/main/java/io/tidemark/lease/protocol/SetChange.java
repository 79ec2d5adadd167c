package io.tidemark.lease.protocol;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Decides about changes of the in-sync set, one at a time, by the primary. Two orders make them
 * safe: who is added is waited for before the record says so, and who is removed is waited for
 * until the record says so. Between the two sets, while the outcome of a change is not certain,
 * commits wait for both ({@link CommitRule}).
 */
public final class SetChange {
  private SetChange() {}

  /** What follows. */
  public enum Kind {
    /** Nothing to do. */
    NONE,
    /** Not now; look again when something has changed. */
    WAIT,
    /**
     * Require the acknowledgements of {@link Verdict#members} from now on, then change the record.
     */
    CHANGE,
    /** Hand the primary over: this node cannot keep its promise. */
    HAND_OVER
  }

  /**
   * @param members the set to propose; null unless {@link Kind#CHANGE}
   */
  public record Verdict(Kind kind, List<Member> members, String reason) {}

  /**
   * What the primary knows of a connected node that asks to be in the set.
   *
   * @param member as it says of itself
   * @param fault why one of its databases cannot be served; null if all can
   * @param resynchronising whether a database is just being replaced by a copy
   * @param lanes for each database of the primary, how far both are
   */
  public record Asking(
      Member member, String fault, boolean resynchronising, Map<String, Lane> lanes) {}

  /**
   * One database of the node that asks.
   *
   * @param tail of the primary
   * @param ack newest acknowledgement of the node; null if none
   */
  public record Lane(Tail tail, MemberAck ack) {}

  /**
   * Whether to add a node.
   *
   * @param changing whether the outcome of an earlier change is not certain
   */
  public static Verdict add(ClusterRecord record, Asking node, boolean changing) {
    Member asked = node.member();
    Member entry = record.member(asked.nodeId());
    if (asked.equals(entry)) {
      return new Verdict(Kind.NONE, null, asked + " is in the in-sync set");
    }
    if (changing) {
      return waiting("an earlier change of the in-sync set is not certain yet");
    }
    if (entry != null) {
      return without(record, asked, "it comes back with another data directory or admission");
    }
    if (record.members().size() >= ClusterRecord.MAX_MEMBERS) {
      return waiting("the in-sync set is full");
    }
    if (node.fault() != null || node.resynchronising()) {
      return waiting(
          asked
              + (node.fault() != null
                  ? " has a database that cannot be served: " + node.fault()
                  : " is being sent a copy of a database"));
    }
    for (Map.Entry<String, Lane> lane : new TreeMap<>(node.lanes()).entrySet()) {
      String lacking = lacking(record, asked, lane.getValue());
      if (lacking != null) {
        return waiting("'" + lane.getKey() + "': " + lacking);
      }
    }
    List<Member> members = new ArrayList<>(record.members());
    members.add(asked);
    return new Verdict(Kind.CHANGE, List.copyOf(members), asked + " is caught up");
  }

  private static String lacking(ClusterRecord record, Member asked, Lane lane) {
    MemberAck ack = lane.ack();
    if (ack == null || ack.epoch() != record.epoch() || !ack.member().equals(asked)) {
      return asked + " has acknowledged nothing in epoch " + record.epoch();
    }
    // Also what was inherited and is not known to be committed: it may have been.
    return ack.durable() < lane.tail().admission()
        ? asked + " has " + ack.durable() + " of " + lane.tail().admission() + " transactions"
        : null;
  }

  /**
   * Whether to remove a member that does not acknowledge any more, or that the operator takes out.
   *
   * @param why one clause, for the log
   * @param changing as in {@link #add}
   */
  public static Verdict remove(ClusterRecord record, long nodeId, String why, boolean changing) {
    Member member = record.member(nodeId);
    if (member == null) {
      return new Verdict(Kind.NONE, null, Ids.node(nodeId) + " is not in the in-sync set");
    }
    if (nodeId == record.primary().nodeId()) {
      return new Verdict(Kind.HAND_OVER, null, "this node is the primary, and " + why);
    }
    return changing
        ? waiting("an earlier change of the in-sync set is not certain yet")
        : without(record, member, why);
  }

  private static Verdict without(ClusterRecord record, Member node, String why) {
    List<Member> members = new ArrayList<>(record.members());
    members.removeIf(member -> member.nodeId() == node.nodeId());
    if (record.mode() == CommitMode.SYNC && members.size() < record.minInSync()) {
      return waiting(
          node
              + " is needed: without it "
              + members.size()
              + " in-sync members are left, and min-in-sync is "
              + record.minInSync()
              + " ("
              + why
              + ")");
    }
    return new Verdict(Kind.CHANGE, List.copyOf(members), node + " leaves the set: " + why);
  }

  private static Verdict waiting(String reason) {
    return new Verdict(Kind.WAIT, null, reason);
  }

  /**
   * One database of a node that has connected.
   *
   * @param has TXID up to which the node's log is on disk and equal to the primary's
   * @param acknowledged the greatest TXID that it acknowledged in this epoch, 0 if none
   * @param committed commit position of the primary
   */
  public record Greeting(long has, long acknowledged, long committed) {}

  /**
   * A node has connected. Whatever it acknowledged on an earlier connection counts no more. This
   * tells whether it has to leave the set before anything is sent to it: a member has all that is
   * committed, so one that has not has lost it, and could look whole again before it is.
   *
   * @param greeted as the node says of itself now
   * @return {@link Kind#NONE} if the stream may begin; with {@link Kind#WAIT} it has to wait, too
   */
  public static Verdict greeting(
      ClusterRecord record, Member greeted, Map<String, Greeting> databases, boolean changing) {
    Member entry = record.member(greeted.nodeId());
    if (entry == null) {
      return new Verdict(Kind.NONE, null, greeted + " is not in the in-sync set");
    }
    if (!entry.equals(greeted)) {
      return remove(
          record, greeted.nodeId(), "it has another data directory or admission", changing);
    }
    for (Map.Entry<String, Greeting> database : new TreeMap<>(databases).entrySet()) {
      Greeting greeting = database.getValue();
      long expected = Math.max(greeting.acknowledged(), greeting.committed());
      if (greeting.has() < expected) {
        return remove(
            record,
            greeted.nodeId(),
            "it had transaction "
                + expected
                + " of '"
                + database.getKey()
                + "' and has "
                + greeting.has()
                + " now: its disk lost data",
            changing);
      }
    }
    return new Verdict(Kind.NONE, null, greeted + " has all that it acknowledged");
  }

  /** What became of a change of the record. */
  public enum Outcome {
    /** The record is the proposed one: it alone counts from now on. */
    DONE,
    /** It did not happen and cannot any more: the record that was read counts. */
    VOID,
    /**
     * The record is still the one before, so the change may happen yet: both count. A change to
     * {@link NextRecord#refreshed}, or the same change again, settles it.
     */
    OPEN,
    /** The lease or the record is somebody else's: this node is not primary any more. */
    LOST
  }

  /**
   * @param before the record that the change was to replace
   * @param proposed the record that it was to become
   * @param read a linearizable read made after the change was sent; null if there is no record
   * @param owned whether the read showed this process as the owner of the lease
   */
  public static Outcome outcome(
      ClusterRecord before, ClusterRecord proposed, ClusterRecord read, boolean owned) {
    if (read == null || !owned || !read.primary().equals(before.primary())) {
      return Outcome.LOST;
    }
    if (read.equals(proposed)) {
      return Outcome.DONE;
    }
    if (read.version() < before.version()) {
      return Outcome.LOST;
    }
    return read.version() == before.version() ? Outcome.OPEN : Outcome.VOID;
  }
}
