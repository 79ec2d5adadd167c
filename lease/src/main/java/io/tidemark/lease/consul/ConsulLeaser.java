package io.tidemark.lease.consul;

import static io.tidemark.lease.consul.ConsulClient.base64;
import static io.tidemark.lease.consul.ConsulClient.operation;

import io.tidemark.lease.Acquisition;
import io.tidemark.lease.BootClock;
import io.tidemark.lease.LeaseStoreException;
import io.tidemark.lease.LeaseStoreException.Kind;
import io.tidemark.lease.LeaseWatch;
import io.tidemark.lease.Leaser;
import io.tidemark.lease.Owner;
import io.tidemark.lease.RecordText;
import io.tidemark.lease.Renewal;
import io.tidemark.lease.Revision;
import io.tidemark.lease.Stored;
import io.tidemark.lease.StoredRecord;
import io.tidemark.lease.consul.ConsulClient.Entry;
import io.tidemark.lease.consul.ConsulClient.Result;
import io.tidemark.lease.support.Attempt;
import io.tidemark.lease.support.HintLoop;
import io.tidemark.lease.support.HintLoops;
import io.tidemark.lease.support.OwnerJson;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The lease in Consul. {@code KEY/primary} is locked by a session of the owner and deleted when the
 * session ends; {@code KEY/record} holds the record. Each change is one {@code /v1/txn}.
 *
 * <p>Consul doubles the TTL, and after an expiry the lock delay follows, so a take-over from a dead
 * holder takes between one and two TTLs and the lock delay.
 */
public final class ConsulLeaser implements Leaser {
  private static final Logger LOG = LoggerFactory.getLogger(ConsulLeaser.class);

  private final ConsulOptions options;
  private final BootClock clock;
  private final ConsulClient client;
  private final String primaryKey;
  private final String recordKey;
  private final HintLoops watches = new HintLoops();

  public ConsulLeaser(ConsulOptions options, BootClock clock) {
    this.options = options;
    this.clock = clock;
    client = new ConsulClient(options);
    primaryKey = options.key() + "/primary";
    recordKey = options.key() + "/record";
  }

  @Override
  public Stored read() throws LeaseStoreException {
    return stored(entries());
  }

  private List<Entry> entries() throws LeaseStoreException {
    return client.readConsistent(options.key() + "/", options.timeout());
  }

  private Stored stored(List<Entry> entries) throws LeaseStoreException {
    Optional<Entry> primary = lockedPrimary(entries);
    Optional<Owner> owner = Optional.empty();
    if (primary.isPresent()) {
      owner = Optional.of(owner(primary.get()));
    }
    return new Stored(
        find(entries, recordKey).map(entry -> new StoredRecord(entry.value(), revision(entry))),
        owner);
  }

  private Optional<Entry> lockedPrimary(List<Entry> entries) {
    return find(entries, primaryKey).filter(entry -> !entry.session().isEmpty());
  }

  private static Optional<Entry> find(List<Entry> entries, String key) {
    return entries.stream().filter(entry -> entry.key().equals(key)).findFirst();
  }

  private static Revision revision(Entry record) {
    return new Revision("key made at " + record.createIndex(), record.modifyIndex());
  }

  private Owner owner(Entry primary) throws LeaseStoreException {
    try {
      return OwnerJson.parse(primary.value());
    } catch (IOException e) {
      throw new LeaseStoreException(
          Kind.UNEXPECTED,
          describe() + " is locked by something else than this program (" + e.getMessage() + ")",
          "choose another lease.consul.key",
          e);
    }
  }

  @Override
  public Acquisition acquire(Stored seen, String nextRecord, Owner owner)
      throws LeaseStoreException {
    RecordText.checked(nextRecord);
    long sentAt = clock.nanos();
    String session;
    try {
      session =
          client.createSession("tidemark " + owner.nodeId(), options.ttl(), options.lockDelay());
    } catch (LeaseStoreException e) {
      throw e.asHarmless();
    }
    ConsulLease lease =
        new ConsulLease(this, owner, session, new Renewal.Renewed(sentAt, options.ttl()));
    return new ConsulAttempt(seen, nextRecord, lease).make();
  }

