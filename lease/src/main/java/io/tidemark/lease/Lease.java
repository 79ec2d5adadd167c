package io.tidemark.lease;

import java.time.Duration;

/**
 * An ownership that this process has acquired. Whether it still holds it, {@link LeaseKeeper} says.
 */
public interface Lease {
  Owner owner();

  /** As the acquisition granted it: when the request was sent, and for how long. */
  Renewal.Renewed granted();

  /**
   * Asks the store to keep the ownership for another TTL. Counts only if the store shows that the
   * ownership is still the one that was acquired.
   *
   * @throws LeaseStoreException when there is no certain answer in time; nothing is renewed then as
   *     far as this process may know
   */
  Renewal renew(Duration timeout) throws LeaseStoreException;

  /**
   * Replaces the record, in one transaction that checks that its revision is the expected one and
   * that the ownership is still ours.
   *
   * @throws LeaseStoreException nothing was done
   * @throws IllegalArgumentException if the record is too long
   */
  Change change(Revision expected, String nextRecord) throws LeaseStoreException;

  /**
   * As {@link #change}, and ends the ownership in the same transaction: the next one can acquire at
   * once, and what it reads is this record.
   *
   * @throws LeaseStoreException nothing was done
   * @throws IllegalArgumentException if the record is too long
   */
  Change release(Revision expected, String lastRecord) throws LeaseStoreException;
}
