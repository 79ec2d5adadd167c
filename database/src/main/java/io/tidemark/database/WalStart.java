package io.tidemark.database;

/** Where the frames of a record go, from what is found under the lock WAL_WRITE. */
enum WalStart {
  /** Behind the committed frames; the index gets them too. */
  APPEND,
  /** At the beginning, after a new header; the index knows its salts already or gets them. */
  RESTART,
  /** At the beginning of a WAL whose index will be recovered from it. */
  RESTART_BLIND,
  /** Behind the committed frames; the index is not right and will be recovered from the WAL. */
  APPEND_BLIND;

  /**
   * @param index header of the wal-index, or null if it is not valid
   * @param committed committed frames of the WAL
   * @param sameSalts whether the index is about this WAL
   * @param inDatabase whether the database file has all of them
   * @param unread whether the index says the same and no reader uses the WAL
   */
  static WalStart choose(
      WalIndex.Header index, int committed, boolean sameSalts, boolean inDatabase, boolean unread) {
    boolean empty = committed == 0;
    if (index == null) {
      return empty ? RESTART_BLIND : APPEND_BLIND;
    }
    if (index.maxFrame() == 0) {
      // Also after an application has restarted the WAL and written nothing since.
      return empty || inDatabase ? RESTART : APPEND_BLIND;
    }
    if (empty || index.maxFrame() != committed || !sameSalts) {
      return empty ? RESTART_BLIND : APPEND_BLIND;
    }
    return inDatabase && unread ? RESTART : APPEND;
  }
}
