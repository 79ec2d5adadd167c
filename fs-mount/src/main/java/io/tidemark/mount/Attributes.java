package io.tidemark.mount;

import io.tidemark.mount.fuse.SetAttr;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** Owner, permissions and times of a node; guarded by the node. */
final class Attributes {
  static final int S_IFREG = 0100000;
  static final int S_IFDIR = 0040000;
  static final int S_IFLNK = 0120000;
  private static final int PERMISSIONS = 07777;

  final int type;
  int permissions;
  int uid;
  int gid;
  long atime;
  long mtime;
  long ctime;

  Attributes(int type, int permissions, int uid, int gid) {
    this.type = type;
    this.permissions = permissions & PERMISSIONS;
    this.uid = uid;
    this.gid = gid;
    touchAll();
  }

  private void touchAll() {
    atime = now();
    mtime = atime;
    ctime = atime;
  }

  static long now() {
    return System.currentTimeMillis() * 1_000_000L;
  }

  /** Reads those of a file or directory of the disk below; a symbolic link is not followed. */
  static Attributes of(Path path) throws IOException {
    Map<String, Object> stat =
        Files.readAttributes(
            path,
            "unix:mode,uid,gid,lastAccessTime,lastModifiedTime,ctime",
            LinkOption.NOFOLLOW_LINKS);
    int mode = (Integer) stat.get("mode");
    Attributes attributes =
        new Attributes(mode & 0170000, mode, (Integer) stat.get("uid"), (Integer) stat.get("gid"));
    attributes.atime = nanos(stat.get("lastAccessTime"));
    attributes.mtime = nanos(stat.get("lastModifiedTime"));
    attributes.ctime = nanos(stat.get("ctime"));
    return attributes;
  }

  private static long nanos(Object time) {
    return ((FileTime) time).to(TimeUnit.NANOSECONDS);
  }

  synchronized void wrote() {
    mtime = now();
    ctime = mtime;
  }

  int mode() {
    return type | permissions;
  }

  /**
   * Takes what setattr changes, except the size.
   *
   * @param backing file whose attributes outlive the mount, or null
   */
  synchronized void change(SetAttr change, Path backing) throws IOException {
    if (change.has(SetAttr.MODE)) {
      if (backing != null) {
        set(backing, "unix:mode", change.mode() & PERMISSIONS);
      }
      permissions = change.mode() & PERMISSIONS;
    }
    if (change.has(SetAttr.UID)) {
      if (backing != null) {
        set(backing, "unix:uid", change.uid());
      }
      uid = change.uid();
    }
    if (change.has(SetAttr.GID)) {
      if (backing != null) {
        set(backing, "unix:gid", change.gid());
      }
      gid = change.gid();
    }
    boolean times = false;
    if (change.has(SetAttr.ATIME)) {
      atime = change.has(SetAttr.ATIME_NOW) ? now() : change.atimeNanos();
      times = true;
    }
    if (change.has(SetAttr.MTIME)) {
      mtime = change.has(SetAttr.MTIME_NOW) ? now() : change.mtimeNanos();
      times = true;
    }
    if (times && backing != null && type != S_IFLNK) {
      set(backing, "lastAccessTime", FileTime.from(atime, TimeUnit.NANOSECONDS));
      set(backing, "lastModifiedTime", FileTime.from(mtime, TimeUnit.NANOSECONDS));
    }
    ctime = now();
  }

  private static void set(Path path, String attribute, Object value) throws IOException {
    Files.setAttribute(path, attribute, value, LinkOption.NOFOLLOW_LINKS);
  }
}
