package io.tidemark.mount.fuse;

import com.kenai.jffi.MemoryIO;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The path-based operations of libfuse 2 (struct fuse_operations), translated to node ids. A path
 * is walked anew for each operation by {@link FuseFileSystem#lookup}, and every reference that a
 * walk gained is given back at its end, except that of a file that stays open. Operations on open
 * files need no path ({@code flag_nopath}), so they work on files whose name is gone.
 *
 * <p>Every callback returns 0 or a count, or a negative errno.
 */
final class LibfuseOperations {
  private static final Logger log = LoggerFactory.getLogger(LibfuseOperations.class);
  private static final MemoryIO MEMORY = LibfuseBinding.MEMORY;

  private static final int NAME_MAX = 255;

  // struct fuse_file_info
  private static final int FI_FLAGS = 0;

  /** direct_io is bit 0 of this byte; jnr-fuse declares the C bit-field as padding. */
  private static final int FI_BITS = 20;

  private static final int FI_HANDLE = 24;

  /** tv_nsec of utimensat(2). */
  private static final long UTIME_NOW = (1 << 30) - 1;

  private static final long UTIME_OMIT = (1 << 30) - 2;

  private final FuseFileSystem fs;
  private final FuseTrace trace;
  private final LibfuseBinding.Functions libfuse;
  private final Map<Long, OpenFile> open = new ConcurrentHashMap<>();
  private final AtomicLong nextOpen = new AtomicLong(1);

  /** Last path at which a node was seen; what the kernel can remember of it hangs on that. */
  private final Map<Long, String> paths = new ConcurrentHashMap<>();

  /** What fi->fh stands for. */
  private record OpenFile(long node, long handle) {}

  /** An errno on its way to the callback's return. */
  private static final class Failure extends Exception {
    final int errno;

    Failure(int errno) {
      super(null, null, false, false);
      this.errno = errno;
    }
  }

  /** One operation. */
  private interface Body {
    int run() throws Failure;
  }

  LibfuseOperations(FuseFileSystem fs, FuseTrace trace, LibfuseBinding.Functions libfuse) {
    this.fs = fs;
    this.trace = trace;
    this.libfuse = libfuse;
    paths.put(FuseFileSystem.ROOT_NODE, "");
  }

  /** The path below the mount point where a node was seen last; null if never. */
  String pathOf(long node) {
    return paths.get(node);
  }

  // Plumbing

  private int guarded(int opcode, Body body) {
    trace.count(opcode);
    try {
      return body.run();
    } catch (Failure e) {
      return -e.errno;
    } catch (Throwable t) {
      log.error("{} failed; answering EIO", Opcode.name(opcode), t);
      return -Errno.EIO;
    }
  }

  private LibfuseRequest ask(Consumer<LibfuseRequest> question) throws Failure {
    return ask(null, question);
  }

  private LibfuseRequest ask(ByteBuffer data, Consumer<LibfuseRequest> question) throws Failure {
    LibfuseRequest request = new LibfuseRequest(libfuse.fuse_get_context(), data);
    try {
      question.accept(request);
    } catch (Throwable t) {
      if (!request.isAnswered()) {
        throw t;
      }
      log.error("the file system failed after it had answered", t);
    }
    int errno = request.await();
    if (errno != 0) {
      throw new Failure(errno);
    }
    return request;
  }

  /** References gained on the way along a path; given back on close. */
  private final class Walk implements AutoCloseable {
    private final List<Long> gained = new ArrayList<>(2);
    long node = FuseFileSystem.ROOT_NODE;

    /** Attributes that came with the last name; null for the root. */
    Attr attr;

    private final StringBuilder path = new StringBuilder();

    void enter(String name) throws Failure {
      long parent = node;
      found(name, ask(r -> fs.lookup(r, parent, name)).entry());
    }

    /** A name that was looked up, or just made. */
    void found(String name, Entry entry) {
      gained.add(entry.node());
      node = entry.node();
      attr = entry.attr();
      path.append('/').append(name);
      paths.put(node, path.toString());
    }

    /** The last node stays referenced, by an open file. */
    void keepLast() {
      if (!gained.isEmpty()) {
        gained.remove(gained.size() - 1);
      }
    }

    @Override
    public void close() {
      for (long node : gained) {
        forget(node);
      }
    }
  }

  private void forget(long node) {
    if (node == FuseFileSystem.ROOT_NODE) {
      return;
    }
    try {
      fs.forget(node, 1);
    } catch (RuntimeException e) {
      log.error("the file system failed in forget of node {}", node, e);
    }
  }

  private static List<String> names(long path) throws Failure {
    List<String> names = new ArrayList<>(4);
    byte[] bytes = MEMORY.getZeroTerminatedByteArray(path);
    int start = 0;
    for (int i = 0; i <= bytes.length; i++) {
      if (i == bytes.length || bytes[i] == '/') {
        if (i > start) {
          names.add(name(bytes, start, i - start));
        }
        start = i + 1;
      }
    }
    return names;
  }

  private static String name(byte[] bytes, int start, int length) throws Failure {
    if (length > NAME_MAX) {
      throw new Failure(Errno.ENAMETOOLONG);
    }
    return text(bytes, start, length);
  }

  private static String text(byte[] bytes, int start, int length) throws Failure {
    try {
      return StandardCharsets.UTF_8
          .newDecoder()
          .decode(ByteBuffer.wrap(bytes, start, length))
          .toString();
    } catch (CharacterCodingException e) {
      throw new Failure(Errno.EILSEQ);
    }
  }

  private Walk walk(long path) throws Failure {
    return walk(names(path));
  }

  private Walk walk(List<String> names) throws Failure {
    Walk walk = new Walk();
    try {
      for (String name : names) {
        walk.enter(name);
      }
      return walk;
    } catch (Failure | RuntimeException e) {
      walk.close();
      throw e;
    }
  }

  /** The directory of a path, and the name in it. */
  private final class Place implements AutoCloseable {
    final Walk directory;
    final String name;

    Place(long path) throws Failure {
      List<String> names = names(path);
      if (names.isEmpty()) {
        throw new Failure(Errno.EINVAL);
      }
      name = names.remove(names.size() - 1);
      directory = walk(names);
    }

    long parent() {
      return directory.node;
    }

    @Override
    public void close() {
      directory.close();
    }
  }

  private OpenFile opened(long fi) throws Failure {
    OpenFile file = open.get(MEMORY.getLong(fi + FI_HANDLE));
    if (file == null) {
      throw new Failure(Errno.EBADF);
    }
    return file;
  }

  private void setOpened(long fi, OpenFile file, int flags) {
    long key = nextOpen.getAndIncrement();
    open.put(key, file);
    MEMORY.putLong(fi + FI_HANDLE, key);
    // KEEP_CACHE is not passed on: libfuse reuses its inode for a name that is made again, and the
    // old contents would show.
    int bits = MEMORY.getByte(fi + FI_BITS) | (flags & OpenFlags.DIRECT_IO);
    MEMORY.putByte(fi + FI_BITS, (byte) bits);
  }

  private static ByteBuffer wrap(long address, long size) {
    return MEMORY.newDirectByteBuffer(address, (int) size).order(ByteOrder.BIG_ENDIAN);
  }

  // Operations, in the order of struct fuse_operations

  int getattr(long path, long stat) {
    return guarded(
        Opcode.GETATTR,
        () -> {
          try (Walk walk = walk(path)) {
            LibfuseStat.put(stat, walk.attr != null ? walk.attr : attrOf(walk.node));
            return 0;
          }
        });
  }

  private Attr attrOf(long node) throws Failure {
    return ask(r -> fs.getattr(r, node)).attr();
  }

  int readlink(long path, long buffer, long size) {
    return guarded(
        Opcode.READLINK,
        () -> {
          try (Walk walk = walk(path)) {
            byte[] target =
                ask(r -> fs.readlink(r, walk.node)).target().getBytes(StandardCharsets.UTF_8);
            int n = (int) Math.min(target.length, size - 1);
            MEMORY.putByteArray(buffer, target, 0, n);
            MEMORY.putByte(buffer + n, (byte) 0);
            return 0;
          }
        });
  }

  int mknod(long path, long mode, long device) {
    return guarded(
        Opcode.MKNOD,
        () -> {
          try (Place at = new Place(path)) {
            made(at, ask(r -> fs.mknod(r, at.parent(), at.name, (int) mode, (int) device)).entry());
            return 0;
          }
        });
  }

  int mkdir(long path, long mode) {
    return guarded(
        Opcode.MKDIR,
        () -> {
          try (Place at = new Place(path)) {
            made(at, ask(r -> fs.mkdir(r, at.parent(), at.name, (int) mode)).entry());
            return 0;
          }
        });
  }

  /** The reference of the reply is given back with the walk. */
  private static void made(Place at, Entry entry) {
    at.directory.found(at.name, entry);
  }

  int unlink(long path) {
    return guarded(
        Opcode.UNLINK,
        () -> {
          try (Place at = new Place(path)) {
            ask(r -> fs.unlink(r, at.parent(), at.name));
            return 0;
          }
        });
  }

  int rmdir(long path) {
    return guarded(
        Opcode.RMDIR,
        () -> {
          try (Place at = new Place(path)) {
            ask(r -> fs.rmdir(r, at.parent(), at.name));
            return 0;
          }
        });
  }

  int symlink(long target, long path) {
    return guarded(
        Opcode.SYMLINK,
        () -> {
          byte[] bytes = MEMORY.getZeroTerminatedByteArray(target);
          String text = text(bytes, 0, bytes.length);
          try (Place at = new Place(path)) {
            made(at, ask(r -> fs.symlink(r, at.parent(), at.name, text)).entry());
            return 0;
          }
        });
  }

  int rename(long from, long to) {
    return guarded(
        Opcode.RENAME,
        () -> {
          try (Place a = new Place(from);
              Place b = new Place(to)) {
            ask(r -> fs.rename(r, a.parent(), a.name, b.parent(), b.name, 0));
            return 0;
          }
        });
  }

  int link(long existing, long path) {
    return guarded(
        Opcode.LINK,
        () -> {
          try (Walk walk = walk(existing);
              Place at = new Place(path)) {
            made(at, ask(r -> fs.link(r, walk.node, at.parent(), at.name)).entry());
            return 0;
          }
        });
  }

  int chmod(long path, long mode) {
    return setattr(path, new SetAttr(SetAttr.MODE, -1, 0, (int) mode, 0, 0, 0, 0));
  }

  int chown(long path, long uid, long gid) {
    int valid = ((int) uid == -1 ? 0 : SetAttr.UID) | ((int) gid == -1 ? 0 : SetAttr.GID);
    return setattr(path, new SetAttr(valid, -1, 0, 0, (int) uid, (int) gid, 0, 0));
  }

  int truncate(long path, long size) {
    return setattr(path, new SetAttr(SetAttr.SIZE, -1, size, 0, 0, 0, 0, 0));
  }

  private int setattr(long path, SetAttr change) {
    return guarded(
        Opcode.SETATTR,
        () -> {
          try (Walk walk = walk(path)) {
            ask(r -> fs.setattr(r, walk.node, change));
            return 0;
          }
        });
  }

  int open(long path, long fi) {
    return guarded(
        Opcode.OPEN,
        () -> {
          try (Walk walk = walk(path)) {
            LibfuseRequest r =
                ask(q -> fs.open(q, walk.node, MEMORY.getInt(fi + FI_FLAGS) & ~Native.O_TRUNC));
            setOpened(fi, new OpenFile(walk.node, r.handle()), r.openFlags());
            walk.keepLast();
            return 0;
          }
        });
  }

  int read(long path, long buffer, long size, long offset, long fi) {
    return guarded(
        Opcode.READ,
        () -> {
          OpenFile file = opened(fi);
          return ask(
                  wrap(buffer, size),
                  r -> fs.read(r, file.node(), file.handle(), offset, (int) size))
              .count();
        });
  }

  int write(long path, long buffer, long size, long offset, long fi) {
    return guarded(
        Opcode.WRITE,
        () -> {
          OpenFile file = opened(fi);
          return ask(r -> fs.write(r, file.node(), file.handle(), offset, wrap(buffer, size)))
              .count();
        });
  }

  int statfs(long path, long statvfs) {
    return guarded(
        Opcode.STATFS,
        () -> {
          LibfuseStat.putStatvfs(
              statvfs, ask(r -> fs.statfs(r, FuseFileSystem.ROOT_NODE)).statfs());
          return 0;
        });
  }

  int flush(long path, long fi) {
    return guarded(
        Opcode.FLUSH,
        () -> {
          OpenFile file = opened(fi);
          ask(r -> fs.flush(r, file.node(), file.handle()));
          return 0;
        });
  }

  int release(long path, long fi) {
    return guarded(
        Opcode.RELEASE,
        () -> {
          OpenFile file = opened(fi);
          open.remove(MEMORY.getLong(fi + FI_HANDLE));
          try {
            ask(r -> fs.release(r, file.node(), file.handle()));
          } finally {
            forget(file.node());
          }
          return 0;
        });
  }

  int fsync(long path, long dataOnly, long fi) {
    return guarded(
        Opcode.FSYNC,
        () -> {
          OpenFile file = opened(fi);
          ask(r -> fs.fsync(r, file.node(), file.handle(), (int) dataOnly != 0));
          return 0;
        });
  }

  int opendir(long path, long fi) {
    return guarded(
        Opcode.OPENDIR,
        () -> {
          try (Walk walk = walk(path)) {
            LibfuseRequest r = ask(q -> fs.opendir(q, walk.node));
            setOpened(fi, new OpenFile(walk.node, r.handle()), 0);
            walk.keepLast();
            return 0;
          }
        });
  }

  int readdir(long path, long buffer, long filler, long offset, long fi) {
    return guarded(
        Opcode.READDIR,
        () -> {
          OpenFile file = opened(fi);
          ByteBuffer scratch = Native.scratch(LibfuseStat.SIZE + NAME_MAX + 1);
          long stat = Native.address(scratch);
          long name = stat + LibfuseStat.SIZE;
          long next = 0;
          List<LibfuseRequest.DirectoryEntry> entries;
          do {
            long from = next;
            entries =
                ask(r -> fs.readdir(r, file.node(), file.handle(), from, 1 << 16)).directory();
            for (LibfuseRequest.DirectoryEntry entry : entries) {
              byte[] bytes = Native.cString(entry.name());
              if (bytes.length <= NAME_MAX + 1) {
                MEMORY.putByteArray(name, bytes, 0, bytes.length);
                LibfuseStat.putType(stat, entry.inode(), entry.type());
                if (LibfuseBinding.fill(filler, buffer, name, stat) != 0) {
                  return -Errno.ENOMEM;
                }
              }
              next = entry.cookie();
            }
          } while (!entries.isEmpty());
          scratch.clear(); // keeps the memory alive up to here
          return 0;
        });
  }

  int releasedir(long path, long fi) {
    return guarded(
        Opcode.RELEASEDIR,
        () -> {
          OpenFile file = opened(fi);
          open.remove(MEMORY.getLong(fi + FI_HANDLE));
          try {
            ask(r -> fs.releasedir(r, file.node(), file.handle()));
          } finally {
            forget(file.node());
          }
          return 0;
        });
  }

  int fsyncdir(long path, long dataOnly, long fi) {
    return guarded(
        Opcode.FSYNCDIR,
        () -> {
          OpenFile file = opened(fi);
          ask(r -> fs.fsyncdir(r, file.node(), file.handle()));
          return 0;
        });
  }

  int create(long path, long mode, long fi) {
    return guarded(
        Opcode.CREATE,
        () -> {
          try (Place at = new Place(path)) {
            int flags = MEMORY.getInt(fi + FI_FLAGS) & ~Native.O_TRUNC;
            LibfuseRequest r = ask(q -> fs.create(q, at.parent(), at.name, (int) mode, flags));
            made(at, r.entry());
            setOpened(fi, new OpenFile(r.entry().node(), r.handle()), r.openFlags());
            at.directory.keepLast();
            return 0;
          }
        });
  }

  int ftruncate(long path, long size, long fi) {
    return guarded(
        Opcode.SETATTR,
        () -> {
          OpenFile file = opened(fi);
          SetAttr change = new SetAttr(SetAttr.SIZE, file.handle(), size, 0, 0, 0, 0, 0);
          ask(r -> fs.setattr(r, file.node(), change));
          return 0;
        });
  }

  int fgetattr(long path, long stat, long fi) {
    return guarded(
        Opcode.GETATTR,
        () -> {
          LibfuseStat.put(stat, attrOf(opened(fi).node()));
          return 0;
        });
  }

  int utimens(long path, long times) {
    long atime = MEMORY.getLong(times + 8);
    long mtime = MEMORY.getLong(times + 24);
    int valid =
        timeBits(atime, SetAttr.ATIME, SetAttr.ATIME_NOW)
            | timeBits(mtime, SetAttr.MTIME, SetAttr.MTIME_NOW);
    return setattr(
        path,
        new SetAttr(
            valid,
            -1,
            0,
            0,
            0,
            0,
            MEMORY.getLong(times) * 1_000_000_000 + atime,
            MEMORY.getLong(times + 16) * 1_000_000_000 + mtime));
  }

  private static int timeBits(long nanos, int given, int now) {
    return nanos == UTIME_OMIT ? 0 : nanos == UTIME_NOW ? given | now : given;
  }

  int fallocate(long path, long mode, long offset, long length, long fi) {
    return guarded(
        Opcode.FALLOCATE,
        () -> {
          OpenFile file = opened(fi);
          ask(r -> fs.fallocate(r, file.node(), file.handle(), offset, length, (int) mode));
          return 0;
        });
  }
}
