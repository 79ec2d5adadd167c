package io.tidemark.mount.fuse;

import java.nio.ByteBuffer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Decodes a request of the kernel protocol and calls the file system. */
final class KernelDispatcher {
  private static final Logger log = LoggerFactory.getLogger(KernelDispatcher.class);

  /** O_TRUNC means nothing for a file that is being made. */
  private static final int CREATE_FLAGS = ~Native.O_TRUNC;

  /** fsync_flags and getattr_flags of fuse.h. */
  private static final int FSYNC_FDATASYNC = 1;

  private static final int FATTR_FH = 1 << 6;

  private final FuseFileSystem fs;
  private final FuseTrace trace;
  private final boolean logRequests;

  KernelDispatcher(FuseFileSystem fs, FuseTrace trace, boolean logRequests) {
    this.fs = fs;
    this.trace = trace;
    this.logRequests = logRequests;
  }

  void dispatch(KernelRequest r) {
    long unique = r.unique();
    trace.count(r.opcode());
    if (logRequests) {
      log.debug("{} node {} tid {} unique {}", Opcode.name(r.opcode()), r.node(), r.tid(), unique);
    }
    try {
      decode(r);
    } catch (Throwable t) {
      failed(r, unique, t);
    }
  }

  /** Runs work of the request; what it throws is answered as EIO. */
  static void run(KernelRequest r, long unique, Runnable work) {
    try {
      work.run();
    } catch (Throwable t) {
      failed(r, unique, t);
    }
  }

  private static void failed(KernelRequest r, long unique, Throwable t) {
    // After its answer the object may already carry another request.
    boolean unanswered = r.unique() == unique;
    log.error(
        "the file system failed in {} of node {}{}",
        Opcode.name(r.opcode()),
        r.node(),
        unanswered ? "; answering EIO" : " after it had answered",
        t);
    if (unanswered) {
      r.error(Errno.EIO);
    }
  }

  private void decode(KernelRequest r) {
    if (r.bodyLength() < minimumBody(r.opcode())) {
      log.warn("{} of only {} bytes", Opcode.name(r.opcode()), r.bodyLength());
      r.error(Errno.EINVAL);
      return;
    }
    long node = r.node();
    switch (r.opcode()) {
      case Opcode.READ ->
          fs.read(
              r,
              node,
              r.bodyLong(0),
              r.bodyLong(8),
              Math.min(r.bodyInt(16), MountOptions.MAX_WRITE));
      case Opcode.WRITE -> {
        ByteBuffer payload = r.payload(r.bodyInt(16));
        if (payload == null) {
          r.error(Errno.EINVAL);
        } else {
          fs.write(r, node, r.bodyLong(0), r.bodyLong(8), payload);
        }
      }
      case Opcode.FSYNC -> fs.fsync(r, node, r.bodyLong(0), (r.bodyInt(8) & FSYNC_FDATASYNC) != 0);
      case Opcode.GETATTR -> fs.getattr(r, node);
      case Opcode.LOOKUP -> {
        String name = r.name(0);
        if (name != null) {
          fs.lookup(r, node, name);
        }
      }
      case Opcode.FORGET -> forget(r);
      case Opcode.BATCH_FORGET -> batchForget(r);
      case Opcode.SETATTR -> fs.setattr(r, node, setAttr(r));
      case Opcode.READLINK -> fs.readlink(r, node);
      case Opcode.SYMLINK -> {
        String name = r.name(0);
        String target = name == null ? null : r.target(r.endOfString(0));
        if (target != null) {
          fs.symlink(r, node, name, target);
        }
      }
      case Opcode.MKNOD -> {
        r.umask(r.bodyInt(8));
        String name = r.name(16);
        if (name != null) {
          fs.mknod(r, node, name, r.bodyInt(0), r.bodyInt(4));
        }
      }
      case Opcode.MKDIR -> {
        r.umask(r.bodyInt(4));
        String name = r.name(8);
        if (name != null) {
          fs.mkdir(r, node, name, r.bodyInt(0));
        }
      }
      case Opcode.UNLINK -> {
        String name = r.name(0);
        if (name != null) {
          fs.unlink(r, node, name);
        }
      }
      case Opcode.RMDIR -> {
        String name = r.name(0);
        if (name != null) {
          fs.rmdir(r, node, name);
        }
      }
      case Opcode.RENAME -> rename(r, 8, 0);
      case Opcode.RENAME2 -> rename(r, 16, r.bodyInt(8));
      case Opcode.LINK -> {
        String name = r.name(8);
        if (name != null) {
          fs.link(r, r.bodyLong(0), node, name);
        }
      }
      case Opcode.OPEN -> fs.open(r, node, r.bodyInt(0));
      case Opcode.CREATE -> {
        r.umask(r.bodyInt(8));
        String name = r.name(16);
        if (name != null) {
          fs.create(r, node, name, r.bodyInt(4), r.bodyInt(0) & CREATE_FLAGS);
        }
      }
      case Opcode.STATFS -> fs.statfs(r, node);
      case Opcode.RELEASE -> fs.release(r, node, r.bodyLong(0));
      case Opcode.FLUSH -> fs.flush(r, node, r.bodyLong(0));
      case Opcode.OPENDIR -> fs.opendir(r, node);
      case Opcode.READDIR -> {
        long handle = r.bodyLong(0);
        long offset = r.bodyLong(8);
        int size = Math.min(r.bodyInt(16), MountOptions.MAX_WRITE);
        r.dataBuffer(size);
        fs.readdir(r, node, handle, offset, size);
      }
      case Opcode.RELEASEDIR -> fs.releasedir(r, node, r.bodyLong(0));
      case Opcode.FSYNCDIR -> fs.fsyncdir(r, node, r.bodyLong(0));
      case Opcode.FALLOCATE ->
          fs.fallocate(r, node, r.bodyLong(0), r.bodyLong(8), r.bodyLong(16), r.bodyInt(24));
      // The system call that was interrupted waits for its own answer, which will come.
      case Opcode.INTERRUPT -> r.dropped();
      case Opcode.DESTROY -> r.replyOk();
      // ENOSYS also tells the kernel not to ask again: extended attributes (one request per WRITE
      // otherwise), ACCESS (default_permissions decides), LSEEK, POLL, locks and newer ones.
      default -> r.error(Errno.ENOSYS);
    }
  }

