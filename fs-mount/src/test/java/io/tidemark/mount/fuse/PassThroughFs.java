package io.tidemark.mount.fuse;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermission;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;

/** Shows a backing directory; tests hook in where they need other behaviour. */
class PassThroughFs implements FuseFileSystem {
  private static final int S_IFREG = 0100000;

  final Path backing;
  final long validNanos;
  final AtomicInteger stops = new AtomicInteger();

  /** Asked before each operation ("write", file name); true = the hook answers. */
  volatile Hook hook = (request, operation, name) -> false;

  /** Sync as blocking work, as a real file system would; else on the reader thread. */
  volatile boolean blockingFsync = true;

  /** Tests answer requests in place of the file system here. */
  interface Hook {
    boolean takes(FuseRequest request, String operation, String name);
  }

  private final AtomicLong nextNode = new AtomicLong(ROOT_NODE + 1);
  private final AtomicLong nextHandle = new AtomicLong(1);
  private final Map<Long, Node> nodes = new ConcurrentHashMap<>();
  private final Map<Long, Object> handles = new ConcurrentHashMap<>();
  private volatile KernelCache cache;

  private static final class Node {
    final long id;
    long references;
    volatile Path path;
    volatile FileChannel unlinked;
    final Map<String, Node> children = new HashMap<>();

    Node(long id, Path path) {
      this.id = id;
      this.path = path;
    }
  }

  PassThroughFs(Path backing) {
    this(backing, 1_000_000_000);
  }

  PassThroughFs(Path backing, long validNanos) {
    this.backing = backing;
    this.validNanos = validNanos;
    nodes.put(ROOT_NODE, new Node(ROOT_NODE, backing));
  }

  KernelCache cache() {
    return cache;
  }

  /** Node id that a name has now; -1 if it was never looked up. */
  long nodeOf(String name) {
    Node root = nodes.get(ROOT_NODE);
    synchronized (root) {
      Node node = root.children.get(name);
      return node == null ? -1 : node.id;
    }
  }

  int knownNodes() {
    return nodes.size();
  }

  @Override
  public void start(KernelCache kernelCache) {
    cache = kernelCache;
  }

  @Override
  public void stopped() {
    stops.incrementAndGet();
  }

  private static int errno(IOException e) {
    if (e instanceof NoSuchFileException) {
      return Errno.ENOENT;
    } else if (e instanceof FileAlreadyExistsException) {
      return Errno.EEXIST;
    } else if (e instanceof DirectoryNotEmptyException) {
      return Errno.ENOTEMPTY;
    } else if (e instanceof NotDirectoryException) {
      return Errno.ENOTDIR;
    }
    String text = String.valueOf(e.getMessage());
    return text.contains("No space")
        ? Errno.ENOSPC
        : text.contains("too long") ? Errno.ENAMETOOLONG : Errno.EIO;
  }

  private Node node(long id) {
    Node node = nodes.get(id);
    if (node == null) {
      throw new IllegalStateException("the kernel names the unknown node " + id);
    }
    return node;
  }

  private static long nanos(Object time) {
    return ((FileTime) time).to(TimeUnit.NANOSECONDS);
  }

  private static Attr attr(Node node) throws IOException {
    Map<String, Object> a =
        node.unlinked != null
            ? null
            : Files.readAttributes(
                node.path,
                "unix:mode,nlink,uid,gid,size,lastAccessTime,lastModifiedTime,ctime",
                LinkOption.NOFOLLOW_LINKS);
    if (a == null) {
      long size = node.unlinked.size();
      return new Attr(node.id, S_IFREG | 0644, 0, 0, 0, size, size / 512 + 1, 0, 0, 0);
    }
    long size = (Long) a.get("size");
    return new Attr(
        node.id,
        (Integer) a.get("mode"),
        (Integer) a.get("nlink"),
        (Integer) a.get("uid"),
        (Integer) a.get("gid"),
        size,
        (size + 511) / 512,
        nanos(a.get("lastAccessTime")),
        nanos(a.get("lastModifiedTime")),
        nanos(a.get("ctime")));
  }

