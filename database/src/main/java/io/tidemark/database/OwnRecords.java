package io.tidemark.database;

import io.tidemark.database.ReplicationException.Kind;
import io.tidemark.ltx.Checksum;
import io.tidemark.ltx.LtxTrailer;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;

/**
 * The records that a replica has appended itself under the halt lock, and that the stream brings
 * once more: they are let pass, and must be the same.
 *
 * <p>{@link #add} and {@link #begin} are called under the lock of the database, the rest by the one
 * thread that receives.
 */
final class OwnRecords {
  private final ArrayDeque<LogPosition> expected = new ArrayDeque<>();
  private final ByteBuffer end = ByteBuffer.allocate(LtxTrailer.SIZE);
  private LogPosition coming;

  /** The log ends with a record of this node's own making. */
  void add(LogPosition position) {
    expected.add(position);
  }

  /**
   * The stream begins with a record.
   *
   * @param tailTxid the last transaction of the log
   * @return whether it is one that is there already
   */
  boolean begin(long epoch, long txid, long tailTxid) {
    // A connection that began later starts after them.
    while (!expected.isEmpty() && (expected.peek().txid() < txid || txid > tailTxid)) {
      expected.poll();
    }
    LogPosition first = expected.peek();
    if (first == null || first.txid() != txid || first.epoch() != epoch) {
      return false;
    }
    coming = first;
    end.clear();
    return true;
  }

  /** Whether the record that is being received is there already. */
  boolean isComing() {
    return coming != null;
  }

  /** Takes bytes of it; the last ones say what it leads to. */
  void pass(ByteBuffer bytes) {
    int more = Math.min(bytes.remaining(), end.capacity());
    int keep = Math.min(end.position(), end.capacity() - more);
    ByteBuffer kept = end.duplicate().limit(end.position()).position(end.position() - keep);
    end.clear();
    end.put(kept.slice());
    end.put(bytes.slice(bytes.limit() - more, more));
    bytes.position(bytes.limit());
  }

  /**
   * All of it has come.
   *
   * @param left bytes that are missing
   * @throws ReplicationException (WRONG_HISTORY) when the primary has another one
   */
  void finish(long left, String name) throws ReplicationException {
    LogPosition here = coming;
    coming = null;
    long there = left > 0 ? 0 : end.getLong(0);
    if (there != here.checksum()) {
      throw new ReplicationException(
          Kind.WRONG_HISTORY,
          "transaction "
              + here.txid()
              + " of '"
              + name
              + "' leads to checksum "
              + new Checksum(there)
              + " on the primary, to "
              + new Checksum(here.checksum())
              + " here");
    }
  }

  void abort() {
    coming = null;
  }
}
