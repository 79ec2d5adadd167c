package io.tidemark.lease.etcd;

import static io.tidemark.lease.etcd.EtcdClient.delete;
import static io.tidemark.lease.etcd.EtcdClient.isAt;
import static io.tidemark.lease.etcd.EtcdClient.put;

import io.etcd.jetcd.KeyValue;
import io.etcd.jetcd.op.Op;
import io.tidemark.lease.Change;
import io.tidemark.lease.Lease;
import io.tidemark.lease.LeaseStoreException;
import io.tidemark.lease.Owner;
import io.tidemark.lease.RecordText;
import io.tidemark.lease.Renewal;
import io.tidemark.lease.Revision;
import io.tidemark.lease.etcd.EtcdClient.Kept;
import io.tidemark.lease.etcd.EtcdClient.Write;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** An ownership by a key that an etcd lease keeps, as it was written at one revision. */
final class EtcdLease implements Lease {
  private final EtcdLeaser leaser;
  private final Owner owner;
  private final long leaseId;
  private final long acquiredAt;
  private final Renewal.Renewed granted;

  /**
   * @param acquiredAt the revision at which the primary key was written
   */
  EtcdLease(
      EtcdLeaser leaser, Owner owner, long leaseId, long acquiredAt, Renewal.Renewed granted) {
    this.leaser = leaser;
    this.owner = owner;
    this.leaseId = leaseId;
    this.acquiredAt = acquiredAt;
    this.granted = granted;
  }

  @Override
  public Owner owner() {
    return owner;
  }

  @Override
  public Renewal.Renewed granted() {
    return granted;
  }

  private boolean isOurs(Optional<KeyValue> primary) {
    return primary
        .filter(key -> key.getLease() == leaseId && key.getModRevision() == acquiredAt)
        .isPresent();
  }

  /** A living etcd lease alone is not enough: its key may have been deleted or overwritten. */
  @Override
  public Renewal renew(Duration timeout) throws LeaseStoreException {
    long sentAt = leaser.clock().nanos();
    Optional<Kept> kept = leaser.client().keepAlive(leaseId, leaser.primaryKey(), timeout);
    if (kept.isEmpty()) {
      return new Renewal.Lost("the lease in etcd has ended");
    }
    return isOurs(kept.get().key())
        ? new Renewal.Renewed(sentAt, Duration.ofSeconds(kept.get().ttlSeconds()))
        : new Renewal.Lost("the primary's key in etcd is not the one we wrote any more");
  }

  @Override
  public Change change(Revision expected, String nextRecord) throws LeaseStoreException {
    RecordText.checked(nextRecord);
    return run(expected, List.of(put(leaser.recordKey(), nextRecord, 0)));
  }

  @Override
  public Change release(Revision expected, String lastRecord) throws LeaseStoreException {
    RecordText.checked(lastRecord);
    Change change =
        run(expected, List.of(put(leaser.recordKey(), lastRecord, 0), delete(leaser.primaryKey())));
    if (change instanceof Change.Done) {
      leaser.client().revokeLater(leaseId); // the successor waits for this call, not for that
    }
    return change;
  }

  private Change run(Revision expected, List<Op> operations) throws LeaseStoreException {
    try {
      Optional<Write> written =
          leaser
              .client()
              .write(
                  List.of(
                      isAt(leaser.primaryKey(), acquiredAt),
                      isAt(leaser.recordKey(), expected.number())),
                  operations);
      if (written.isPresent()) {
        return new Change.Done(new Revision(expected.incarnation(), written.get().revision()));
      }
    } catch (LeaseStoreException e) {
      if (e.isUnknown()) {
        return new Change.Unknown(e);
      }
      throw e;
    }
    return isOurs(leaser.readPrimary())
        ? new Change.RecordChanged()
        : new Change.Lost("the primary's key in etcd is not ours any more");
  }
}
