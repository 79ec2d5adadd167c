package io.tidemark.lease.etcd;

import static io.tidemark.lease.etcd.EtcdClient.bytes;
import static io.tidemark.lease.etcd.EtcdClient.isAt;
import static io.tidemark.lease.etcd.EtcdClient.put;

import io.etcd.jetcd.ByteSequence;
import io.etcd.jetcd.ClientBuilder;
import io.etcd.jetcd.KeyValue;
import io.etcd.jetcd.lease.LeaseGrantResponse;
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
import io.tidemark.lease.etcd.EtcdClient.Write;
import io.tidemark.lease.support.Attempt;
import io.tidemark.lease.support.HintLoop;
import io.tidemark.lease.support.HintLoops;
import io.tidemark.lease.support.OwnerJson;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.UnaryOperator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The lease in etcd. {@code PREFIX/primary} is bound to an etcd lease and is gone when that ends;
 * {@code PREFIX/record} stays. Each change is one transaction.
 *
 * <p>The primary key is written once, when it is acquired: a later write without the etcd lease
 * would detach it from its end. So its revision says whether it is still the one that was acquired.
 */
public final class EtcdLeaser implements Leaser {
  private static final Logger LOG = LoggerFactory.getLogger(EtcdLeaser.class);

  /** An etcd lease is used for an acquisition as long as less than this part of its TTL is over. */
  private static final int FRESH_SHARE = 4;

  private final EtcdOptions options;
  private final BootClock clock;
  private final EtcdClient client;
  private final ByteSequence primaryKey;
  private final ByteSequence recordKey;
  private final HintLoops watches = new HintLoops();
  private final AtomicReference<Asked> prepared = new AtomicReference<>();

  /**
   * @throws LeaseStoreException when the certificates cannot be used; connects to nothing yet
   */
  public EtcdLeaser(EtcdOptions options, BootClock clock) throws LeaseStoreException {
    this(options, clock, UnaryOperator.identity());
  }

  EtcdLeaser(EtcdOptions options, BootClock clock, UnaryOperator<ClientBuilder> change)
      throws LeaseStoreException {
    this.options = options;
    this.clock = clock;
    client = new EtcdClient(options, change);
    primaryKey = bytes(options.prefix() + "/primary");
    recordKey = bytes(options.prefix() + "/record");
  }

  @Override
  public Stored read() throws LeaseStoreException {
    return stored(readKeys());
  }

  private EtcdClient.Read readKeys() throws LeaseStoreException {
    return client.read(List.of(primaryKey, recordKey));
  }

  private Stored stored(EtcdClient.Read read) throws LeaseStoreException {
    Optional<KeyValue> primary = read.keys().get(0);
    Optional<Owner> owner = Optional.empty();
    if (primary.isPresent()) {
      owner = Optional.of(owner(primary.get()));
    }
    Optional<StoredRecord> record =
        read.keys()
            .get(1)
            .map(
                key ->
                    new StoredRecord(
                        text(key),
                        revision(read.clusterId(), key.getCreateRevision(), key.getModRevision())));
    return new Stored(record, owner);
  }

  private static String text(KeyValue key) {
    return key.getValue().toString(StandardCharsets.UTF_8);
  }

  private static Revision revision(long clusterId, long madeAt, long number) {
    return new Revision(String.format("cluster %016x, key made at %d", clusterId, madeAt), number);
  }

  private Owner owner(KeyValue primary) throws LeaseStoreException {
    try {
      return OwnerJson.parse(text(primary));
    } catch (IOException e) {
      throw new LeaseStoreException(
          Kind.UNEXPECTED,
          describe()
              + ": the primary's key was not written by this program ("
              + e.getMessage()
              + ")",
          "choose another lease.etcd.prefix",
          e);
    }
  }

  /** An etcd lease that was asked for at a time of the clock. */
  private record Asked(long sentAt, CompletableFuture<LeaseGrantResponse> grant) {}

  /** One that is not used ends by its TTL. */
  @Override
  public void prepare() {
    prepared.set(ask());
  }

  private Asked ask() {
    return new Asked(clock.nanos(), client.askForLease(options.ttl()));
  }

  /** What was prepared, unless too much of its TTL may be over. */
  private Asked prepared() {
    Asked asked = prepared.getAndSet(null);
    boolean fresh =
        asked != null
            && clock.nanos() - asked.sentAt < options.ttl().toNanos() / FRESH_SHARE
            && !asked.grant.isCompletedExceptionally();
    return fresh ? asked : ask();
  }

  @Override
  public Acquisition acquire(Stored seen, String nextRecord, Owner owner)
      throws LeaseStoreException {
    RecordText.checked(nextRecord);
    Asked asked = prepared();
    LeaseGrantResponse grant;
    try {
      grant = client.granted(asked.grant);
    } catch (LeaseStoreException e) {
      throw e.asHarmless(); // An etcd lease without a key owns nothing.
    }
    Renewal.Renewed granted = new Renewal.Renewed(asked.sentAt, Duration.ofSeconds(grant.getTTL()));
    return new EtcdAttempt(seen, nextRecord, owner, grant.getID(), granted).make();
  }

