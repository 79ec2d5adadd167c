package io.tidemark.mount.fuse;

import java.nio.ByteBuffer;

/**
 * A file system as the FUSE kernel protocol sees it: node ids, not paths. Both transports drive
 * this one interface.
 *
 * <p>Every method except {@link #forget} must answer its {@link FuseRequest} exactly once, either
 * before it returns or later from any thread. Methods are called concurrently. A method must not
 * wait: work that can wait (a log sync, a cold read) goes through {@link FuseRequest#blocking}.
 *
 * <p>Names are single path components, valid UTF-8, without slash, never empty, "." or "..": the
 * transport answers EILSEQ, EINVAL or ENAMETOOLONG by itself for anything else. Node id 1 is the
 * root. Node ids are never reused.
 *
 * <p>Byte-range locks never arrive here: they are not negotiated and stay in the kernel.
 */
public interface FuseFileSystem {
  long ROOT_NODE = 1;

  /** Called once when the kernel connection is ready, before any other method. */
  void start(KernelCache cache);

  void lookup(FuseRequest request, long parent, String name);

  /** The kernel drops {@code count} references that earlier entry replies gave it. No reply. */
  void forget(long node, long count);

  void getattr(FuseRequest request, long node);

  void setattr(FuseRequest request, long node, SetAttr change);

  void readlink(FuseRequest request, long node);

  void symlink(FuseRequest request, long parent, String name, String target);

  void mknod(FuseRequest request, long parent, String name, int mode, int rdev);

  void mkdir(FuseRequest request, long parent, String name, int mode);

  void unlink(FuseRequest request, long parent, String name);

  void rmdir(FuseRequest request, long parent, String name);

  /**
   * @param flags as in renameat2(2): 1 = NOREPLACE, 2 = EXCHANGE
   */
  void rename(
      FuseRequest request, long parent, String name, long newParent, String newName, int flags);

  void link(FuseRequest request, long node, long newParent, String newName);

  /**
   * @param flags open(2) flags of the calling platform; {@code O_TRUNC} never arrives here, the
   *     kernel sends a {@link #setattr} of size 0 instead
   */
  void open(FuseRequest request, long node, int flags);

  void create(FuseRequest request, long parent, String name, int mode, int flags);

  void read(FuseRequest request, long node, long handle, long offset, int size);

  /**
   * @param data the bytes to write, position to limit; valid until the request is answered
   */
  void write(FuseRequest request, long node, long handle, long offset, ByteBuffer data);

  /** One close(2) of a descriptor of this handle; duplicated descriptors bring several. */
  void flush(FuseRequest request, long node, long handle);

  /** The last reference to the handle is gone. The answer reaches nobody. */
  void release(FuseRequest request, long node, long handle);

  void fsync(FuseRequest request, long node, long handle, boolean dataOnly);

  void opendir(FuseRequest request, long node);

  /** Lists from {@code offset} (0 at first, later the cookie of the last entry returned). */
  void readdir(FuseRequest request, long node, long handle, long offset, int size);

  void releasedir(FuseRequest request, long node, long handle);

  void fsyncdir(FuseRequest request, long node, long handle);

  void statfs(FuseRequest request, long node);

  /**
   * @param mode as in fallocate(2)
   */
  void fallocate(FuseRequest request, long node, long handle, long offset, long length, int mode);

  /** The connection ended (unmounted or aborted); no request will follow. */
  void stopped();
}
