package io.tidemark.lease;

/** What became of an attempt to acquire the ownership. */
public sealed interface Acquisition {
  /** This process is the owner, and the record is the one it gave. */
  record Acquired(Lease lease, Revision revision) implements Acquisition {}

  /** Nothing was done: somebody owns it. */
  record HeldBy(Owner owner) implements Acquisition {}

  /** Nothing was done: the record is not the one that was seen. Read again. */
  record RecordChanged() implements Acquisition {}

  /** Nothing was done: nobody owns it, but the store lets nobody in yet. Try again later. */
  record NotYet(String reason) implements Acquisition {}

  /**
   * The answer was lost: it may have been done, and if not, it may still happen. A plain read tells
   * by the nonce of the owner whether this process owns it; {@link Settlement#settle} gives the
   * lease, too.
   */
  record Unknown(LeaseStoreException cause, Settlement settlement) implements Acquisition {}

  /** Finds out what became of an attempt whose answer was lost. */
  @FunctionalInterface
  interface Settlement {
    /**
     * Reads linearizably. If the attempt was carried out, this is {@link Acquired}; if not, sees to
     * it that it cannot happen any more and says what stands in the way, or {@link NotYet}. Can be
     * {@link Unknown} again.
     */
    Acquisition settle();
  }
}
