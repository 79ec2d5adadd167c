package io.tidemark.stream;

import io.tidemark.ltx.LtxHeader;
import io.tidemark.ltx.Txid;

/**
 * Pages follow, then the records after {@code redo} up to the position of {@link SnapshotEnd}. The
 * pages are read while the database goes on changing; redoing those records over them gives the
 * state of that position, as after a crash.
 *
 * @param id database
 * @param snapshot number given by the primary, at least 1; the same again when a snapshot is
 *     resumed
 * @param position of the primary when the reading began, never {@link Position#NONE}; the snapshot
 *     leads there or further
 * @param pageSize bytes, a power of two from 512 to 65536
 * @param pageCount pages of the database file when the copy began, 1 to 2^32-1
 * @param redo up to here the copied file was complete when the copy began; not above the position
 * @param differences the pages are those that differ from what the replica has; otherwise they are
 *     all pages
 */
public record SnapshotBegin(
    int id,
    long snapshot,
    Position position,
    int pageSize,
    long pageCount,
    Txid redo,
    boolean differences)
    implements Frame {
  static final int DIFFERENCES = 1;

  public SnapshotBegin {
    FrameType type = FrameType.SNAPSHOT_BEGIN;
    type.checkId(id);
    type.check(snapshot > 0, "snapshot", snapshot, "1 to 2^63-1");
    type.check(!position.isNone(), "position", position, "one with a transaction");
    type.check(
        LtxHeader.isValidPageSize(pageSize),
        "page size",
        pageSize,
        "a power of two from 512 to 65536");
    type.check(
        pageCount >= 1 && pageCount <= SnapshotPages.MAX_PAGE,
        "number of pages",
        pageCount,
        "1 to 2^32-1");
    type.check(
        redo.value() >= 0 && redo.compareTo(position.txid()) <= 0,
        "redo TXID",
        redo,
        "at most that of the position, ",
        position.txid());
  }

  @Override
  public FrameType type() {
    return FrameType.SNAPSHOT_BEGIN;
  }

  void write(PayloadWriter out) {
    out.flag(DIFFERENCES, differences);
    out.u32(id).u64(snapshot).position(position).u32(pageSize).u32(pageCount).txid(redo);
  }

  static SnapshotBegin read(PayloadReader in) {
    return new SnapshotBegin(
        in.id(),
        in.u64("snapshot"),
        in.position("position"),
        (int) Math.min(in.u32("page size"), Integer.MAX_VALUE),
        in.u32("number of pages"),
        in.txid("redo TXID"),
        in.flag(DIFFERENCES));
  }
}
