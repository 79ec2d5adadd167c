package io.tidemark.node.cluster;

import io.tidemark.lease.Change;
import io.tidemark.lease.Lease;
import io.tidemark.lease.LeaseKeeper;
import io.tidemark.lease.LeaseStoreException;
import io.tidemark.lease.Leaser;
import io.tidemark.lease.Owner;
import io.tidemark.lease.Revision;
import io.tidemark.lease.Stored;
import io.tidemark.lease.protocol.ClusterRecord;
import io.tidemark.lease.protocol.ClusterRecordJson;
import io.tidemark.lease.protocol.CommitMode;
import io.tidemark.lease.protocol.LogPoint;
import io.tidemark.lease.protocol.NextRecord;
import io.tidemark.lease.protocol.RecordFormatException;
import io.tidemark.lease.protocol.SetChange;
import java.util.Map;

/**
 * The time in which this process owns the lease: the lease, and the record as this process has
 * written it.
 *
 * <p>For one thread; {@link #record} and {@link #isHeld} for any.
 */
final class Tenancy implements AutoCloseable {
  /** What became of a change. */
  enum Result {
    /** The record is what it was to become. */
    DONE,
    /** It is not, and will not become so by itself. */
    VOID,
    /** The lease is not this process's any more. */
    LOST
  }

  private static final int ATTEMPTS = 5;

  private final Leaser leaser;
  private final Owner owner;
  private final Lease lease;
  private final LeaseKeeper keeper;
  private final CommitMode promised;
  private volatile ClusterRecord record;
  private Revision revision;

  /** A change that was sent, and of which it is not certain what became of it. */
  private ClusterRecord uncertain;

  /**
   * @param promised the mode of the record before, which is what programs were promised
   */
  Tenancy(
      Leaser leaser,
      Owner owner,
      Lease lease,
      LeaseKeeper keeper,
      CommitMode promised,
      ClusterRecord record,
      Revision revision) {
    this.leaser = leaser;
    this.owner = owner;
    this.lease = lease;
    this.keeper = keeper;
    this.promised = promised;
    this.record = record;
    this.revision = revision;
  }

  ClusterRecord record() {
    return record;
  }

  CommitMode promised() {
    return promised;
  }

  /** On the way of every commit. */
  boolean isHeld() {
    return keeper.isHeld() || Mutant.LEASE_NEVER_ENDS.isOn();
  }

  LeaseKeeper keeper() {
    return keeper;
  }

  /**
   * Whether an earlier change may or may not have happened, or may yet; {@link #resolve} comes
   * first then.
   */
  boolean isUncertain() {
    return uncertain != null;
  }

  /**
   * Finds out, or makes sure, what became of the last change.
   *
   * @throws LeaseStoreException when the store does not answer; it is as uncertain as before
   */
  Result resolve() throws LeaseStoreException {
    return settled(uncertain, null);
  }

  /**
   * Replaces the record; returns when it is certain what became of that.
   *
   * @throws LeaseStoreException when it is not, see {@link #isUncertain}
   */
  Result change(ClusterRecord next) throws LeaseStoreException {
    uncertain = next;
    return settled(next, lease.change(revision, ClusterRecordJson.write(next)));
  }

  /**
   * The same, and ends the ownership with it.
   *
   * @return VOID only when the ownership cannot end by it any more
   */
  Result release(ClusterRecord last) throws LeaseStoreException {
    uncertain = last;
    keeper.givingUp(true);
    Result result = settled(last, lease.release(revision, ClusterRecordJson.write(last)));
    keeper.givingUp(result != Result.VOID);
    return result;
  }

  /**
   * @param first what the store answered; null if that was lost
   */
  private Result settled(ClusterRecord next, Change first) throws LeaseStoreException {
    ClusterRecord wanted = next;
    Change change = first;
    for (int attempt = 1; ; attempt++) {
      if (change instanceof Change.Done done) {
        record = wanted;
        revision = done.revision();
        uncertain = null;
        return wanted == next ? Result.DONE : Result.VOID;
      }
      if (change instanceof Change.Lost) {
        uncertain = null;
        return Result.LOST;
      }
      if (attempt == ATTEMPTS && change instanceof Change.Unknown unknown) {
        throw unknown.cause();
      }
      Stored stored = leaser.read();
      boolean owned = stored.owner().map(owner::isSameProcess).orElse(false);
      ClusterRecord read = parse(stored);
      SetChange.Outcome outcome = SetChange.outcome(record, next, read, owned);
      if (outcome == SetChange.Outcome.OPEN) {
        // A change of the same version: at most one of the two can happen.
        wanted = NextRecord.refreshed(record, Map.<String, LogPoint>of());
        change = lease.change(revision, ClusterRecordJson.write(wanted));
        continue;
      }
      uncertain = null;
      if (outcome == SetChange.Outcome.LOST) {
        return Result.LOST;
      }
      record = read;
      revision = stored.revision().orElseThrow();
      return outcome == SetChange.Outcome.DONE ? Result.DONE : Result.VOID;
    }
  }

  /** The record that was read, or null if there is none or it is not to be understood. */
  private static ClusterRecord parse(Stored stored) {
    try {
      return stored.record().isEmpty()
          ? null
          : ClusterRecordJson.read(stored.record().get().text());
    } catch (RecordFormatException e) {
      return null; // not what this process wrote: the lease is somebody else's
    }
  }

  /** Stops renewing; the ownership ends by itself if it was not released. */
  @Override
  public void close() {
    keeper.close();
  }
}
