package io.tidemark.mount.fuse;

import com.kenai.jffi.CallContext;
import com.kenai.jffi.CallingConvention;
import com.kenai.jffi.Invoker;
import com.kenai.jffi.MemoryIO;
import com.kenai.jffi.Type;
import jnr.ffi.LibraryLoader;
import jnr.ffi.annotations.Delegate;
import jnr.ffi.annotations.In;

/**
 * What libfuse 2.9 offers beyond jnr-fuse: notifications, and callbacks that receive plain
 * addresses. jnr-fuse hands out paths as strings decoded with the default charset, which fails for
 * names that are not text; with the address we decode them ourselves.
 */
final class LibfuseBinding {
  static final MemoryIO MEMORY = MemoryIO.getInstance();

  /** Functions of libfuse.so.2 (fuse.h, fuse_lowlevel.h). */
  public interface Functions {
    long fuse_get_context();

    long fuse_get_session(long fuse);

    long fuse_session_next_chan(long session, long previous);

    int fuse_lowlevel_notify_inval_inode(long channel, long inode, long offset, long length);

    int fuse_lowlevel_notify_inval_entry(
        long channel, long parent, @In byte[] name, long nameLength);
  }

  // Operations by number of arguments. An int argument fills the low half of its register only, so
  // the receiver must narrow it.

  /** For example unlink. */
  public interface Call1 {
    @Delegate
    int call(long a);
  }

  /** For example getattr. */
  public interface Call2 {
    @Delegate
    int call(long a, long b);
  }

  /** For example fsync. */
  public interface Call3 {
    @Delegate
    int call(long a, long b, long c);
  }

  /** read, write, readdir and fallocate. */
  public interface Call5 {
    @Delegate
    int call(long a, long b, long c, long d, long e);
  }

  private static final CallContext FILLER =
      CallContext.getCallContext(
          Type.SINT32,
          new Type[] {Type.POINTER, Type.POINTER, Type.POINTER, Type.SINT64},
          CallingConvention.DEFAULT,
          false);

  private LibfuseBinding() {}

  static Functions load() throws MountException {
    try {
      return LibraryLoader.create(Functions.class).failImmediately().load("libfuse.so.2");
    } catch (LinkageError | RuntimeException e) {
      throw new MountException(
          "libfuse.so.2 cannot be loaded; install libfuse 2 (package libfuse2 on Debian and Ubuntu,"
              + " libfuse2t64 on newer ones, fuse-libs on Fedora) or use the kernel transport",
          e);
    }
  }

  /** fuse_fill_dir_t: non-zero when the buffer is full. */
  static int fill(long filler, long buffer, long name, long stat) {
    return (int) Invoker.getInstance().invokeN4(FILLER, filler, buffer, name, stat, 0);
  }
}