  /** An attempt to acquire with a session that is used for nothing else. */
  private final class ConsulAttempt extends Attempt {
    private final Optional<Revision> before;
    private final String nextRecord;
    private final ConsulLease lease;

    ConsulAttempt(Stored seen, String nextRecord, ConsulLease lease) {
      super(seen);
      before = seen.revision();
      this.nextRecord = nextRecord;
      this.lease = lease;
    }

    @Override
    protected Optional<Acquisition.Acquired> send() throws LeaseStoreException {
      Map<String, Object> lock = operation("lock", primaryKey);
      lock.put("Value", base64(OwnerJson.write(lease.owner())));
      lock.put("Session", lease.session());
      Result result = client.transaction(List.of(lock, replaceRecord(before, nextRecord)));
      if (!result.committed()) {
        refusedBecause(result.refusal());
        return Optional.empty();
      }
      return Optional.of(new Acquisition.Acquired(lease, revisionIn(result)));
    }

    @Override
    protected Optional<Acquisition.Acquired> find() throws LeaseStoreException {
      List<Entry> entries = entries();
      return lease.isHeldIn(lockedPrimary(entries))
          ? stored(entries).revision().map(revision -> new Acquisition.Acquired(lease, revision))
          : Optional.empty();
    }

    /** A transaction that locks a key with a session fails when that has ended. */
    @Override
    protected boolean prevent() throws LeaseStoreException {
      client.destroySession(lease.session());
      return true;
    }

    @Override
    protected Stored read() throws LeaseStoreException {
      return ConsulLeaser.this.read();
    }

    @Override
    protected void tidy() {
      withdraw(lease.session());
    }
  }

  /** Ends a session that has no lock; if that fails, its TTL does. */
  void withdraw(String session) {
    try {
      client.destroySession(session);
    } catch (LeaseStoreException e) {
      LOG.debug("session {} is left to its TTL", session, e);
    }
  }

  /** Index 0 means that the key must not exist. */
  Map<String, Object> replaceRecord(Optional<Revision> expected, String nextRecord) {
    Map<String, Object> replace = operation("cas", recordKey);
    replace.put("Index", expected.map(Revision::number).orElse(0L));
    replace.put("Value", base64(nextRecord));
    return replace;
  }

  Map<String, Object> checkOwnership(String session) {
    Map<String, Object> check = operation("check-session", primaryKey);
    check.put("Session", session);
    return check;
  }

  Map<String, Object> deleteOwnership() {
    return operation("delete", primaryKey);
  }

  Revision revisionIn(Result result) throws LeaseStoreException {
    return find(result.written(), recordKey)
        .map(ConsulLeaser::revision)
        .orElseThrow(
            () ->
                new LeaseStoreException(
                        Kind.UNEXPECTED,
                        describe() + " does not say what a transaction has written",
                        "check that lease.consul.url is the HTTP API of a Consul agent",
                        null)
                    .asUnknown());
  }

  ConsulClient client() {
    return client;
  }

  Duration timeout() {
    return options.timeout();
  }

  BootClock clock() {
    return clock;
  }

  /** The key that carries the ownership, if somebody holds it. */
  Optional<Entry> readOwnership(Duration limit) throws LeaseStoreException {
    return lockedPrimary(client.readConsistent(primaryKey, limit));
  }

  @Override
  public LeaseWatch watch(Runnable hint) {
    return watches.start(
        describe(),
        new HintLoop.Source() {
          private long index;

          @Override
          public boolean awaitChange() throws LeaseStoreException {
            long before = index;
            index = client.awaitChange(options.key() + "/", before).index();
            if (index < before) {
              index = 0; // The store was restored or a key was reaped: begin anew.
            }
            return index != before;
          }
        },
        hint);
  }

  @Override
  public String describe() {
    return client.describe() + ", key " + options.key();
  }

  @Override
  public void close() {
    watches.close(); // Connections end with the client.
  }
}
