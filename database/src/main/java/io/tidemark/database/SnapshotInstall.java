package io.tidemark.database;

import java.io.IOException;
import java.nio.file.Path;

/**
 * Puts a received copy in the place of a database, so that a crash at any moment leaves the one or
 * the other, whole.
 *
 * <p>The order: the copy under a name of its own, durable; then its checkpoint, which decides; from
 * there on only forwards, and every start goes on: the copy becomes the database file, the log
 * goes, the checkpoint takes its name. As long as the deciding name is there nothing else of the
 * directory is looked at.
 */
final class SnapshotInstall {
  private final DatabaseFiles files;
  private final Disk disk;
  private final Path copy;
  private final Path decision;

  SnapshotInstall(DatabaseFiles files) {
    this.files = files;
    this.disk = files.disk();
    this.copy = files.directory().resolve("incoming");
    this.decision = files.directory().resolve("incoming-checkpoint");
  }

  /**
   * Decides for the copy.
   *
   * @param staged its file, synced
   */
  void decide(Path staged, CheckpointFile checkpoint) throws IOException {
    disk.createDirectories(files.logDirectory());
    disk.syncDirectory(files.directory());
    disk.syncDirectory(files.directory().getParent());
    disk.rename(staged, copy);
    disk.syncDirectory(files.directory());
    FaultPoint.SNAPSHOT_STAGED.pass();
    checkpoint.write(disk, decision);
    FaultPoint.SNAPSHOT_DECIDED.pass();
  }

  /** Goes on with a copy that was decided for, or clears what is left of one that was not. */
  void complete() throws IOException {
    if (!disk.exists(decision)) {
      disk.delete(copy);
      return;
    }
    if (CheckpointFile.read(disk, decision) == null) {
      throw new CorruptLogException(
          decision + " is damaged; delete it, its directory then has to be received again");
    }
    if (disk.exists(copy)) {
      disk.rename(copy, files.database());
    }
    disk.syncDirectory(files.directory());
    FaultPoint.SNAPSHOT_IN_PLACE.pass();
    for (String name : disk.list(files.logDirectory())) {
      disk.delete(files.logDirectory().resolve(name));
      FaultPoint.SNAPSHOT_LOG_PARTLY_GONE.pass();
    }
    disk.syncDirectory(files.logDirectory());
    disk.rename(decision, files.checkpoint());
    FaultPoint.SNAPSHOT_DONE.pass();
    disk.syncDirectory(files.directory());
  }
}
