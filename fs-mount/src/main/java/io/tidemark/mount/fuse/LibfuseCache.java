package io.tidemark.mount.fuse;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Notifications through libfuse. libfuse numbers inodes by itself; the number is what statx(2)
 * shows on the mount (as long as the option use_ino is not given). So each call first looks at its
 * own mount, which sends a LOOKUP to this process: another reason to call only from a thread that
 * serves no request.
 */
final class LibfuseCache implements KernelCache {
  private static final Logger log = LoggerFactory.getLogger(LibfuseCache.class);

  private static final int AT_FDCWD = -100;
  private static final int AT_SYMLINK_NOFOLLOW = 0x100;
  private static final int STATX_INO = 0x100;

  /** Offset of stx_ino in struct statx. */
  private static final int STX_INO = 32;

  private final LibfuseTransport transport;

  LibfuseCache(LibfuseTransport transport) {
    this.transport = transport;
  }

  @Override
  public void invalidate(long node, long offset, long length) {
    String path = transport.operations().pathOf(node);
    if (path != null && transport.canNotify()) {
      invalidateInode(inode(path), offset, length);
    }
  }

  @Override
  public void invalidateAttributes(long node) {
    invalidate(node, -1, 0);
  }

  @Override
  public void invalidateEntry(long parent, String name) {
    String directory = transport.operations().pathOf(parent);
    if (directory == null || !transport.canNotify()) {
      return;
    }
    // A name that is made again gets its old inode from libfuse, with the old contents cached.
    invalidateInode(inode(directory + "/" + name), 0, 0);
    long parentInode = inode(directory);
    if (parentInode > 0 && transport.canNotify()) {
      byte[] bytes = name.getBytes(StandardCharsets.UTF_8);
      check(
          "entry",
          transport
              .libfuse()
              .fuse_lowlevel_notify_inval_entry(
                  transport.channel(), parentInode, Native.cString(name), bytes.length));
    }
  }

  @Override
  public boolean holdsWhatIsStored() {
    return false;
  }

  @Override
  public void store(long node, long offset, ByteBuffer data) {
    // The next access reads the range from the file system.
    invalidate(node, offset, data.remaining());
    // The file may have grown.
    invalidateAttributes(node);
  }

  private void invalidateInode(long inode, long offset, long length) {
    if (inode > 0 && transport.canNotify()) {
      check(
          "inode",
          transport
              .libfuse()
              .fuse_lowlevel_notify_inval_inode(transport.channel(), inode, offset, length));
    }
  }

  /** 0 when there is none, then nothing of it is cached. */
  private long inode(String path) {
    if (path.isEmpty()) {
      return FuseFileSystem.ROOT_NODE;
    }
    ByteBuffer result = Native.scratch(256);
    int rc =
        Native.C.statx(
            AT_FDCWD,
            Native.cString(transport.mountPoint() + path),
            AT_SYMLINK_NOFOLLOW,
            STATX_INO,
            Native.address(result));
    return rc < 0 ? 0 : result.getLong(STX_INO);
  }

  private static void check(String what, int rc) {
    if (rc != 0 && rc != -Errno.ENOENT && rc != -Errno.ENODEV && rc != -Errno.ENOTCONN) {
      log.warn("invalidation of an {} failed: {}", what, Errno.name(-rc));
    }
  }
}
