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
import io.tidemark.lease.support.Attempt;
import io.tidemark.lease.support.HintLoops;
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
    Optional<Acquisition> hindrance = Attempt.hindrance(seen, stored(before));
    return hindrance.isPresent()
        ? hindrance.get()
        : new UpdateAttempt(seen, before, nextRecord, owner).make();
  }

  /** One request to acquire, built on one version of the object or on its absence. */
  private final class UpdateAttempt extends Attempt {
    private final Optional<LeaseObject> before;
    private final LeaseObject wanted;
    private final Owner owner;
    private final Renewal.Renewed granted;

    UpdateAttempt(Stored seen, Optional<LeaseObject> before, String nextRecord, Owner owner) {
      super(seen);
      this.before = before;
      this.owner = owner;
      granted = new Renewal.Renewed(clock.nanos(), options.ttl());
      wanted =
          before
              .orElseGet(KubernetesLeaser.this::fresh)
              .acquired(owner, nextRecord, options.ttl(), wallClock.instant());
    }

    @Override
    protected Optional<Acquisition.Acquired> send() throws LeaseStoreException {
      return write(before, wanted).map(this::acquired);
    }

    private Acquisition.Acquired acquired(LeaseObject object) {
      return new Acquisition.Acquired(
          new KubernetesLease(KubernetesLeaser.this, owner, object, granted),
          object.record().orElseThrow().revision());
    }

    @Override
    protected Optional<Acquisition.Acquired> find() throws LeaseStoreException {
      return api.get(options.timeout()).filter(this::isOurs).map(this::acquired);
    }

    private boolean isOurs(LeaseObject now) {
      return now.holder().equals(wanted.holder())
          && now.transitions() == wanted.transitions()
          && now.record().isPresent();
    }

    /**
     * The request names a version, or that there is none: that is made to pass. If the version
     * names a holder, then one that was found dead.
     */
    @Override
    protected boolean prevent() throws LeaseStoreException {
      Optional<LeaseObject> now = api.get(options.timeout());
      boolean possible = now.map(LeaseObject::version).equals(before.map(LeaseObject::version));
      LeaseObject passed =
          now.map(LeaseObject::withoutHolder).orElseGet(KubernetesLeaser.this::fresh);
      return possible ? write(now, passed).isPresent() : now.filter(this::isOurs).isEmpty();
    }

    @Override
    protected Stored read() throws LeaseStoreException {
      return KubernetesLeaser.this.read();
    }

    @Override
    protected void tidy() {
      // A refused request leaves nothing.
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
