package io.tidemark.database;

import java.util.Locale;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Named steps at which a test can make the process die, to prove that recovery copes with a crash
 * just there. Off unless {@link #arm} was called; then {@link #pass} costs one volatile read.
 */
public enum FaultPoint {
  /** A committed transaction was recognised, nothing is written to the log yet. */
  COMMIT_BEFORE_APPEND,
  /** Part of a record was written, its header is still missing. */
  COMMIT_RECORD_TORN,
  /** The record is written but not synced. */
  COMMIT_BEFORE_SYNC,
  /** The record is durable, the database file does not have its pages. */
  COMMIT_AFTER_SYNC,
  /** Some pages of a rollback-mode commit are in the database file. */
  COMMIT_APPLYING,
  /** Pages applied, the journal is not finalised. */
  COMMIT_BEFORE_FINALISE,
  /** The commit position is written beside the records, not synced. */
  COMMIT_POSITION_WRITTEN,
  /** Other nodes may have the record, nobody waits for them yet. */
  COMMIT_OFFERED,
  /** Other nodes have the record; it is not shown, and its program was not told. */
  COMMIT_CONFIRMED,
  /** Transactions in doubt are to be cut off; the log still has them. */
  CUT_BEFORE_SYNC,
  /** Transactions in doubt are cut off on the disk. */
  CUT_DURABLE,
  /** Some databases of a super-journal transaction have their record, others not. */
  GROUP_PARTLY_APPENDED,
  /** All records of a super-journal transaction are durable, nothing is applied. */
  GROUP_AFTER_SYNC,
  /** SQLite's checkpoint: a page is about to be written to the database file. */
  WAL_CHECKPOINT_PAGE,
  /** Our checkpoint: the database file is synced, the checkpoint file is not written. */
  CHECKPOINT_AFTER_SYNC,
  /** Our checkpoint: the new checkpoint file is written but not yet renamed. */
  CHECKPOINT_BEFORE_RENAME,
  /** A new segment is the current one, its header is not written. */
  SEGMENT_ROLL,
  /** A new segment has its header but no record. */
  SEGMENT_HEADER_WRITTEN,
  /** Retention: some of the segments to be deleted are gone. */
  RETENTION_BETWEEN_DELETES,
  /** Import: the record is durable, the database file is not replaced. */
  IMPORT_AFTER_SYNC,
  /** Import: the database file is partly replaced. */
  IMPORT_APPLYING,
  /** Drop: the record is durable, the files are still there. */
  DROP_AFTER_SYNC,
  /** Replica: a record was checked, nothing of it is shown. */
  APPLY_CHECKED,
  /** Replica: the database file has a record. */
  APPLY_SHOWN,
  /** A received copy is durable under a name of its own. */
  SNAPSHOT_STAGED,
  /** A received copy is decided for; nothing of it is in place. */
  SNAPSHOT_DECIDED,
  /** A received copy is the database file; the log before it is still there. */
  SNAPSHOT_IN_PLACE,
  /** Some segments of the log before a received copy are gone. */
  SNAPSHOT_LOG_PARTLY_GONE,
  /** The checkpoint of a received copy has its name, which is not synced. */
  SNAPSHOT_DONE,
  /** Divergent transactions are all written but do not have their name yet. */
  SET_ASIDE_WRITTEN,
  /** A replica's database ends without a record: decided, nothing is done. */
  ENDING_DECIDED,
  /** The same: its files are gone, the decision is still there. */
  ENDING_FILES_GONE,
  /** Recovery: some records are applied again. */
  RECOVERY_APPLYING;

  private static volatile FaultPoint armed;
  private static final AtomicInteger remaining = new AtomicInteger();
  private static volatile Runnable action = () -> {};

  /**
   * @param point the step
   * @param passes the action runs at this pass of the step, counted from 1
   * @param onReached what to do there; does not return in real use
   */
  public static void arm(FaultPoint point, int passes, Runnable onReached) {
    action = onReached;
    remaining.set(passes);
    armed = point;
  }

  public static void disarm() {
    armed = null;
  }

  /**
   * Arms from a text such as {@code COMMIT_BEFORE_SYNC:3}.
   *
   * @throws IllegalArgumentException naming the known points
   */
  public static void arm(String spec, Runnable onReached) {
    int colon = spec.indexOf(':');
    String name = colon < 0 ? spec : spec.substring(0, colon);
    int passes = colon < 0 ? 1 : Integer.parseInt(spec.substring(colon + 1));
    try {
      arm(valueOf(name.toUpperCase(Locale.ROOT)), passes, onReached);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(
          "unknown fault point '" + name + "'; known: " + java.util.Arrays.toString(values()), e);
    }
  }

  void pass() {
    if (armed == this && remaining.decrementAndGet() == 0) {
      armed = null;
      action.run();
    }
  }
}
