package io.tidemark.database;

import io.tidemark.database.Disk.DiskFile;

/**
 * One incarnation of the content of a database name. A handle belongs to one incarnation for ever:
 * when the content is replaced by something that does not continue its history, handles of the old
 * one fail instead of mixing two histories in an application's cache.
 */
public final class MainFile {
  enum State {
    /** The current content; everything written is captured. */
    LIVE,
    /** The name was deleted; like any deleted file it lives on for its handles, unrecorded. */
    ORPHAN,
    /** Replaced by an import; handles fail. */
    REPLACED
  }

  volatile State state = State.LIVE;
  DiskFile file;

  /** Bytes that programs see; guarded by the lock of the database for writing. */
  volatile long size;

  int handles;

  MainFile(DiskFile file, long size) {
    this.file = file;
    this.size = size;
  }

  /** Bytes. */
  public long size() {
    return size;
  }

  /** Whether this is what its name stands for. */
  public boolean isLive() {
    return state == State.LIVE;
  }

  public boolean isReplaced() {
    return state == State.REPLACED;
  }
}
