package io.tidemark.database;

import io.tidemark.database.ReplicationException.Kind;
import io.tidemark.ltx.Checksum;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Ends the database of a replica without a record: its primary has dropped it, or never had it, and
 * no record that says so can be had. The content and the log go; the history goes on after a given
 * transaction.
 *
 * <p>Invariant: a crash leaves what was, or what is to be. The order: the checkpoint of the new
 * state under a name of its own, which decides; then only forwards, and every start goes on: the
 * database file and the log go, and the checkpoint takes its name. Nothing goes before the decision
 * is durable, and as long as its name is there nothing else of the directory is looked at.
 */
final class HistoryEnd {
  private static final Logger LOG = LoggerFactory.getLogger(HistoryEnd.class);

  private final Store store;
  private final DatabaseFiles files;
  private final ReentrantLock lock;
  private final Availability availability;
  private final DatabaseEvents events;
  private final TransactionLog log;
  private final CommittedState committed;
  private final MainContent content;
  private final ContentReplacement replacement;
  private final Checkpointer checkpointer;
  private final Applier applier;

  HistoryEnd(
      DatabaseParts parts,
      ContentReplacement replacement,
      Checkpointer checkpointer,
      Applier applier) {
    store = parts.store();
    files = parts.files();
    lock = parts.lock();
    availability = parts.availability();
    events = parts.events();
    log = parts.log();
    committed = parts.committed();
    content = parts.content();
    this.replacement = replacement;
    this.checkpointer = checkpointer;
    this.applier = applier;
  }

  /**
   * Ends the database. Handles that are open keep its content.
   *
   * @param txid the history goes on after it; 0 = the name is free, as if there had never been one
   * @param epoch of that transaction, 0 if it is 0
   * @throws ReplicationException (DISK) when the disk refuses: nothing is changed, or the database
   *     is not served until it can be ended; (OLDER_EPOCH) on a primary
   */
  void end(long epoch, long txid) throws ReplicationException {
    synchronized (applier) { // no record is being shown
      lock.lock();
      try {
        checkpointer.awaitIdle(); // one on its way would bring the old state back
        availability.check();
        if (store.role() != Role.REPLICA) {
          throw new ReplicationException(
              Kind.OLDER_EPOCH, "this node is primary, in epoch " + store.epoch());
        }
        long checksum = txid == 0 ? 0 : Checksum.FLAG;
        DatabasePosition now = committed.position();
        boolean isThere =
            !committed.exists()
                && now.txid() == txid
                && now.epoch() == epoch
                && log.tailTxid() == txid;
        if (!isThere) {
          end(
              new CheckpointFile(
                  txid,
                  txid,
                  checksum,
                  epoch,
                  0,
                  false,
                  txid == 0 ? 0 : System.currentTimeMillis(),
                  0,
                  new long[0]));
        }
      } catch (RefusedException e) {
        throw ReplicationException.ofDisk("cannot end '" + files.name() + "'", e);
      } finally {
        lock.unlock();
      }
    }
  }

  private void end(CheckpointFile state) throws ReplicationException {
    boolean decided = false;
    try {
      decide(state);
      decided = true;
      content.unlink();
      replacement.leave(MainFile.State.ORPHAN);
      log.restart(state.epoch(), state.txid(), state.checksum());
      complete(files);
      checkpointer.restart(state);
      committed.load(state);
      committed.position(state.epoch(), state.txid(), state.checksum());
      availability.show();
    } catch (IOException | RuntimeException e) {
      String reason = e instanceof IOException ? e.getMessage() : e.toString();
      if (decided || files.disk().exists(decision(files))) {
        availability.fail(
            "the primary has no such database any more, and its files here cannot be removed ("
                + reason
                + "); it ends as soon as the disk works again, or at the next start");
      }
      throw new ReplicationException(Kind.DISK, "cannot end '" + files.name() + "': " + reason, e);
    }
    LOG.info("{}: ended; its history goes on after transaction {}", files.name(), state.txid());
    events.committed();
    events.replaced();
  }

  private void decide(CheckpointFile state) throws IOException {
    Disk disk = files.disk();
    disk.createDirectories(files.logDirectory());
    disk.syncDirectory(files.directory());
    disk.syncDirectory(files.directory().getParent());
    try {
      state.write(disk, decision(files));
    } catch (IOException e) {
      if (!disk.exists(decision(files))) {
        throw e;
      }
      // It may survive a crash, so it cannot be taken back; nothing goes before it is durable.
      LOG.warn("{}: {}; trying again", files.name(), e.getMessage());
      disk.syncDirectory(files.directory());
    }
  }

  private static Path decision(DatabaseFiles files) {
    return files.directory().resolve("end-checkpoint");
  }

  /** Goes on with what was decided, if anything; the first step of a recovery. */
  static void complete(DatabaseFiles files) throws IOException {
    Disk disk = files.disk();
    Path decision = decision(files);
    if (!disk.exists(decision)) {
      return;
    }
    CheckpointFile state = CheckpointFile.read(disk, decision);
    if (state == null) {
      throw new CorruptLogException(
          decision
              + " is damaged; delete it, and the primary will say again that there is nothing");
    }
    disk.syncDirectory(files.directory());
    FaultPoint.ENDING_DECIDED.pass();
    disk.delete(files.database());
    for (String segment : disk.list(files.logDirectory())) {
      disk.delete(files.logDirectory().resolve(segment));
    }
    disk.syncDirectory(files.logDirectory());
    FaultPoint.ENDING_FILES_GONE.pass();
    if (state.txid() > 0) {
      disk.rename(decision, files.checkpoint());
      disk.syncDirectory(files.directory());
    } else {
      disk.delete(files.checkpoint());
      disk.syncDirectory(files.directory());
      disk.delete(decision);
      disk.syncDirectory(files.directory());
      removeDirectories(files);
    }
  }

  /** For tidiness only: an empty directory stands for no database. */
  private static void removeDirectories(DatabaseFiles files) {
    try {
      files.disk().delete(files.logDirectory());
      files.disk().delete(files.directory());
    } catch (IOException e) {
      LOG.debug("{}: its directory stays: {}", files.name(), e.toString());
    }
  }
}
