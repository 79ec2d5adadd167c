package io.tidemark.lease.fixed;

import io.tidemark.lease.Acquisition;
import io.tidemark.lease.BootClock;
import io.tidemark.lease.Change;
import io.tidemark.lease.Lease;
import io.tidemark.lease.LeaseStoreException;
import io.tidemark.lease.LeaseStoreException.Kind;
import io.tidemark.lease.LeaseWatch;
import io.tidemark.lease.Leaser;
import io.tidemark.lease.Owner;
import io.tidemark.lease.RecordText;
import io.tidemark.lease.Renewal;
import io.tidemark.lease.Revision;
import io.tidemark.lease.Stored;
import io.tidemark.lease.support.Attempt;
import io.tidemark.lease.support.DurableFile;
import io.tidemark.lease.support.UnsureWriteException;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The node that the configuration makes the primary. Its ownership has no end in time; it ends with
 * the process, which holds a lock beside the file of the record. So two processes on one data
 * directory are not both primary; that there is no other node with the same configuration is the
 * operator's promise.
 */
public final class StaticLeaser implements Leaser {
  private static final Logger LOG = LoggerFactory.getLogger(StaticLeaser.class);

  /** As good as for ever, and still far from an overflow of nanoseconds. */
  private static final Duration TTL = Duration.ofDays(36_500);

  private final DurableFile file;
  private final Path lockPath;
  private final BootClock clock;
  private final Consumer<Lease> leases;

  /**
   * @param file of the record; its directory exists
   */
  public StaticLeaser(Path file, BootClock clock) {
    this(new DurableFile(file), clock, lease -> {});
  }

  /** Shows a test each lease, so that it can end as with its process. */
  StaticLeaser(DurableFile file, BootClock clock, Consumer<Lease> leases) {
    this.leases = leases;
    this.file = file;
    this.clock = clock;
    lockPath = file.path().resolveSibling(file.path().getFileName() + ".lock").normalize();
  }

  @Override
  public Stored read() throws LeaseStoreException {
    try {
      while (true) {
        Optional<FileContent> content = load();
        boolean taken = content.isPresent() && ProcessLock.isTaken(lockPath);
        if (load().equals(content)) {
          return new Stored(
              content.map(FileContent::record),
              taken ? content.flatMap(FileContent::owner) : Optional.empty());
        }
      }
    } catch (IOException e) {
      throw unusable(e);
    }
  }

  private Optional<FileContent> load() throws IOException {
    Optional<String> text = file.read();
    return text.isPresent() ? Optional.of(FileContent.parse(text.get())) : Optional.empty();
  }

  @Override
  public Acquisition acquire(Stored seen, String nextRecord, Owner owner)
      throws LeaseStoreException {
    RecordText.checked(nextRecord);
    long sentAt = clock.nanos();
    try {
      Optional<ProcessLock> lock = ProcessLock.tryTake(lockPath);
      if (lock.isEmpty()) {
        return load()
            .flatMap(FileContent::owner)
            .<Acquisition>map(Acquisition.HeldBy::new)
            .orElseGet(() -> new Acquisition.NotYet("another process is at " + file.path()));
      }
      return acquire(seen, nextRecord, owner, sentAt, lock.get());
    } catch (IOException e) {
      throw unusable(e);
    }
  }

  private Acquisition acquire(
      Stored seen, String nextRecord, Owner owner, long sentAt, ProcessLock lock)
      throws IOException {
    boolean keep = false;
    try {
      Optional<FileContent> before = load();
      if (!before.map(content -> content.record().revision()).equals(seen.revision())) {
        return new Acquisition.RecordChanged();
      }
      FileContent next = FileContent.acquired(before, nextRecord, owner);
      FileLease lease = new FileLease(owner, lock, next.since(), new Renewal.Renewed(sentAt, TTL));
      leases.accept(lease);
      Acquisition done = new Acquisition.Acquired(lease, next.record().revision());
      try {
        file.replace(next.write());
        keep = true;
        return done;
      } catch (UnsureWriteException e) {
        keep = load().equals(Optional.of(next));
        boolean written = keep;
        return new Acquisition.Unknown(
            unusable(e).asUnknown(), () -> settle(seen, next, written, done));
      }
    } finally {
      if (!keep) {
        lock.free();
      }
    }
  }

