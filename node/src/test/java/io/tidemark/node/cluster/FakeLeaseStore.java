package io.tidemark.node.cluster;

import io.tidemark.lease.Acquisition;
import io.tidemark.lease.BootClock;
import io.tidemark.lease.Change;
import io.tidemark.lease.Lease;
import io.tidemark.lease.LeaseStoreException;
import io.tidemark.lease.LeaseWatch;
import io.tidemark.lease.Leaser;
import io.tidemark.lease.Owner;
import io.tidemark.lease.Renewal;
import io.tidemark.lease.Revision;
import io.tidemark.lease.Stored;
import io.tidemark.lease.StoredRecord;
import io.tidemark.lease.protocol.ClusterRecord;
import io.tidemark.lease.protocol.ClusterRecordJson;
import io.tidemark.lease.protocol.RecordFormatException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * A lease store in memory. A test says what becomes of the next requests and of their answers; an
 * ownership ends when the test says so.
 */
final class FakeLeaseStore implements Leaser {
  static final Duration TTL = Duration.ofSeconds(60);

  /** What becomes of a request that changes something. */
  enum Fate {
    ANSWERED,
    /** Carried out, but nobody hears of it. */
    ANSWER_LOST,
    /** It never arrives, and nobody hears of that. */
    REQUEST_LOST,
    /** It arrives when the test says so, see {@link #deliverLate}; nobody hears of that. */
    LATE,
    /** The store is asked for nothing: certainly not carried out. */
    NOT_SENT
  }

  private final BootClock clock;
  private final Deque<Fate> fates = new ArrayDeque<>();
  private final List<Runnable> late = new ArrayList<>();
  private final List<Runnable> hints = new CopyOnWriteArrayList<>();
  private String text;
  private long revision;
  private Owner owner;
  private long ownership;
  private boolean reachable = true;
  private Runnable afterRead = () -> {};

  /** Is told of each change before it is carried out, on the thread that asks. */
  volatile Consumer<ClusterRecord> beforeChange = record -> {};

  FakeLeaseStore(BootClock clock) {
    this.clock = clock;
  }

  // ------------------------------------------------------------------ for tests

  synchronized void put(ClusterRecord record) {
    text = ClusterRecordJson.write(record);
    revision++;
    hint();
  }

  synchronized void putText(String newText) {
    text = newText;
    revision++;
    hint();
  }

  synchronized void own(Owner newOwner) {
    owner = newOwner;
    ownership++;
    hint();
  }

  /** The ownership has ended. */
  synchronized void expire() {
    owner = null;
    hint();
  }

  synchronized Owner owner() {
    return owner;
  }

  synchronized ClusterRecord record() {
    return text == null ? null : parse(text);
  }

  synchronized String text() {
    return text;
  }

  synchronized long changes() {
    return revision;
  }

  /** What becomes of the next requests that change something. */
  synchronized void next(Fate... coming) {
    fates.addAll(List.of(coming));
  }

  synchronized void reachable(boolean now) {
    reachable = now;
    hint();
  }

  /** After the next read something happens before its reader gets the answer. */
  synchronized void afterNextRead(Runnable what) {
    afterRead = what;
  }

  /** Requests that were on their way arrive. */
  synchronized void deliverLate() {
    late.forEach(Runnable::run);
    late.clear();
    hint();
  }

  private void hint() {
    hints.forEach(Runnable::run);
  }

  private static ClusterRecord parse(String text) {
    try {
      return ClusterRecordJson.read(text);
    } catch (RecordFormatException e) {
      throw new AssertionError(text, e);
    }
  }

  static LeaseStoreException unreachable() {
    return new LeaseStoreException(
        LeaseStoreException.Kind.UNREACHABLE, "the store does not answer", "look at it", null);
  }

  // ------------------------------------------------------------------ as a Leaser

  @Override
  public synchronized Stored read() throws LeaseStoreException {
    if (!reachable) {
      throw unreachable();
    }
    Stored stored =
        new Stored(
            Optional.ofNullable(text).map(now -> new StoredRecord(now, revision(revision))),
            Optional.ofNullable(owner));
    Runnable after = afterRead;
    afterRead = () -> {};
    after.run();
    return stored;
  }

