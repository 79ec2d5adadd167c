package io.tidemark.mount.fuse;

/**
 * What setattr wants to change; a field counts only if its bit is set in {@code valid}.
 *
 * @param valid bits of the {@code FATTR_*} constants below
 * @param handle open handle the change came through, or -1
 */
public record SetAttr(
    int valid,
    long handle,
    long size,
    int mode,
    int uid,
    int gid,
    long atimeNanos,
    long mtimeNanos) {
  public static final int MODE = 1;
  public static final int UID = 1 << 1;
  public static final int GID = 1 << 2;
  public static final int SIZE = 1 << 3;
  public static final int ATIME = 1 << 4;
  public static final int MTIME = 1 << 5;

  /** Use the current time instead of {@code atimeNanos}. */
  public static final int ATIME_NOW = 1 << 7;

  /** Use the current time instead of {@code mtimeNanos}. */
  public static final int MTIME_NOW = 1 << 8;

  public boolean has(int bit) {
    return (valid & bit) != 0;
  }
}
