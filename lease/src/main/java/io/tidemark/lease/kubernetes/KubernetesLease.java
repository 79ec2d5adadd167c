package io.tidemark.lease.kubernetes;

import io.tidemark.lease.Change;
import io.tidemark.lease.Lease;
import io.tidemark.lease.LeaseStoreException;
import io.tidemark.lease.Owner;
import io.tidemark.lease.RecordText;
import io.tidemark.lease.Renewal;
import io.tidemark.lease.Revision;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.UnaryOperator;

/**
 * An ownership: the holder and the count of transitions of one object. Its monitor keeps renewals
 * and changes apart, which would make each other's version old.
 *
 * <p>The platform does not end an ownership, so this holder must: once a whole TTL has passed since
 * the last write that succeeded, it writes no more, even if nobody has taken over yet.
 */
final class KubernetesLease implements Lease {
  private final KubernetesLeaser leaser;
  private final Owner owner;
  private final Renewal.Renewed granted;
  private final String uid;
  private final long transitions;
  private LeaseObject last;
  private long lastSentAt;

  KubernetesLease(
      KubernetesLeaser leaser, Owner owner, LeaseObject acquired, Renewal.Renewed granted) {
    this.leaser = leaser;
    this.owner = owner;
    this.granted = granted;
    uid = acquired.uid();
    transitions = acquired.transitions();
    last = acquired;
    lastSentAt = granted.sentAt();
  }

  @Override
  public Owner owner() {
    return owner;
  }

  @Override
  public Renewal.Renewed granted() {
    return granted;
  }

  /** What became of an update: written, or why not. */
  private record Update(Optional<LeaseObject> written, Optional<String> lost) {}

  @Override
  public synchronized Renewal renew(Duration timeout) throws LeaseStoreException {
    Instant now = leaser.wallClock().instant();
    Update update = update(last, object -> Optional.of(object.renewed(now)), timeout);
    return update.lost().isPresent()
        ? new Renewal.Lost(update.lost().get())
        : new Renewal.Renewed(lastSentAt, granted.ttl());
  }

  @Override
  public synchronized Change change(Revision expected, String nextRecord)
      throws LeaseStoreException {
    RecordText.checked(nextRecord);
    return replace(expected, object -> object.changed(nextRecord));
  }

  @Override
  public synchronized Change release(Revision expected, String lastRecord)
      throws LeaseStoreException {
    RecordText.checked(lastRecord);
    return replace(expected, object -> object.released(lastRecord));
  }

  private Change replace(Revision expected, UnaryOperator<LeaseObject> next)
      throws LeaseStoreException {
    Duration timeout = leaser.api().timeout();
    try {
      LeaseObject from = last;
      if (!isAt(from, expected)) {
        // A change whose answer was lost may have been carried out: look.
        Optional<LeaseObject> now = leaser.api().get(timeout);
        if (now.isEmpty() || !isOurs(now.get())) {
          return new Change.Lost(whyLost(now));
        }
        from = now.get();
      }
      Instant now = leaser.wallClock().instant();
      Update update =
          update(
              from,
              object ->
                  isAt(object, expected)
                      ? Optional.of(next.apply(object).renewed(now))
                      : Optional.empty(),
              timeout);
      if (update.lost().isPresent()) {
        return new Change.Lost(update.lost().get());
      }
      return update
          .written()
          .<Change>map(object -> new Change.Done(object.record().orElseThrow().revision()))
          .orElseGet(Change.RecordChanged::new);
    } catch (LeaseStoreException e) {
      if (e.isUnknown()) {
        return new Change.Unknown(e);
      }
      throw e;
    }
  }

  private static boolean isAt(LeaseObject object, Revision expected) {
    return object.record().filter(record -> record.revision().equals(expected)).isPresent();
  }

  private boolean isOurs(LeaseObject object) {
    return object.uid().equals(uid)
        && object.holder().equals(LeaseObject.holderOf(owner))
        && object.transitions() == transitions;
  }

  private String whyLost(Optional<LeaseObject> now) {
    return now.map(object -> "the lease object names " + describe(object) + " as its holder")
        .orElse("the lease object was deleted");
  }

  private static String describe(LeaseObject object) {
    return object.holder().isEmpty() ? "nobody" : object.holder();
  }

  /**
   * Writes what is made of the object. If it is at another version, because somebody has changed
   * something else about it or because an answer of ours was lost, makes it again of that version
   * as long as the ownership is ours.
   *
   * @param next empty to write nothing
   */
  private Update update(
      LeaseObject from, Function<LeaseObject, Optional<LeaseObject>> next, Duration timeout)
      throws LeaseStoreException {
    long began = leaser.clock().nanos();
    LeaseObject current = from;
    while (true) {
      long sentAt = leaser.clock().nanos();
      if (sentAt - lastSentAt >= granted.ttl().toNanos()) {
        return new Update(Optional.empty(), Optional.of("not renewed for as long as it lasts"));
      }
      Duration left = timeout.minusNanos(sentAt - began);
      Duration limit = left.isNegative() || left.isZero() ? Duration.ofMillis(1) : left;
      Optional<LeaseObject> wanted = next.apply(current);
      if (wanted.isEmpty()) {
        return new Update(Optional.empty(), Optional.empty());
      }
      Optional<LeaseObject> written = leaser.api().update(wanted.get(), limit);
      if (written.isPresent()) {
        last = written.get();
        lastSentAt = sentAt;
        return new Update(written, Optional.empty());
      }
      Optional<LeaseObject> now = leaser.api().get(limit);
      if (now.isEmpty() || !isOurs(now.get())) {
        return new Update(Optional.empty(), Optional.of(whyLost(now)));
      }
      current = now.get();
    }
  }
}