  /** Bytes of the fixed part of the body. */
  private static int minimumBody(int opcode) {
    return switch (opcode) {
      case Opcode.READ, Opcode.WRITE, Opcode.READDIR -> 40;
      case Opcode.SETATTR -> 88;
      case Opcode.MKNOD, Opcode.CREATE, Opcode.RENAME2, Opcode.FSYNC, Opcode.FSYNCDIR -> 16;
      case Opcode.FALLOCATE -> 32;
      case Opcode.RELEASE, Opcode.RELEASEDIR, Opcode.FLUSH -> 24;
      case Opcode.MKDIR,
          Opcode.RENAME,
          Opcode.LINK,
          Opcode.OPEN,
          Opcode.OPENDIR,
          Opcode.FORGET,
          Opcode.BATCH_FORGET ->
          8;
      default -> 0;
    };
  }

  private void rename(KernelRequest r, int names, int flags) {
    String from = r.name(names);
    String to = from == null ? null : r.name(r.endOfString(names));
    if (to != null) {
      fs.rename(r, r.node(), from, r.bodyLong(0), to, flags);
    }
  }

  private void forget(KernelRequest r) {
    try {
      fs.forget(r.node(), r.bodyLong(0));
    } catch (RuntimeException e) {
      log.error("the file system failed in FORGET of node {}", r.node(), e);
    }
    r.dropped();
  }

  private void batchForget(KernelRequest r) {
    int count = Math.min(r.bodyInt(0), (r.bodyLength() - 8) / 16);
    for (int i = 0; i < count; i++) {
      long node = r.bodyLong(8 + 16 * i);
      try {
        fs.forget(node, r.bodyLong(16 + 16 * i));
      } catch (RuntimeException e) {
        log.error("the file system failed in FORGET of node {}", node, e);
      }
    }
    r.dropped();
  }

  /** struct fuse_setattr_in; its FATTR_* bits 0 to 8 are those of {@link SetAttr}. */
  private static SetAttr setAttr(KernelRequest r) {
    int valid = r.bodyInt(0);
    return new SetAttr(
        valid,
        (valid & FATTR_FH) != 0 ? r.bodyLong(8) : -1,
        r.bodyLong(16),
        r.bodyInt(68),
        r.bodyInt(76),
        r.bodyInt(80),
        r.bodyLong(32) * 1_000_000_000 + (r.bodyInt(56) & 0xffffffffL),
        r.bodyLong(40) * 1_000_000_000 + (r.bodyInt(60) & 0xffffffffL));
  }
}
