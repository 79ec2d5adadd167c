package io.tidemark.lease.support;

import io.tidemark.lease.Acquisition;
import io.tidemark.lease.Acquisition.Acquired;
import io.tidemark.lease.LeaseStoreException;
import io.tidemark.lease.Stored;
import java.util.Optional;

/**
 * One attempt to acquire the ownership: one request that a store carries out at most once, and what
 * to do when its answer is lost. Every store has its own way to recognise the request's effect and
 * to make it impossible; the order of these steps is here.
 */
public abstract class Attempt {
  private final Stored seen;
  private String refusal = "somebody was faster";

  protected Attempt(Stored seen) {
    this.seen = seen;
  }

  /**
   * Sends the request.
   *
   * @return empty if the store has refused and nothing was done
   */
  protected abstract Optional<Acquired> send() throws LeaseStoreException;

  /** The ownership, if a linearizable read shows that the request was carried out. */
  protected abstract Optional<Acquired> find() throws LeaseStoreException;

  /**
   * Makes it impossible that the request is carried out from now on.
   *
   * @return false if that has to be tried again after another {@link #find}
   */
  protected abstract boolean prevent() throws LeaseStoreException;

  protected abstract Stored read() throws LeaseStoreException;

  /** Leaves nothing behind in the store, as far as that is easy: nothing was done. */
  protected abstract void tidy();

  /** The store's own words of why it refuses, for the case that nothing else explains it. */
  protected final void refusedBecause(String words) {
    refusal = words;
  }

  /**
   * @throws LeaseStoreException nothing was done
   */
  public final Acquisition make() throws LeaseStoreException {
    try {
      Optional<Acquired> done = send();
      if (done.isPresent()) {
        return done.get();
      }
    } catch (LeaseStoreException e) {
      if (e.isUnknown()) {
        return new Acquisition.Unknown(e, this::settle);
      }
      tidy();
      throw e;
    }
    tidy();
    try {
      return whatHinders(read(), refusal);
    } catch (LeaseStoreException e) {
      // Certain is that nothing was done; what hindered it is not worth a doubt.
      return new Acquisition.NotYet(refusal);
    }
  }

  private Acquisition settle() {
    try {
      Optional<Acquired> done = find();
      while (done.isEmpty() && !prevent()) {
        done = find();
      }
      return done.isPresent()
          ? done.get()
          : whatHinders(read(), "the attempt whose answer was lost was not carried out");
    } catch (LeaseStoreException e) {
      return new Acquisition.Unknown(e, this::settle);
    }
  }

  private Acquisition whatHinders(Stored now, String otherwise) {
    return hindrance(seen, now).orElseGet(() -> new Acquisition.NotYet(otherwise));
  }

  /** Why nobody can acquire who has seen the one and would now find the other. */
  public static Optional<Acquisition> hindrance(Stored seen, Stored now) {
    if (now.owner().isPresent()) {
      return Optional.of(new Acquisition.HeldBy(now.owner().get()));
    }
    return now.revision().equals(seen.revision())
        ? Optional.empty()
        : Optional.of(new Acquisition.RecordChanged());
  }
}
