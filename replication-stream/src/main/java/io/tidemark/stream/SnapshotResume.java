package io.tidemark.stream;

/**
 * The replica is ready for a snapshot, and may have the beginning of one from an earlier
 * connection.
 *
 * @param id database
 * @param snapshot number of the snapshot that it has a part of; 0 to begin with a new one
 * @param lastPage the replica has every page from 1 up to this one, 0 to 2^32-1. The lock page
 *     counts as there.
 */
public record SnapshotResume(int id, long snapshot, long lastPage) implements Frame {
  public SnapshotResume {
    FrameType type = FrameType.SNAPSHOT_RESUME;
    type.checkId(id);
    type.check(snapshot >= 0, "snapshot", snapshot, "0 to 2^63-1");
    type.check(
        lastPage >= 0 && lastPage <= SnapshotPages.MAX_PAGE, "last page", lastPage, "0 to 2^32-1");
    type.check(snapshot > 0 || lastPage == 0, "last page", lastPage, "0 without a snapshot");
  }

  @Override
  public FrameType type() {
    return FrameType.SNAPSHOT_RESUME;
  }

  void write(PayloadWriter out) {
    out.u32(id).u64(snapshot).u32(lastPage);
  }

  static SnapshotResume read(PayloadReader in) {
    return new SnapshotResume(in.id(), in.u64("snapshot"), in.u32("last page"));
  }
}
