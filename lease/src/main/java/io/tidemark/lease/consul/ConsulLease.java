package io.tidemark.lease.consul;

import io.tidemark.lease.Change;
import io.tidemark.lease.Lease;
import io.tidemark.lease.LeaseStoreException;
import io.tidemark.lease.Owner;
import io.tidemark.lease.RecordText;
import io.tidemark.lease.Renewal;
import io.tidemark.lease.Revision;
import io.tidemark.lease.consul.ConsulClient.Entry;
import io.tidemark.lease.consul.ConsulClient.Result;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** An ownership by a session that has locked the key. Sessions are never used twice. */
final class ConsulLease implements Lease {
  private static final String GONE = "the session in Consul has ended";

  private final ConsulLeaser leaser;
  private final Owner owner;
  private final String session;
  private final Renewal.Renewed granted;

  ConsulLease(ConsulLeaser leaser, Owner owner, String session, Renewal.Renewed granted) {
    this.leaser = leaser;
    this.owner = owner;
    this.session = session;
    this.granted = granted;
  }

  String session() {
    return session;
  }

  boolean isHeldIn(Optional<Entry> primary) {
    return primary.filter(entry -> entry.session().equals(session)).isPresent();
  }

  @Override
  public Owner owner() {
    return owner;
  }

  @Override
  public Renewal.Renewed granted() {
    return granted;
  }

  /** The session alone is not enough: somebody may have deleted the key by hand. */
  @Override
  public Renewal renew(Duration timeout) throws LeaseStoreException {
    long sentAt = leaser.clock().nanos();
    if (!leaser.client().renewSession(session, timeout)) {
      return new Renewal.Lost(GONE);
    }
    Duration left = timeout.minusNanos(leaser.clock().nanos() - sentAt);
    Optional<Entry> primary = leaser.readOwnership(left.isNegative() ? Duration.ofMillis(1) : left);
    return isHeldIn(primary)
        ? new Renewal.Renewed(sentAt, granted.ttl())
        : new Renewal.Lost("the key in Consul is not locked by our session any more");
  }

  @Override
  public Change change(Revision expected, String nextRecord) throws LeaseStoreException {
    RecordText.checked(nextRecord);
    return run(
        List.of(
            leaser.checkOwnership(session),
            leaser.replaceRecord(Optional.of(expected), nextRecord)));
  }

  @Override
  public Change release(Revision expected, String lastRecord) throws LeaseStoreException {
    RecordText.checked(lastRecord);
    Change change =
        run(
            List.of(
                leaser.checkOwnership(session),
                leaser.replaceRecord(Optional.of(expected), lastRecord),
                leaser.deleteOwnership()));
    if (change instanceof Change.Done) {
      leaser.withdraw(session); // It holds no lock any more, so no lock delay follows.
    }
    return change;
  }

  private Change run(List<Map<String, Object>> operations) throws LeaseStoreException {
    try {
      Result result = leaser.client().transaction(operations);
      if (result.committed()) {
        return new Change.Done(leaser.revisionIn(result));
      }
    } catch (LeaseStoreException e) {
      if (e.isUnknown()) {
        return new Change.Unknown(e);
      }
      throw e;
    }
    return isHeldIn(leaser.readOwnership(leaser.timeout()))
        ? new Change.RecordChanged()
        : new Change.Lost(GONE);
  }
}