  /** The node of a name that exists, with one more reference. */
  private Entry entry(Node parent, String name) throws IOException {
    synchronized (parent) {
      Node child = parent.children.get(name);
      Node known =
          child == null ? new Node(nextNode.getAndIncrement(), parent.path.resolve(name)) : child;
      Attr attr = attr(known);
      parent.children.put(name, known);
      nodes.put(known.id, known);
      known.references++;
      return new Entry(known.id, attr, validNanos, validNanos);
    }
  }

  private static Path child(Node parent, String name) {
    return parent.path.resolve(name);
  }

  private boolean hooked(FuseRequest request, String operation, Node node) {
    return hook.takes(request, operation, node.path.getFileName().toString());
  }

  @Override
  public void lookup(FuseRequest request, long parent, String name) {
    if (hook.takes(request, "lookup", name)) {
      return;
    }
    try {
      request.replyEntry(entry(node(parent), name));
    } catch (IOException e) {
      request.error(errno(e));
    }
  }

  @Override
  public void forget(long id, long count) {
    Node node = nodes.get(id);
    if (node == null || id == ROOT_NODE) {
      return;
    }
    node.references -= count;
    if (node.references <= 0) {
      nodes.remove(id, node);
      nodes.values().forEach(n -> drop(n, node));
    }
  }

  private static void drop(Node parent, Node child) {
    synchronized (parent) {
      parent.children.values().remove(child);
    }
  }

  @Override
  public void getattr(FuseRequest request, long id) {
    try {
      Node node = node(id);
      if (!hooked(request, "getattr", node)) {
        request.replyAttr(attr(node), validNanos);
      }
    } catch (IOException e) {
      request.error(errno(e));
    }
  }

  @Override
  public void setattr(FuseRequest request, long id, SetAttr change) {
    Node node = node(id);
    if (hooked(request, "setattr", node)) {
      return;
    }
    try {
      if (change.has(SetAttr.SIZE)) {
        resize(node, change);
      }
      if (change.has(SetAttr.MODE)) {
        Files.setPosixFilePermissions(node.path, permissions(change.mode()));
      }
      if (change.has(SetAttr.UID)) {
        Files.setAttribute(node.path, "unix:uid", change.uid(), LinkOption.NOFOLLOW_LINKS);
      }
      if (change.has(SetAttr.GID)) {
        Files.setAttribute(node.path, "unix:gid", change.gid(), LinkOption.NOFOLLOW_LINKS);
      }
      if (change.has(SetAttr.MTIME)) {
        Files.setLastModifiedTime(
            node.path,
            change.has(SetAttr.MTIME_NOW)
                ? FileTime.fromMillis(System.currentTimeMillis())
                : FileTime.from(change.mtimeNanos(), TimeUnit.NANOSECONDS));
      }
      request.replyAttr(attr(node), validNanos);
    } catch (IOException e) {
      request.error(errno(e));
    }
  }

  private void resize(Node node, SetAttr change) throws IOException {
    if (change.handle() > 0 && handles.get(change.handle()) instanceof FileChannel channel) {
      resize(channel, change.size());
      return;
    }
    try (FileChannel channel = FileChannel.open(node.path, StandardOpenOption.WRITE)) {
      resize(channel, change.size());
    }
  }

  private static void resize(FileChannel channel, long size) throws IOException {
    if (channel.size() > size) {
      channel.truncate(size);
    } else if (channel.size() < size) {
      channel.write(ByteBuffer.allocate(1), size - 1);
    }
  }

  private static Set<PosixFilePermission> permissions(int mode) {
    Set<PosixFilePermission> set = EnumSet.noneOf(PosixFilePermission.class);
    PosixFilePermission[] all = PosixFilePermission.values();
    for (int i = 0; i < 9; i++) {
      if ((mode & 0400 >> i) != 0) {
        set.add(all[i]);
      }
    }
    return set;
  }

  @Override
  public void readlink(FuseRequest request, long id) {
    try {
      request.replyTarget(Files.readSymbolicLink(node(id).path).toString());
    } catch (IOException e) {
      request.error(errno(e));
    }
  }

  private interface Making {
    void make(Path path) throws IOException;
  }