  /** An attempt to acquire with an etcd lease that is used for nothing else. */
  private final class EtcdAttempt extends Attempt {
    private final Optional<Revision> before;
    private final String nextRecord;
    private final Owner owner;
    private final long leaseId;
    private final Renewal.Renewed granted;

    EtcdAttempt(
        Stored seen, String nextRecord, Owner owner, long leaseId, Renewal.Renewed granted) {
      super(seen);
      before = seen.revision();
      this.nextRecord = nextRecord;
      this.owner = owner;
      this.leaseId = leaseId;
      this.granted = granted;
    }

    @Override
    protected Optional<Acquisition.Acquired> send() throws LeaseStoreException {
      Optional<Write> written =
          client.write(
              List.of(
                  isAt(primaryKey, 0), isAt(recordKey, before.map(Revision::number).orElse(0L))),
              List.of(
                  put(primaryKey, OwnerJson.write(owner), leaseId), put(recordKey, nextRecord, 0)));
      return written.map(write -> acquired(write.revision(), revisionAfter(write)));
    }

    private Revision revisionAfter(Write write) {
      long at = write.revision();
      return before
          .map(revision -> new Revision(revision.incarnation(), at))
          .orElseGet(() -> revision(write.clusterId(), at, at));
    }

    private Acquisition.Acquired acquired(long acquiredAt, Revision revision) {
      return new Acquisition.Acquired(
          new EtcdLease(EtcdLeaser.this, owner, leaseId, acquiredAt, granted), revision);
    }

    @Override
    protected Optional<Acquisition.Acquired> find() throws LeaseStoreException {
      EtcdClient.Read read = readKeys();
      Optional<KeyValue> primary = read.keys().get(0);
      if (primary.isEmpty() || primary.get().getLease() != leaseId) {
        return Optional.empty();
      }
      long acquiredAt = primary.get().getModRevision();
      return stored(read).revision().map(revision -> acquired(acquiredAt, revision));
    }

    /** A transaction that binds a key to an etcd lease fails when that has ended. */
    @Override
    protected boolean prevent() throws LeaseStoreException {
      client.revoke(leaseId);
      return true;
    }

    @Override
    protected Stored read() throws LeaseStoreException {
      return EtcdLeaser.this.read();
    }

    @Override
    protected void tidy() {
      withdraw(leaseId);
    }
  }

  /** Ends an etcd lease that has no key; if that fails, its TTL does. */
  void withdraw(long leaseId) {
    try {
      client.revoke(leaseId);
    } catch (LeaseStoreException e) {
      LOG.debug("etcd lease {} is left to its TTL", leaseId, e);
    }
  }

  EtcdClient client() {
    return client;
  }

  BootClock clock() {
    return clock;
  }

  ByteSequence primaryKey() {
    return primaryKey;
  }

  ByteSequence recordKey() {
    return recordKey;
  }

  /** The key that carries the ownership, if it exists. */
  Optional<KeyValue> readPrimary() throws LeaseStoreException {
    return client.read(List.of(primaryKey)).keys().get(0);
  }

  @Override
  public LeaseWatch watch(Runnable hint) {
    return watches.start(describe(), new WatchSource(), hint);
  }

  /** Watches until the library gives up, which it also does without an error. Then anew. */
  private final class WatchSource implements HintLoop.Source {
    private final Semaphore changes = new Semaphore(0);
    private Optional<Running> running = Optional.empty();

    /** A watch of the library. */
    private record Running(AutoCloseable watcher, AtomicBoolean ended) {}

    @Override
    public boolean awaitChange() throws LeaseStoreException, InterruptedException {
      if (running.isEmpty()) {
        AtomicBoolean ended = new AtomicBoolean();
        running =
            Optional.of(
                new Running(
                    client.watch(
                        bytes(options.prefix() + "/"),
                        changes::release,
                        () -> {
                          ended.set(true);
                          changes.release();
                        }),
                    ended));
      }
      try {
        boolean changed = changes.tryAcquire(30, TimeUnit.SECONDS);
        changes.drainPermits();
        if (running.get().ended().get()) {
          stop();
          throw new LeaseStoreException(
              Kind.UNREACHABLE,
              describe() + " ended the watch",
              "nothing to do: it is made anew",
              null);
        }
        return changed;
      } catch (InterruptedException e) {
        stop();
        throw e;
      }
    }

    private void stop() {
      try {
        running.get().watcher().close();
      } catch (Exception e) {
        LOG.debug("closing a watch of etcd", e);
      }
      running = Optional.empty();
    }
  }

  @Override
  public String describe() {
    return client.describe() + ", prefix " + options.prefix();
  }

  @Override
  public void close() {
    watches.close();
    client.close();
  }
}
