package io.tidemark.database;

import io.tidemark.database.Disk.DiskFile;
import io.tidemark.ltx.Checksum;
import io.tidemark.ltx.LtxHeader;
import io.tidemark.ltx.Txid;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps what this node has and its primary does not, before a copy of the primary replaces it.
 *
 * <p>Invariants:
 *
 * <ul>
 *   <li>Nothing of the log or the database file is changed. When this fails, nothing was given up.
 *   <li>A set has its name only when all of it is on the disk. What is unfinished ends in {@code
 *       .tmp} and is removed at the next start.
 *   <li>A set holds every record that the log has after the common position. If the log does not
 *       reach back to it, the set holds the whole database as well, or there is no set.
 *   <li>The copy of the database is verified by the rolling checksum after the last record.
 * </ul>
 *
 * <p>Takes the lock of the database for moments only: readers, and other databases, go on.
 */
final class SettingAside {
  private static final Logger LOG = LoggerFactory.getLogger(SettingAside.class);

  /** A copy that people may do without must not take the last room from other databases. */
  private static final long RESERVE = 64L << 20;

  private static final int ATTEMPTS = 3;

  private final Store store;
  private final DatabaseFiles files;
  private final Disk disk;
  private final ReentrantLock lock;
  private final Availability availability;
  private final DatabaseEvents events;
  private final TransactionLog log;
  private final CommittedState committed;
  private final Checkpointer checkpointer;
  private final LogHistory history;
  private final LogPins pins;

  SettingAside(DatabaseParts parts, Checkpointer checkpointer, LogHistory history, LogPins pins) {
    store = parts.store();
    files = parts.files();
    disk = files.disk();
    lock = parts.lock();
    availability = parts.availability();
    events = parts.events();
    log = parts.log();
    committed = parts.committed();
    this.checkpointer = checkpointer;
    this.history = history;
    this.pins = pins;
  }

  /**
   * What is to be kept.
   *
   * @param commonTxid the last transaction that the primary has too, 0 if none is known
   * @param firstTxid the first one after it that the log still has; one above {@code lastTxid} if
   *     it has none
   * @param lastEpoch epoch of the last one
   * @param checksum rolling checksum after it
   */
  private record Tail(
      long commonTxid, long firstTxid, long lastTxid, long lastEpoch, long checksum) {

    boolean hasRecords() {
      return firstTxid <= lastTxid;
    }

    /** Without all its records, what they did is only in the database itself. */
    boolean reachesBack() {
      return firstTxid == commonTxid + 1;
    }

    boolean isIn(Divergence kept) {
      return kept.firstTxid() <= firstTxid
          && kept.lastTxid() == lastTxid
          && kept.lastEpoch() == lastEpoch
          && kept.checksum() == checksum
          && (reachesBack() || kept.hasDatabase());
    }
  }

  /** What the records themselves say. */
  private record Copied(long firstEpoch, long checksumBefore, long commitTxid, LtxHeader last) {}

  /**
   * Keeps everything after a transaction.
   *
   * @param commonTxid 0 for all that the log still has
   * @param why for people
   * @return null if there is nothing after it
   * @throws ReplicationException (DISK) when it could not be kept; (OLDER_EPOCH) on a primary
   */
  Divergence setAside(long commonTxid, String why) throws IOException {
    Tail tail;
    LogPins.Pin pin;
    lock.lock();
    try {
      availability.check();
      if (store.role() != Role.REPLICA) {
        throw new ReplicationException(
            ReplicationException.Kind.OLDER_EPOCH,
            "this node is primary, in epoch " + store.epoch() + ": it gives nothing up");
      }
      tail = tailAfter(commonTxid);
      if (tail.lastTxid <= commonTxid || (!tail.hasRecords() && !committed.exists())) {
        return null;
      }
      pin = pins.pin(tail.firstTxid - 1);
    } finally {
      lock.unlock();
    }
    try (pin) {
      Divergence kept = known(tail);
      if (kept == null) {
        kept = write(tail, why);
        LOG.warn(
            "{}: transactions {} to {} of this node are not those of its primary ({}); they are kept"
                + " in {}. 'tidemark divergent ls' lists them",
            files.name(),
            kept.firstTxid(),
            kept.lastTxid(),
            kept.why(),
            kept.path());
        events.diverged(kept);
      }
      return kept;
    } catch (IOException e) {
      throw ReplicationException.ofDisk(
          "the transactions of '"
              + files.name()
              + "' that its primary does not have could not be set aside, so nothing was given up;"
              + " free space on the disk of "
              + directory(),
          e);
    }
  }