  private void make(FuseRequest request, long parent, String name, Making making) {
    try {
      Node directory = node(parent);
      making.make(child(directory, name));
      request.replyEntry(entry(directory, name));
    } catch (IOException e) {
      request.error(errno(e));
    }
  }

  private static void own(FuseRequest request, Path path) throws IOException {
    if (request.uid() != 0 && Native.C.geteuid() == 0) {
      Files.setAttribute(path, "unix:uid", request.uid(), LinkOption.NOFOLLOW_LINKS);
      Files.setAttribute(path, "unix:gid", request.gid(), LinkOption.NOFOLLOW_LINKS);
    }
  }

  @Override
  public void symlink(FuseRequest request, long parent, String name, String target) {
    make(request, parent, name, p -> Files.createSymbolicLink(p, Path.of(target)));
  }

  @Override
  public void mknod(FuseRequest request, long parent, String name, int mode, int rdev) {
    make(
        request,
        parent,
        name,
        p -> {
          Files.createFile(p);
          Files.setPosixFilePermissions(p, permissions(mode));
        });
  }

  @Override
  public void mkdir(FuseRequest request, long parent, String name, int mode) {
    make(
        request,
        parent,
        name,
        p -> {
          Files.createDirectory(p);
          Files.setPosixFilePermissions(p, permissions(mode));
          own(request, p);
        });
  }

  /** A removed name: its node lives on while it is open. */
  private void removed(Node parent, String name, FileChannel keep) {
    synchronized (parent) {
      Node node = parent.children.remove(name);
      if (node != null) {
        node.unlinked = keep;
      }
    }
  }

  @Override
  public void unlink(FuseRequest request, long parent, String name) {
    if (hook.takes(request, "unlink", name)) {
      return;
    }
    Node directory = node(parent);
    Path path = child(directory, name);
    try {
      FileChannel keep =
          Files.isRegularFile(path, LinkOption.NOFOLLOW_LINKS)
              ? FileChannel.open(path, StandardOpenOption.READ)
              : null;
      Files.delete(path);
      removed(directory, name, keep);
      request.replyOk();
    } catch (IOException e) {
      request.error(errno(e));
    }
  }

  @Override
  public void rmdir(FuseRequest request, long parent, String name) {
    Node directory = node(parent);
    try {
      Files.delete(child(directory, name));
      removed(directory, name, null);
      request.replyOk();
    } catch (IOException e) {
      request.error(errno(e));
    }
  }

  @Override
  public void rename(
      FuseRequest request, long parent, String name, long newParent, String newName, int flags) {
    if (flags != 0) {
      request.error(Errno.EINVAL);
      return;
    }
    Node from = node(parent);
    Node to = node(newParent);
    try {
      Path target = child(to, newName);
      FileChannel keep =
          Files.isRegularFile(target, LinkOption.NOFOLLOW_LINKS)
              ? FileChannel.open(target, StandardOpenOption.READ)
              : null;
      Files.move(
          child(from, name),
          target,
          StandardCopyOption.ATOMIC_MOVE,
          StandardCopyOption.REPLACE_EXISTING);
      removed(to, newName, keep);
      Node moved;
      synchronized (from) {
        moved = from.children.remove(name);
      }
      if (moved != null) {
        synchronized (to) {
          to.children.put(newName, moved);
        }
        moved(moved, target);
      }
      request.replyOk();
    } catch (IOException e) {
      request.error(errno(e));
    }
  }

  private static void moved(Node node, Path path) {
    node.path = path;
    synchronized (node) {
      node.children.forEach((n, c) -> moved(c, path.resolve(n)));
    }
  }

  @Override
  public void link(FuseRequest request, long id, long newParent, String newName) {
    request.error(Errno.EPERM);
  }

