package io.tidemark.database;

/**
 * What the log says that the database is now: position, size, page checksums, journal mode and the
 * time of the last commit. It changes only by a record that counts ({@link #publish}) and by
 * recovery.
 *
 * <p>Invariant: the checksum of the position is the XOR of all page checksums, bit 63 set.
 *
 * <p>Guarded by the lock of the database; {@link #position} and {@link #commitMillis} may be read
 * by anybody and are changed last.
 */
final class CommittedState {
  private final PageSums sums = new PageSums();
  private int pageSize;
  private boolean wal;
  private volatile long commitMillis;
  private volatile DatabasePosition position = DatabasePosition.NONE;

  /** Not null while readers of a replica do not see yet what was published. */
  private volatile DatabasePosition shown;

  DatabasePosition position() {
    return position;
  }

  /**
   * The position that readers can count on: whoever looks after it was given sees that state or a
   * later one.
   */
  DatabasePosition shown() {
    DatabasePosition behind = shown;
    return behind == null ? position : behind;
  }

  /** What is published from now on is not shown before {@link #showLast}. */
  void hideNext() {
    shown = position;
  }

  /** Readers see all that was published. */
  void showLast() {
    shown = null;
  }

  /** Whether there is a committed image: it had a transaction and was not dropped. */
  boolean exists() {
    return position.pageCount() > 0;
  }

  /** Time of the last commit in milliseconds since 1970, 0 if none is known. */
  long commitMillis() {
    return commitMillis;
  }

  /** Bytes, 0 before the first transaction. */
  int pageSize() {
    return pageSize;
  }

  long pageCount() {
    return sums.count();
  }

  /** Bytes of the committed image. */
  long size() {
    return sums.count() * pageSize;
  }

  /** Whether page 1 says write-ahead log mode. */
  boolean isWal() {
    return wal;
  }

  /** For those who compute a change; the change itself goes through {@link #publish}. */
  PageSums sums() {
    return sums;
  }

  /**
   * A record counts from now on.
   *
   * @param staged what it changes
   * @param epoch of the record
   * @param txid of the record
   * @param checksum rolling checksum after it
   */
  void publish(StagedPages staged, long epoch, long txid, long checksum) {
    if (staged.pageSize() != pageSize) {
      sums.resize(0);
      pageSize = staged.pageSize();
    }
    sums.resize(staged.pageCount());
    for (int i = 0; i < staged.size(); i++) {
      sums.set(Integer.toUnsignedLong(staged.page(i)), staged.sum(i));
    }
    assert sums.rolling() == checksum;
    if (staged.hasPage1()) {
      wal = staged.isWal();
    }
    commitMillis = staged.millis();
    position = new DatabasePosition(epoch, txid, checksum, pageSize, sums.count());
  }

  // ---- recovery, step by step; the position comes at its end

  /** What a checkpoint knew, but for the position. */
  void load(CheckpointFile checkpoint) {
    pageSize = checkpoint.pageSize();
    wal = checkpoint.wal();
    commitMillis = checkpoint.commitMillis();
    sums.load(checkpoint.sums().clone());
  }

  void pageSize(int newPageSize) {
    pageSize = newPageSize;
  }

  void wal(boolean inHeader) {
    wal = inHeader;
  }

  void commitMillis(long millis) {
    commitMillis = millis;
  }

  /** Where the log ends, with the size that was found. */
  void position(long epoch, long txid, long checksum) {
    position = new DatabasePosition(epoch, txid, checksum, pageSize, sums.count());
  }
}
