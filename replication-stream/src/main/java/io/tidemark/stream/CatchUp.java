package io.tidemark.stream;

import io.tidemark.ltx.Txid;

/**
 * Decides how a replica gets to where the primary is with one database. A pure function of what
 * both have; whoever carries the plan out has to hold on to the records that it names.
 *
 * <p>What it rests on: within one epoch a single primary appends and uses no TXID twice. So if both
 * logs have a record with the same epoch, TXID and checksum, both are equal up to it, and one
 * comparison, at the replica's last record, is enough.
 */
public final class CatchUp {
  private CatchUp() {}

  /** What to do, and a sentence for the log that says why. */
  public sealed interface Plan
      permits UpToDate, Records, Snapshot, Dropped, Diverged, ReplicaAhead {
    /** One sentence without a full stop. */
    String reason();
  }

  /** Nothing to send. */
  public record UpToDate(String reason) implements Plan {}

  /**
   * Send the records from a transaction on.
   *
   * @param from the first that the replica lacks; the log has it and all after it
   */
  public record Records(Txid from, String reason) implements Plan {}

  /**
   * Send the pages: the log does not reach back far enough, or is much longer than they are.
   *
   * @param continues whether what the replica has is known to be part of the primary's history. If
   *     not, the replica has to keep its records aside before it gives them up
   */
  public record Snapshot(boolean continues, String reason) implements Plan {}

  /**
   * Tell the replica that the database is gone.
   *
   * @param continues as in {@link Snapshot}
   */
  public record Dropped(boolean continues, String reason) implements Plan {}

  /**
   * The replica has a record that is not part of the primary's history; where the two parted is
   * unknown. It sets its records aside and gets the pages that differ, or a snapshot.
   */
  public record Diverged(String reason) implements Plan {}

  /**
   * The replica's log is longer than the primary's. It has to go back to a position that the
   * primary has, or to wait until one that has its transactions becomes primary; which of the two
   * depends on epochs and is not decided here.
   */
  public record ReplicaAhead(String reason) implements Plan {}

  /**
   * @param replica the replica's last record, {@link Position#NONE} if it has none
   * @throws IllegalArgumentException when the primary's history contradicts itself
   */
  public static Plan plan(Position replica, PrimaryHistory primary) {
    Position end = primary.position();
    Txid first = primary.firstInLog();
    if (first.isZero() || Long.compareUnsigned(first.value() - 1, end.txid().value()) > 0) {
      throw new IllegalArgumentException(
          "the log of the primary begins at " + first + " but its position is " + end);
    }
    if (replica.equals(end)) {
      return new UpToDate(
          end.isNone() ? "neither node has a transaction" : "both nodes are at position " + end);
    }
    if (replica.isNone()) {
      return planForNothing(primary, end, first);
    }
    int order = replica.txid().compareTo(end.txid());
    if (order > 0) {
      return new ReplicaAhead(
          "the replica has transactions up to "
              + replica
              + ", the primary's history "
              + (end.isNone() ? "has none" : "ends at " + end));
    }
    Position same = order == 0 ? end : primary.at(replica.txid());
    if (same == null) {
      return planForUnknown(replica, primary, end, first);
    }
    if (!same.equals(replica)) {
      return new Diverged(
          "at transaction "
              + replica.txid()
              + " the replica has "
              + difference(replica, same)
              + ", so their histories parted before it or there");
    }
    Txid next = replica.txid().next();
    if (first.compareTo(next) <= 0) {
      return new Records(
          next, "the replica has " + replica + " and the primary's log has all that follows");
    }
    String reason =
        "the replica needs transaction " + next + " and the primary's log begins at " + first;
    return primary.exists() ? new Snapshot(true, reason) : dropped(true, end);
  }

  private static Plan planForNothing(PrimaryHistory primary, Position end, Txid first) {
    if (!primary.exists()) {
      return dropped(true, end);
    }
    if (first.value() == 1 && primary.isSnapshotShorter()) {
      return new Snapshot(true, "the replica has nothing and the pages are less than the log");
    }
    if (first.value() == 1) {
      return new Records(first, "the replica has nothing and the primary's log is complete");
    }
    return new Snapshot(
        true, "the replica has nothing and the primary's log begins at transaction " + first);
  }

  /** The primary does not know any more what it had at the replica's last transaction. */
  private static Plan planForUnknown(
      Position replica, PrimaryHistory primary, Position end, Txid first) {
    // Epochs never decrease along a log, so a later epoch at an earlier TXID is of another history.
    Position known = first.compareTo(end.txid()) <= 0 ? primary.at(first) : null;
    Position later = known == null ? end : known;
    if (replica.epoch() > later.epoch()) {
      return new Diverged(
          "the replica has transaction "
              + replica.txid()
              + " of epoch "
              + replica.epoch()
              + ", but the primary's later transaction "
              + later.txid()
              + " is still of epoch "
              + later.epoch());
    }
    if (!primary.exists()) {
      return dropped(false, end);
    }
    return new Snapshot(
        false,
        "the primary's log begins at transaction "
            + first
            + ", so whether transaction "
            + replica.txid()
            + " of the replica is the same on both cannot be told any more");
  }

  private static Dropped dropped(boolean continues, Position end) {
    return new Dropped(continues, "the database was dropped with transaction " + end.txid());
  }

  private static String difference(Position replica, Position primary) {
    return replica.epoch() != primary.epoch()
        ? "a record of epoch " + replica.epoch() + " and the primary one of " + primary.epoch()
        : "checksum " + replica.checksum() + " and the primary " + primary.checksum();
  }
}