  private Tail tailAfter(long commonTxid) {
    long epoch = Math.max(log.tailEpoch(), checkpointer.last().epoch());
    long first = Math.max(commonTxid + 1, log.firstTxid());
    return new Tail(commonTxid, first, log.tailTxid(), epoch, log.tailChecksum());
  }

  private Path directory() {
    return store.dataDirectory().root().resolve(Divergences.DIRECTORY);
  }

  /** The same set, kept before a crash or a failure of what was to follow. */
  private Divergence known(Tail tail) throws IOException {
    for (Divergence kept : Divergences.list(disk, store.dataDirectory().root())) {
      if (kept.name().equals(files.name()) && tail.isIn(kept)) {
        syncNames();
        return kept;
      }
    }
    return null;
  }

  private void syncNames() throws IOException {
    disk.syncDirectory(directory());
    disk.syncDirectory(directory().getParent());
  }

  private Divergence write(Tail tail, String why) throws IOException {
    disk.createDirectories(directory());
    String id;
    int number = 0;
    do {
      id = Divergences.id(files.name(), tail.firstTxid, tail.lastTxid, tail.lastEpoch, ++number);
    } while (disk.exists(directory().resolve(id)));
    Path unfinished = directory().resolve(id + Divergences.UNFINISHED);
    Divergences.deleteTree(disk, unfinished);
    try {
      fill(unfinished, tail, why);
      FaultPoint.SET_ASIDE_WRITTEN.pass();
      disk.rename(unfinished, directory().resolve(id));
    } catch (IOException | RuntimeException e) {
      try {
        Divergences.deleteTree(disk, unfinished);
      } catch (IOException again) {
        e.addSuppressed(again);
      }
      throw e;
    }
    syncNames();
    Path path = directory().resolve(id);
    for (Divergence kept : Divergences.list(disk, store.dataDirectory().root())) {
      if (kept.path().equals(path)) {
        return kept;
      }
    }
    throw new IOException(path + " was taken away");
  }

  private void fill(Path into, Tail tail, String why) throws IOException {
    Path records = into.resolve(Divergences.LOG);
    disk.createDirectories(records);
    Copied copied = tail.hasRecords() ? copyRecords(tail, records) : null;
    String noDatabase = copyDatabase(tail, copied, into.resolve(Divergences.DATABASE));
    byte[] text = describe(tail, copied, noDatabase, why).getBytes(StandardCharsets.UTF_8);
    try (DiskFile file = disk.open(into.resolve(Divergences.DESCRIPTION))) {
      file.write(ByteBuffer.wrap(text), 0);
      file.sync();
    }
    disk.syncDirectory(records);
    disk.syncDirectory(into);
  }

  // ----------------------------------------------------------------- records

  private LogCursor cursor(long afterTxid, long lastTxid) {
    lock.lock();
    try {
      return log.cursor(afterTxid, lastTxid);
    } finally {
      lock.unlock();
    }
  }

  /** All into one segment, bytes and headers as they are. */
  private Copied copyRecords(Tail tail, Path into) throws IOException {
    LogSegment segment = new LogSegment(1, LogSegment.pathOf(into, 1));
    segment.file = disk.open(segment.path);
    try (LogCursor cursor = cursor(tail.firstTxid - 1, tail.lastTxid)) {
      TailCopy copy = new TailCopy(disk, segment);
      long firstEpoch = 0;
      long before = 0;
      LtxHeader last = null;
      while (cursor.next()) {
        LtxEnvelope envelope = LtxEnvelope.read(cursor.file(), cursor.offset(), cursor.record());
        if (last == null) {
          firstEpoch = cursor.record().epoch();
          before = envelope.preChecksum();
          copy.begin(tail.firstTxid, tail.lastTxid, before, firstEpoch);
        }
        last = envelope.header();
        copy.add(cursor.file(), cursor.offset(), cursor.record());
      }
      segment.file.sync();
      return new Copied(firstEpoch, before, cursor.record().commitTxid(), last);
    } finally {
      segment.closeFile();
    }
  }

  // ---------------------------------------------------------------- database

