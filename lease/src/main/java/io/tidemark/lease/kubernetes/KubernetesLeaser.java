package io.tidemark.lease.kubernetes;

import io.tidemark.lease.Acquisition;
import io.tidemark.lease.BootClock;
import io.tidemark.lease.LeaseStoreException;
import io.tidemark.lease.LeaseWatch;
import io.tidemark.lease.Leaser;
import io.tidemark.lease.Owner;
import io.tidemark.lease.RecordText;
import io.tidemark.lease.Renewal;
import io.tidemark.lease.Stored;
import io.tidemark.lease.support.HintLoops;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Optional;

/**
 * The lease in Kubernetes. One object holds everything, so each change is one update that names the
 * version it builds on. The platform ends nothing by itself: candidates decide that a holder is
 * gone ({@link Observation}), so a take-over takes one TTL after the first look at the object that
 * its holder left.
 */
public final class KubernetesLeaser implements Leaser {
  private final KubernetesOptions options;
  private final BootClock clock;
  private final InstantSource wallClock;
  private final LeaseApi api;
  private final Observation observation;
  private final HintLoops watches = new HintLoops();

  /**
   * @param wallClock for the times that the object shows to people
   */
  public KubernetesLeaser(KubernetesOptions options, BootClock clock, InstantSource wallClock) {
    this.options = options;
    this.clock = clock;
    this.wallClock = wallClock;
    api = new LeaseApi(options);
    observation = new Observation(options.ttl());
  }

  @Override
  public Stored read() throws LeaseStoreException {
    return stored(api.get(options.timeout()));
  }

  private Stored stored(Optional<LeaseObject> object) {
    return object
        .map(found -> found.stored(observation.isHolderAlive(found, clock.nanos())))
        .orElseGet(() -> new Stored(Optional.empty(), Optional.empty()));
  }

  @Override
  public Acquisition acquire(Stored seen, String nextRecord, Owner owner)
      throws LeaseStoreException {
    RecordText.checked(nextRecord);
    Optional<LeaseObject> before = api.get(options.timeout());
    Optional<Acquisition> hindrance = hindrance(seen, stored(before));
    if (hindrance.isPresent()) {
      return hindrance.get();
    }
    Attempt attempt = new Attempt(seen, before, nextRecord, owner);
    try {
      return attempt.run();
    } catch (LeaseStoreException e) {
      if (e.isUnknown()) {
        return new Acquisition.Unknown(e, attempt::settle);
      }
      throw e;
    }
  }

  private static Optional<Acquisition> hindrance(Stored seen, Stored now) {
    if (now.owner().isPresent()) {
      return Optional.of(new Acquisition.HeldBy(now.owner().get()));
    }
    return now.revision().equals(seen.revision())
        ? Optional.empty()
        : Optional.of(new Acquisition.RecordChanged());
  }

  /** One request to acquire, built on one version of the object or on its absence. */
  private final class Attempt {
    private final Stored seen;
    private final Optional<LeaseObject> before;
    private final LeaseObject wanted;
    private final Owner owner;
    private final Renewal.Renewed granted;

    Attempt(Stored seen, Optional<LeaseObject> before, String nextRecord, Owner owner) {
      this.seen = seen;
      this.before = before;
      this.owner = owner;
      granted = new Renewal.Renewed(clock.nanos(), options.ttl());
      wanted =
          before
              .orElseGet(KubernetesLeaser.this::fresh)
              .acquired(owner, nextRecord, options.ttl(), now());
    }

    Acquisition run() throws LeaseStoreException {
      Optional<LeaseObject> written = write(before, wanted);
      if (written.isPresent()) {
        return acquired(written.get());
      }
      try {
        return whatHinders(stored(api.get(options.timeout())), "somebody was faster");
      } catch (LeaseStoreException e) {
        // Certain is that nothing was done; what hindered it is not worth a doubt.
        return new Acquisition.NotYet("somebody was faster");
      }
    }

    private Acquisition acquired(LeaseObject object) {
      return new Acquisition.Acquired(
          new KubernetesLease(KubernetesLeaser.this, owner, object, granted),
          object.record().orElseThrow().revision());
    }

    private Acquisition whatHinders(Stored now, String otherwise) {
      return hindrance(seen, now).orElseGet(() -> new Acquisition.NotYet(otherwise));
    }

    /**
     * If the request was not carried out it may still be on its way, as long as the object is at
     * the version it names. So that version is made to pass; its holder, if it names one, is one
     * that was found dead.
     */
    Acquisition settle() {
      try {
        while (true) {
          Optional<LeaseObject> now = api.get(options.timeout());
          if (now.isPresent() && isOurs(now.get())) {
            return acquired(now.get());
          }
          boolean stillPossible =
              now.map(LeaseObject::version).equals(before.map(LeaseObject::version));
          if (!stillPossible || write(now, passed(now)).isPresent()) {
            return whatHinders(
                stored(api.get(options.timeout())),
                "the attempt whose answer was lost was not carried out");
          }
        }
      } catch (LeaseStoreException e) {
        return new Acquisition.Unknown(e, this::settle);
      }
    }

    private boolean isOurs(LeaseObject now) {
      return now.holder().equals(wanted.holder()) && now.transitions() == wanted.transitions();
    }

    private LeaseObject passed(Optional<LeaseObject> now) {
      return now.map(LeaseObject::withoutHolder).orElseGet(KubernetesLeaser.this::fresh);
    }

    private Instant now() {
      return wallClock.instant();
    }
  }

  private LeaseObject fresh() {
    return LeaseObject.fresh(options.namespace(), options.name());
  }

  private Optional<LeaseObject> write(Optional<LeaseObject> before, LeaseObject next)
      throws LeaseStoreException {
    return before.isPresent() ? api.update(next, options.timeout()) : api.create(next);
  }

  LeaseApi api() {
    return api;
  }

  BootClock clock() {
    return clock;
  }

  InstantSource wallClock() {
    return wallClock;
  }

  @Override
  public LeaseWatch watch(Runnable hint) {
    return watches.start(describe(), new WatchSource(api), hint);
  }

  @Override
  public String describe() {
    return api.describe();
  }

  @Override
  public void close() {
    watches.close(); // Connections end with the client.
  }
}