  private FileChannel channel(Path path, int flags) throws IOException {
    return (flags & 3) == 0
        ? FileChannel.open(path, StandardOpenOption.READ)
        : FileChannel.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE);
  }

  private long handle(Object opened) {
    long handle = nextHandle.getAndIncrement();
    handles.put(handle, opened);
    return handle;
  }

  @Override
  public void open(FuseRequest request, long id, int flags) {
    Node node = node(id);
    if (hooked(request, "open", node)) {
      return;
    }
    try {
      request.replyOpen(handle(channel(node.path, flags)), OpenFlags.KEEP_CACHE);
    } catch (IOException e) {
      request.error(errno(e));
    }
  }

  @Override
  public void create(FuseRequest request, long parent, String name, int mode, int flags) {
    Node directory = node(parent);
    Path path = child(directory, name);
    try {
      Files.createFile(path);
      Files.setPosixFilePermissions(path, permissions(mode));
      own(request, path);
      Entry entry = entry(directory, name);
      request.replyCreate(entry, handle(channel(path, flags)), OpenFlags.KEEP_CACHE);
    } catch (IOException e) {
      request.error(errno(e));
    }
  }

  @Override
  public void read(FuseRequest request, long id, long handle, long offset, int size) {
    if (hooked(request, "read", node(id))) {
      return;
    }
    FileChannel channel = (FileChannel) handles.get(handle);
    ByteBuffer buffer = request.dataBuffer(size);
    try {
      long at = offset;
      while (buffer.hasRemaining()) {
        int n = channel.read(buffer, at);
        if (n < 0) {
          break;
        }
        at += n;
      }
      request.replyData();
    } catch (IOException e) {
      request.error(errno(e));
    }
  }

  @Override
  public void write(FuseRequest request, long id, long handle, long offset, ByteBuffer data) {
    if (hooked(request, "write", node(id))) {
      return;
    }
    FileChannel channel = (FileChannel) handles.get(handle);
    int size = data.remaining();
    try {
      long at = offset;
      while (data.hasRemaining()) {
        at += channel.write(data, at);
      }
      request.replyWritten(size);
    } catch (IOException e) {
      request.error(errno(e));
    }
  }

  @Override
  public void flush(FuseRequest request, long id, long handle) {
    request.replyOk();
  }

  @Override
  public void release(FuseRequest request, long id, long handle) {
    if (handles.remove(handle) instanceof FileChannel channel) {
      try {
        channel.close();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
    request.replyOk();
  }

  @Override
  public void fsync(FuseRequest request, long id, long handle, boolean dataOnly) {
    if (hooked(request, "fsync", node(id))) {
      return;
    }
    FileChannel channel = (FileChannel) handles.get(handle);
    Runnable sync =
        () -> {
          try {
            channel.force(!dataOnly);
            request.replyOk();
          } catch (IOException e) {
            request.error(errno(e));
          }
        };
    if (blockingFsync) {
      request.blocking(sync);
    } else {
      sync.run();
    }
  }

  @Override
  public void opendir(FuseRequest request, long id) {
    Node node = node(id);
    try (Stream<Path> list = Files.list(node.path)) {
      List<Path> entries = new ArrayList<>(list.toList());
      Collections.sort(entries);
      request.replyOpen(handle(entries), 0);
    } catch (IOException e) {
      request.error(errno(e));
    }
  }

  @Override
  @SuppressWarnings("unchecked")
  public void readdir(FuseRequest request, long id, long handle, long offset, int size) {
    List<Path> entries = (List<Path>) handles.get(handle);
    for (int i = (int) offset; i < entries.size(); i++) {
      Path path = entries.get(i);
      int type =
          Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS)
              ? 4
              : Files.isSymbolicLink(path) ? 10 : 8;
      if (!request.addDirectoryEntry(i + 1000L, i + 1L, type, path.getFileName().toString())) {
        break;
      }
    }
    request.replyDirectory();
  }

  @Override
  public void releasedir(FuseRequest request, long id, long handle) {
    handles.remove(handle);
    request.replyOk();
  }

  @Override
  public void fsyncdir(FuseRequest request, long id, long handle) {
    request.replyOk();
  }

  @Override
  public void statfs(FuseRequest request, long id) {
    request.replyStatfs(1000, 500, 500, 100, 50, 4096, 255);
  }

  @Override
  public void fallocate(
      FuseRequest request, long id, long handle, long offset, long length, int mode) {
    request.error(Errno.EOPNOTSUPP);
  }
}
