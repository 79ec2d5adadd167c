package io.tidemark.database;

import io.tidemark.database.RefusedException.Kind;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * What programs may write to the files of a database on a replica: nothing that would change a
 * byte. Writes of the bytes that are there pass, because a rollback and a checkpoint make such
 * writes.
 *
 * <p>Guarded by the lock of the database.
 */
final class ReplicaWrites {
  private final String name;
  private final DatabaseEvents events;
  private final CommittedState committed;
  private final MainContent content;
  private final JournalCapture journal;

  ReplicaWrites(
      String name,
      DatabaseEvents events,
      CommittedState committed,
      MainContent content,
      JournalCapture journal) {
    this.name = name;
    this.events = events;
    this.committed = committed;
    this.content = content;
    this.journal = journal;
  }

  private interface Reader {
    void read(ByteBuffer dst, long offset) throws IOException;
  }

  /** A write to the database file. */
  void checkMain(ByteBuffer src, long offset) throws IOException {
    boolean same =
        offset + src.remaining() <= committed.size()
            && isSame(src, offset, content.image()::readCommitted);
    if (!same) {
      // Shared mappings show what was refused until they are told.
      events.rangeReverted(offset, src.remaining());
      throw refused();
    }
  }

  /** A truncation of the database file. */
  void checkTruncate(long size) throws RefusedException {
    if (size != committed.size()) {
      events.rangeReverted(0, Math.max(size, committed.size()));
      throw refused();
    }
  }

  /** A write to the WAL: refused frames never reach the file, so they cannot come back. */
  void checkWal(SideFile wal, ByteBuffer src, long offset) throws IOException {
    boolean same =
        offset + src.remaining() <= wal.size()
            && isSame(src, offset, (dst, at) -> WalCapture.readFully(wal, dst, at));
    if (!same) {
      throw refused();
    }
  }

  private RefusedException refused() {
    journal.told();
    return new RefusedException(
        Kind.READ_ONLY, "a write to " + name + ": this node is a replica; write on the primary");
  }

  private static boolean isSame(ByteBuffer src, long offset, Reader reader) throws IOException {
    ByteBuffer compare = Scratch.get().compare;
    for (int done = 0; done < src.remaining(); done += compare.limit()) {
      compare.clear().limit(Math.min(compare.capacity(), src.remaining() - done));
      reader.read(compare, offset + done);
      if (!compare.flip().equals(src.slice(src.position() + done, compare.limit()))) {
        return false;
      }
    }
    return true;
  }
}
