package io.tidemark.stream;

/**
 * All pages and records of the snapshot have been sent. The replica has it right if the rolling
 * checksum over its pages is the one in the position; only then it takes the database into use.
 *
 * @param id database
 * @param snapshot its number, at least 1
 * @param position where the snapshot leads to, never {@link Position#NONE}
 */
public record SnapshotEnd(int id, long snapshot, Position position) implements Frame {
  public SnapshotEnd {
    FrameType type = FrameType.SNAPSHOT_END;
    type.checkId(id);
    type.check(snapshot > 0, "snapshot", snapshot, "1 to 2^63-1");
    type.check(!position.isNone(), "position", position, "one with a transaction");
  }

  @Override
  public FrameType type() {
    return FrameType.SNAPSHOT_END;
  }

  void write(PayloadWriter out) {
    out.u32(id).u64(snapshot).position(position);
  }

  static SnapshotEnd read(PayloadReader in) {
    return new SnapshotEnd(in.id(), in.u64("snapshot"), in.position("position"));
  }
}