  /** The lock is still ours if the file had become what we wanted; else nothing can happen now. */
  private Acquisition settle(Stored seen, FileContent next, boolean written, Acquisition done) {
    try {
      if (written) {
        file.replace(next.write()); // Once more, to know that it is durable.
        return done;
      }
      return Attempt.hindrance(seen, read())
          .orElseGet(() -> new Acquisition.NotYet("the file was not replaced"));
    } catch (IOException e) {
      return new Acquisition.Unknown(
          unusable(e).asUnknown(), () -> settle(seen, next, written, done));
    } catch (LeaseStoreException e) {
      return new Acquisition.Unknown(e, () -> settle(seen, next, written, done));
    }
  }

  private LeaseStoreException unusable(IOException cause) {
    return new LeaseStoreException(
        Kind.UNREACHABLE,
        describe() + " cannot be read or replaced: " + cause,
        "check the data directory and its file system",
        cause);
  }

  @Override
  public LeaseWatch watch(Runnable hint) {
    return () -> {}; // What the configuration says does not change while the program runs.
  }

  @Override
  public String describe() {
    return "the static lease in " + file.path();
  }

  @Override
  public void close() {
    // The lock stays with the lease until it is released or the process ends.
  }

  /**
   * The ownership of this process. Its monitor keeps the check of the lock and the write together.
   */
  final class FileLease implements Lease {
    private final Owner owner;
    private final ProcessLock lock;
    private final long since;
    private final Renewal.Renewed granted;

    FileLease(Owner owner, ProcessLock lock, long since, Renewal.Renewed granted) {
      this.owner = owner;
      this.lock = lock;
      this.since = since;
      this.granted = granted;
    }

    @Override
    public Owner owner() {
      return owner;
    }

    @Override
    public Renewal.Renewed granted() {
      return granted;
    }

    @Override
    public synchronized Renewal renew(Duration timeout) throws LeaseStoreException {
      long sentAt = clock.nanos();
      try {
        Optional<String> lost = whyLost(load());
        return lost.isPresent()
            ? new Renewal.Lost(lost.get())
            : new Renewal.Renewed(sentAt, granted.ttl());
      } catch (IOException e) {
        throw unusable(e);
      }
    }

    private Optional<String> whyLost(Optional<FileContent> content) {
      if (!lock.isHeld()) {
        return Optional.of("the lock of this process was given up");
      }
      boolean ours =
          content.isPresent()
              && content.get().since() == since
              && content.get().owner().equals(Optional.of(owner));
      return ours ? Optional.empty() : Optional.of(file.path() + " does not name us any more");
    }

    @Override
    public synchronized Change change(Revision expected, String nextRecord)
        throws LeaseStoreException {
      RecordText.checked(nextRecord);
      return replace(expected, content -> content.changed(nextRecord));
    }

    @Override
    public synchronized Change release(Revision expected, String lastRecord)
        throws LeaseStoreException {
      RecordText.checked(lastRecord);
      Change change = replace(expected, content -> content.released(lastRecord));
      if (change instanceof Change.Done || (change instanceof Change.Unknown && isReplaced())) {
        abandon();
      }
      return change;
    }

    private boolean isReplaced() {
      try {
        return whyLost(load()).isPresent();
      } catch (IOException e) {
        return false; // The lock stays: somebody reads again later.
      }
    }

    private Change replace(Revision expected, UnaryOperator<FileContent> next)
        throws LeaseStoreException {
      try {
        Optional<FileContent> content = load();
        Optional<String> lost = whyLost(content);
        if (lost.isPresent()) {
          return new Change.Lost(lost.get());
        }
        FileContent now = content.orElseThrow();
        if (!now.record().revision().equals(expected)) {
          return new Change.RecordChanged();
        }
        FileContent replacement = next.apply(now);
        file.replace(replacement.write());
        return new Change.Done(replacement.record().revision());
      } catch (UnsureWriteException e) {
        return new Change.Unknown(unusable(e).asUnknown());
      } catch (IOException e) {
        throw unusable(e);
      }
    }

    /** As the end of the process would do. */
    synchronized void abandon() {
      try {
        lock.free();
      } catch (IOException e) {
        LOG.warn("cannot close the lock {}: {}", lockPath, e.toString());
      }
    }
  }
}