  private static Revision revision(long number) {
    return new Revision("", number);
  }

  private synchronized <T> T request(Supplier<T> work, Supplier<T> lost)
      throws LeaseStoreException {
    Fate fate = fates.isEmpty() ? Fate.ANSWERED : fates.poll();
    if (fate == Fate.NOT_SENT || fate == Fate.ANSWERED && !reachable) {
      throw unreachable();
    }
    switch (fate) {
      case ANSWERED:
        return work.get();
      case ANSWER_LOST:
        work.get();
        break;
      case LATE:
        late.add(work::get);
        break;
      default:
        break;
    }
    return lost.get();
  }

  @Override
  public Acquisition acquire(Stored seen, String nextRecord, Owner candidate)
      throws LeaseStoreException {
    Acquisition[] done = new Acquisition[1];
    Acquisition.Settlement[] settlement = new Acquisition.Settlement[1];
    settlement[0] =
        () -> {
          synchronized (this) {
            if (!reachable) {
              return new Acquisition.Unknown(unreachable(), settlement[0]);
            }
            if (done[0] == null) {
              late.clear();
              return new Acquisition.NotYet("it was not carried out, and cannot be any more");
            }
            return done[0];
          }
        };
    return request(
        () -> {
          done[0] = acquired(seen, nextRecord, candidate);
          return done[0];
        },
        () -> new Acquisition.Unknown(unreachable(), settlement[0]));
  }

  private Acquisition acquired(Stored seen, String nextRecord, Owner candidate) {
    if (owner != null) {
      return new Acquisition.HeldBy(owner);
    }
    boolean same =
        seen.record().isEmpty()
            ? text == null
            : text != null && seen.record().get().revision().number() == revision;
    if (!same) {
      return new Acquisition.RecordChanged();
    }
    text = nextRecord;
    revision++;
    owner = candidate;
    ownership++;
    return new Acquisition.Acquired(new FakeLease(candidate, ownership), revision(revision));
  }

  /** The ownership that is there now, as its owner has it. */
  synchronized Lease lease() {
    return new FakeLease(owner, ownership);
  }

  synchronized Revision revision() {
    return revision(revision);
  }

  @Override
  public LeaseWatch watch(Runnable hint) {
    hints.add(hint);
    return () -> hints.remove(hint);
  }

  @Override
  public String describe() {
    return "a store in memory";
  }

  @Override
  public void close() {
    hints.clear();
  }

  private final class FakeLease implements Lease {
    private final Owner self;
    private final long number;
    private final Renewal.Renewed granted = new Renewal.Renewed(clock.nanos(), TTL);

    FakeLease(Owner self, long number) {
      this.self = self;
      this.number = number;
    }

    @Override
    public Owner owner() {
      return self;
    }

    @Override
    public Renewal.Renewed granted() {
      return granted;
    }

    private boolean isOurs() {
      return owner != null && ownership == number;
    }

    @Override
    public Renewal renew(Duration timeout) throws LeaseStoreException {
      long sent = clock.nanos();
      synchronized (FakeLeaseStore.this) {
        if (!reachable) {
          throw unreachable();
        }
        return isOurs() ? new Renewal.Renewed(sent, TTL) : new Renewal.Lost("it has ended");
      }
    }

    @Override
    public Change change(Revision expected, String nextRecord) throws LeaseStoreException {
      return replace(expected, nextRecord, false);
    }

    @Override
    public Change release(Revision expected, String lastRecord) throws LeaseStoreException {
      return replace(expected, lastRecord, true);
    }

    private Change replace(Revision expected, String nextRecord, boolean end)
        throws LeaseStoreException {
      beforeChange.accept(parse(nextRecord));
      return request(
          () -> replaced(expected, nextRecord, end), () -> new Change.Unknown(unreachable()));
    }

    private Change replaced(Revision expected, String nextRecord, boolean end) {
      if (!isOurs()) {
        return new Change.Lost("it has ended");
      }
      if (expected.number() != revision) {
        return new Change.RecordChanged();
      }
      text = nextRecord;
      revision++;
      if (end) {
        owner = null;
      }
      return new Change.Done(revision(revision));
    }
  }
}