  /**
   * The whole database after the last transaction.
   *
   * @return why there is none, or null
   * @throws IOException when it could not be copied and nothing else has what was lost from the log
   */
  private String copyDatabase(Tail tail, Copied copied, Path path) throws IOException {
    boolean dropped = copied == null ? !committed.exists() : copied.last.commit() == 0;
    if (dropped) {
      return "the last transaction dropped the database";
    }
    long size =
        Math.max(
            committed.size(), copied == null ? 0 : copied.last.commit() * copied.last.pageSize());
    try {
      checkRoom(size);
      try (DiskFile copy = disk.open(path)) {
        copyWhole(tail, copy, path);
        copy.sync();
      }
      return null;
    } catch (IOException e) {
      disk.delete(path);
      if (!tail.reachesBack()) {
        throw e;
      }
      LOG.warn("{}: no copy of the database is kept: {}", files.name(), e.getMessage());
      return e.getMessage();
    }
  }

  private void checkRoom(long bytes) throws IOException {
    long free = Files.getFileStore(store.dataDirectory().root()).getUsableSpace();
    if (free < bytes + RESERVE) {
      throw new IOException(
          "a copy of the database has " + bytes + " bytes, the disk has only " + free + " left");
    }
  }

  private void copyWhole(Tail tail, DiskFile copy, Path path) throws IOException {
    for (int attempt = 1; ; attempt++) {
      try {
        copyOnce(tail, copy, path);
        return;
      } catch (ReadingEndedException e) {
        // The file changed under the reading in a way that the log does not repair.
        if (attempt == ATTEMPTS) {
          throw e;
        }
        copy.truncate(0);
      }
    }
  }

  private void copyOnce(Tail tail, DiskFile copy, Path path) throws IOException {
    ConsistentCopy maker = new ConsistentCopy(disk, files.name(), path);
    long at = committed.position().txid();
    if (committed.exists()) {
      try (SnapshotSource source = history.snapshot()) {
        at = maker.make(source, copy).txid();
      }
    }
    if (at > tail.lastTxid) {
      throw new IOException("the database has gone on to transaction " + at + " meanwhile");
    }
    // What is shown may be behind what the log has.
    ByteBuffer page = ByteBuffer.allocateDirect(ConsistentCopy.MAX_PAGE);
    try (LogCursor cursor = cursor(at, tail.lastTxid)) {
      LtxHeader last = null;
      while (cursor.next()) {
        var decoder = cursor.decoder();
        last = decoder.header();
        PageScan.redo(copy, decoder, page, (pgno, sum) -> {});
      }
      if (last != null) {
        maker.verify(
            copy,
            new DatabasePosition(
                tail.lastEpoch, tail.lastTxid, tail.checksum, last.pageSize(), last.commit()));
      }
    }
  }

  // ------------------------------------------------------------- description

  private String describe(Tail tail, Copied copied, String noDatabase, String why) {
    StringBuilder text = new StringBuilder();
    line(text, "name", files.name());
    line(text, "encoded-name", DatabaseNames.encode(files.name()));
    line(text, "cluster", store.clusterId());
    line(text, "node", store.nodeId());
    line(text, "set-aside", Instant.now().truncatedTo(ChronoUnit.MILLIS).toString());
    line(text, "why", why);
    line(
        text,
        "common-txid",
        tail.commonTxid == 0 ? "none known" : new Txid(tail.commonTxid).toString());
    if (copied != null) {
      line(
          text, "before", new Txid(tail.firstTxid - 1) + "/" + new Checksum(copied.checksumBefore));
    }
    line(text, "after", new Txid(tail.lastTxid) + "/" + new Checksum(tail.checksum));
    line(text, "checksum", new Checksum(tail.checksum).toString());
    line(text, "first-epoch", Long.toString(copied == null ? tail.lastEpoch : copied.firstEpoch));
    line(text, "last-epoch", Long.toString(tail.lastEpoch));
    line(
        text,
        "records",
        !tail.hasRecords()
            ? "none: the log did not have them any more"
            : tail.reachesBack()
                ? "all after common-txid"
                : "not all after common-txid: the log did not have earlier ones any more");
    line(
        text,
        "database",
        noDatabase == null
            ? Divergences.DATABASE + ", after the last transaction"
            : "none: " + noDatabase);
    line(
        text,
        "acknowledged",
        "to be assumed: a COMMIT returns when the primary of its epoch has the transaction, whether"
            + " or not another node has it"
            + (copied == null
                ? ""
                : "; known to have been committed there up to " + new Txid(copied.commitTxid)));
    return text.toString();
  }

  /** One line whatever the value has. */
  private static void line(StringBuilder text, String key, String value) {
    text.append(key).append(": ").append(value.replaceAll("\\p{Cntrl}", "?")).append('\n');
  }
}
