package io.tidemark.mount;

import io.tidemark.database.Database;
import io.tidemark.database.DatabaseListener;
import io.tidemark.database.DatabaseNames;
import io.tidemark.database.InvalidDatabaseException;
import io.tidemark.database.MainFile;
import io.tidemark.database.RefusedException;
import io.tidemark.database.SideFile;
import io.tidemark.database.Store;
import io.tidemark.mount.fuse.Entry;
import io.tidemark.mount.fuse.Errno;
import io.tidemark.mount.fuse.FuseFileSystem;
import io.tidemark.mount.fuse.FuseRequest;
import io.tidemark.mount.fuse.KernelCache;
import io.tidemark.mount.fuse.OpenFlags;
import io.tidemark.mount.fuse.SetAttr;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The file system of a store.
 *
 * <p>A regular file starts as a plain file. It becomes a database file when SQLite makes a journal
 * for it or when bytes are written that a SQLite database begins with; a file that turns out to be
 * no database becomes a plain file again. Plain files stay on this node.
 *
 * <p>Lock order: {@link Tree#lock} before the lock of a database. Requests that may wait run
 * through {@link FuseRequest#blocking}; the tree's lock is never held while a log is synced.
 */
final class TidemarkFileSystem implements FuseFileSystem, DatabaseListener {
  private static final Logger LOG = LoggerFactory.getLogger(TidemarkFileSystem.class);
  private static final int RENAME_NOREPLACE = 1;
  private static final int MAGIC_LENGTH = 16;
  private static final byte[] MAGIC = "SQLite format 3\0".getBytes(StandardCharsets.US_ASCII);

  private final Store store;
  private final Tree tree;
  private final HandleTable handles = new HandleTable();
  private final ExecutorService notifier =
      Executors.newSingleThreadExecutor(
          task -> {
            Thread thread = new Thread(task, "tidemark-notifier");
            thread.setDaemon(true);
            return thread;
          });
  private volatile KernelCache cache;
  private volatile UnlockWatcher unlockWatcher;
  private volatile WalIndexGuard walIndexGuard;
  private boolean warnedOfPlainFiles;

  TidemarkFileSystem(Store store) throws IOException {
    this.store = store;
    // Its thread must not be started by a request thread, whose CPUs it would inherit.
    notifier.execute(() -> {});
    this.tree = new Tree(store);
    removePlaceholdersOfDropped();
  }

  /** A crash can come between the record of a drop and the end of its directory entry. */
  private void removePlaceholdersOfDropped() throws IOException {
    for (Database database : store.allDatabases()) {
      Path entry = tree.backing(database.name());
      if (!database.exists()
          && database.failure() == null
          && database.position().txid() > 0
          && Files.isRegularFile(entry, LinkOption.NOFOLLOW_LINKS)
          && Files.size(entry) == 0
          && Files.getLastModifiedTime(entry).toMillis() <= database.commitMillis()) {
        Files.delete(entry);
      }
    }
  }

  @Override
  public void start(KernelCache kernelCache) {
    cache = kernelCache;
    store.listener(this);
  }

  /** The mount can be used: what works on our own mount can begin. */
  void mounted(Path mountPoint) {
    unlockWatcher = new UnlockWatcher(mountPoint);
    walIndexGuard = new WalIndexGuard(mountPoint, cache, this::nodeOf);
  }

  /** Before unmounting: gives up everything that would keep the mount busy. */
  void unmounting() {
    UnlockWatcher watcher = unlockWatcher;
    if (watcher != null) {
      watcher.stop();
      walIndexGuard.stop();
      watcher.awaitEnd();
      walIndexGuard.awaitEnd();
      unlockWatcher = null;
      walIndexGuard = null;
    }
  }

  @Override
  public void stopped() {
    notifier.shutdown();
    store.listener(new DatabaseListener() {});
  }

  // ---------------------------------------------------- what databases tell

  @Override
  public void unjournaledWrites(Database database) {
    UnlockWatcher watcher = unlockWatcher;
    if (watcher != null) {
      watcher.watch(database);
    }
  }

  @Override
  public void walIndexSuspect(Database database) {
    WalIndexGuard guard = walIndexGuard;
    if (guard != null) {
      guard.check(database);
    }
  }

  @Override
  public void rangeReverted(Database database, long offset, long length) {
    later(
        () -> {
          Node node = nodeAt(database.name());
          if (node != null) {
            cache.invalidate(node.id, offset, length);
          }
        });
  }

  @Override
  public void replaced(Database database) {
    later(
        () -> {
          String name = database.name();
          if (!database.exists()) {
            Path entry = tree.backing(name);
            if (Files.isRegularFile(entry, LinkOption.NOFOLLOW_LINKS) && Files.size(entry) == 0) {
              Files.delete(entry);
            }
          }
          int slash = name.lastIndexOf('/');
          Node parent = nodeAt(slash < 0 ? "" : name.substring(0, slash));
          if (parent == null) {
            return;
          }
          String last = name.substring(slash + 1);
          Node old = nodeAt(name);
          if (old != null) {
            cache.invalidate(old.id, 0, 0);
          }
          forgetNames(parent.id, last);
        });
  }

  /** The kernel looks all names of a database up again. */
  private void forgetNames(long parent, String name) {
    cache.invalidateEntry(parent, name);
    for (Names.Side side : Names.Side.values()) {
      cache.invalidateEntry(parent, name + side.suffix);
    }
    cache.invalidateEntry(parent, name + Names.POS_SUFFIX);
  }

  private interface Work {
    void run() throws IOException;
  }

  /** Notifications may wait for requests in flight, so they have a thread of their own. */
  private void later(Work work) {
    if (!notifier.isShutdown()) {
      notifier.execute(
          () -> {
            try {
              work.run();
            } catch (IOException | RuntimeException e) {
              LOG.warn("telling the kernel: {}", e.toString());
            }
          });
    }
  }

  /** The node that the kernel knows under a path, or null. */
  private Node nodeAt(String path) {
    tree.lock.lock();
    try {
      Node node = tree.root();
      for (String component : path.split("/")) {
        if (!component.isEmpty()) {
          if (!(node instanceof DirectoryNode)) {
            return null;
          }
          node = ((DirectoryNode) node).children.get(component);
        }
      }
      return node;
    } finally {
      tree.lock.unlock();
    }
  }

  private long nodeOf(SideFile shm) {
    tree.lock.lock();
    try {
      return tree.idOfShm(shm);
    } finally {
      tree.lock.unlock();
    }
  }

  // ------------------------------------------------------------------ names

  private DirectoryNode directory(long id) {
    Node node = tree.get(id);
    return node instanceof DirectoryNode ? (DirectoryNode) node : null;
  }

  /** Runs a request; failures become its error. */
  private void run(FuseRequest request, Work work) {
    try {
      work.run();
    } catch (IOException e) {
      request.error(FuseErrno.of(e));
    }
  }

  private void runLocked(FuseRequest request, Work work) {
    tree.lock.lock();
    try {
      run(request, work);
    } finally {
      tree.lock.unlock();
    }
  }

  private Entry entry(Node node) {
    node.lookups++;
    boolean text = node instanceof TextNode;
    return new Entry(
        node.id, node.attr(), text ? 0 : Tree.LONG_NANOS, text ? 0 : node.attrValidNanos());
  }

  @Override
  public void lookup(FuseRequest request, long parentId, String name) {
    runLocked(
        request,
        () -> {
          DirectoryNode parent = directory(parentId);
          if (parent == null) {
            request.error(Errno.ENOENT);
            return;
          }
          Node node = tree.find(parent, name);
          if (node == null) {
            boolean special = name.endsWith(Names.POS_SUFFIX) || name.startsWith(".");
            request.replyNoEntry(special ? 0 : Tree.LONG_NANOS);
          } else {
            request.replyEntry(entry(node));
          }
        });
  }

  @Override
  public void forget(long id, long count) {
    tree.lock.lock();
    try {
      Node node = tree.get(id);
      if (node != null) {
        node.lookups -= count;
        tree.forgetIfUnused(node);
      }
    } finally {
      tree.lock.unlock();
    }
  }

  @Override
  public void getattr(FuseRequest request, long id) {
    Node node = tree.get(id);
    if (node == null) {
      request.error(Errno.ENOENT);
    } else {
      request.replyAttr(node.attr(), node.attrValidNanos());
    }
  }

  @Override
  public void setattr(FuseRequest request, long id, SetAttr change) {
    Node node = tree.get(id);
    if (node == null) {
      request.error(Errno.ENOENT);
      return;
    }
    Work work =
        () -> {
          if (change.has(SetAttr.SIZE)) {
            resize(node, change.size());
            Handle handle = handles.get(change.handle());
            if (handle != null) {
              handle.wrote = true;
            }
          }
          changeAttributes(node, change);
          request.replyAttr(node.attr(), node.attrValidNanos());
        };
    if (change.has(SetAttr.SIZE)
        && node instanceof FileNode
        && ((FileNode) node).content.truncateMayWait()) {
      request.blocking(() -> run(request, work));
    } else {
      run(request, work);
    }
  }

  private void resize(Node node, long size) throws IOException {
    if (!(node instanceof FileNode)) {
      throw new RefusedException(RefusedException.Kind.NOT_PERMITTED, node.name + " has no size");
    }
    ((FileNode) node).content.truncate(size);
    node.attributes.wrote();
  }

  private void changeAttributes(Node node, SetAttr change) throws IOException {
    if (node instanceof TextNode) {
      return;
    }
    Content content = node instanceof FileNode ? ((FileNode) node).content : null;
    boolean lasting =
        content == null
            || content instanceof Content.Main
            || (content instanceof Content.Plain && isKept((FileNode) node));
    Path backing = lasting ? tree.backing(node.path()) : null;
    if (backing != null && !Files.exists(backing, LinkOption.NOFOLLOW_LINKS)) {
      backing = null; // deleted, still open
    }
    node.attributes.change(change, backing);
  }

  private static boolean isKept(FileNode node) {
    return Names.superJournalBase(node.name) == null;
  }

  @Override
  public void readlink(FuseRequest request, long id) {
    Node node = tree.get(id);
    if (node instanceof LinkNode) {
      request.replyTarget(((LinkNode) node).target);
    } else {
      request.error(Errno.EINVAL);
    }
  }

  @Override
  public void symlink(FuseRequest request, long parentId, String name, String target) {
    runLocked(
        request,
        () -> {
          DirectoryNode parent = parentForNew(request, parentId, name);
          if (parent != null) {
            Path backing = tree.backing(Tree.join(parent, name));
            Files.createSymbolicLink(backing, Path.of(target));
            Node node = own(request, parent, name, backing);
            request.replyEntry(entry(node));
          }
        });
  }

  @Override
  public void mkdir(FuseRequest request, long parentId, String name, int mode) {
    runLocked(
        request,
        () -> {
          DirectoryNode parent = parentForNew(request, parentId, name);
          if (parent != null) {
            Path backing = tree.backing(Tree.join(parent, name));
            Files.createDirectory(backing);
            Files.setAttribute(backing, "unix:mode", mode & 07777);
            Node node = own(request, parent, name, backing);
            request.replyEntry(entry(node));
          }
        });
  }

  @Override
  public void mknod(FuseRequest request, long parentId, String name, int mode, int rdev) {
    if ((mode & 0170000) != Attributes.S_IFREG && (mode & 0170000) != 0) {
      request.error(Errno.EPERM);
      return;
    }
    runLocked(
        request,
        () -> {
          DirectoryNode parent = parentForNew(request, parentId, name);
          if (parent != null) {
            request.replyEntry(entry(makeFile(request, parent, name, mode)));
          }
        });
  }

  @Override
  public void link(FuseRequest request, long node, long newParent, String newName) {
    request.error(Errno.EPERM);
  }

  /** The directory to make {@code name} in, or null after an error was sent. */
  private DirectoryNode parentForNew(FuseRequest request, long parentId, String name)
      throws IOException {
    DirectoryNode parent = directory(parentId);
    if (parent == null) {
      request.error(Errno.ENOENT);
    } else if (tree.find(parent, name) != null) {
      request.error(Errno.EEXIST);
    } else if (isSpecial(parent, name)) {
      request.error(Errno.EACCES);
    } else {
      return parent;
    }
    return null;
  }

  private boolean isSpecial(DirectoryNode parent, String name) {
    return name.endsWith(Names.POS_SUFFIX)
        || (parent == tree.root() && (name.equals(Names.PRIMARY) || name.equals(Names.LAG)));
  }

  /**
   * A new entry of the disk below belongs to whoever asked for it, as far as we may give it away.
   */
  private Node own(FuseRequest request, DirectoryNode parent, String name, Path backing)
      throws IOException {
    Attributes current = Attributes.of(backing);
    SetAttr owner =
        new SetAttr(SetAttr.UID | SetAttr.GID, -1, 0, 0, request.uid(), request.gid(), 0, 0);
    if (current.uid != request.uid() || current.gid != request.gid()) {
      try {
        current.change(owner, backing);
      } catch (IOException e) {
        // Without root we cannot give files away; they stay ours, as on any such mount.
        LOG.debug("{} stays with the daemon's user: {}", name, e.toString());
      }
    }
    parent.unsyncedNames = true;
    return tree.find(parent, name);
  }

  // ----------------------------------------------------------- making files

  @Override
  public void create(FuseRequest request, long parentId, String name, int mode, int flags) {
    runLocked(
        request,
        () -> {
          DirectoryNode parent = directory(parentId);
          if (parent == null) {
            request.error(Errno.ENOENT);
            return;
          }
          Node existing = tree.find(parent, name);
          if (existing != null && !(existing instanceof FileNode)) {
            request.error(Errno.EEXIST);
            return;
          }
          if (existing == null && isSpecial(parent, name)) {
            request.error(Errno.EACCES);
            return;
          }
          FileNode node =
              existing != null ? (FileNode) existing : makeFile(request, parent, name, mode);
          long handle = openHandle(request, node);
          request.replyCreate(entry(node), handle, OpenFlags.KEEP_CACHE);
        });
  }

  private FileNode makeFile(FuseRequest request, DirectoryNode parent, String name, int mode)
      throws IOException {
    Attributes attributes = new Attributes(Attributes.S_IFREG, mode, request.uid(), request.gid());
    Names.Side side = Names.side(name);
    if (side != null) {
      Database database = databaseOf(parent, Names.withoutSuffix(name, side.suffix));
      if (database != null) {
        if (side == Names.Side.JOURNAL) {
          checkMayWrite(database);
        }
        return tree.createSide(parent, name, database, side, attributes);
      }
    }
    String base = Names.superJournalBase(name);
    if (base != null && databaseOf(parent, base) != null) {
      return tree.createSuperJournal(parent, name, attributes);
    }
    Path backing = tree.backing(Tree.join(parent, name));
    Files.createFile(backing);
    Files.setAttribute(backing, "unix:mode", mode & 07777);
    return (FileNode) own(request, parent, name, backing);
  }

  /** SQLite says "attempt to write a readonly database" when its journal meets EACCES. */
  private void checkMayWrite(Database database) throws IOException {
    try {
      store.authority().check();
    } catch (RefusedException e) {
      throw new AccessDeniedException(database.name(), null, e.getMessage());
    }
  }

  /** The database of a name, made from an empty file if need be; null if it is anything else. */
  private Database databaseOf(DirectoryNode parent, String name) throws IOException {
    Node node = tree.find(parent, name);
    if (!(node instanceof FileNode)) {
      return null;
    }
    FileNode file = (FileNode) node;
    if (file.content instanceof Content.Plain && isKept(file) && file.content.size() == 0) {
      makeProvisional(file);
    }
    return file.content instanceof Content.Main ? ((Content.Main) file.content).database() : null;
  }

  /** An empty file may become a database: from now on its bytes go to the store. */
  private void makeProvisional(FileNode node) throws IOException {
    String path = node.path();
    if (DatabaseNames.problem(path) != null) {
      return;
    }
    Database database = store.getOrCreate(path);
    MainFile main = database.create();
    switchContent(node, new Content.Main(database, main));
    adoptSideFiles(node.parent, node.name, database);
  }

  private void switchContent(FileNode node, Content next) throws IOException {
    Content previous = node.content;
    for (int i = 0; i < node.handles; i++) {
      next.opened();
    }
    node.content = next;
    for (int i = 0; i < node.handles; i++) {
      previous.released();
    }
  }

  /**
   * A journal or WAL may have been copied here before its database; SQLite will use it, so it has
   * to be captured.
   */
  private void adoptSideFiles(DirectoryNode parent, String name, Database database)
      throws IOException {
    for (Names.Side side : List.of(Names.Side.JOURNAL, Names.Side.WAL)) {
      String sideName = name + side.suffix;
      Path plain = tree.backing(Tree.join(parent, sideName));
      if (!Files.isRegularFile(plain, LinkOption.NOFOLLOW_LINKS)) {
        continue;
      }
      Attributes attributes = Attributes.of(plain);
      Node old = parent.children.remove(sideName);
      FileNode adopted = tree.createSide(parent, sideName, database, side, attributes);
      copyInto(plain, adopted.content);
      Files.delete(plain);
      if (old != null) {
        long parentId = parent.id;
        later(() -> cache.invalidateEntry(parentId, sideName));
      }
    }
  }

  private static void copyInto(Path from, Content to) throws IOException {
    byte[] chunk = new byte[64 << 10];
    try (var in = Files.newInputStream(from)) {
      long offset = 0;
      for (int n = in.read(chunk); n > 0; n = in.read(chunk)) {
        to.write(ByteBuffer.wrap(chunk, 0, n), offset);
        offset += n;
      }
    }
  }

  /** What was taken for a database is none: its bytes become a plain file. */
  private void makePlain(FileNode node, Content.Main main) throws IOException {
    tree.lock.lock();
    try {
      if (node.content != main) {
        return;
      }
      Path backing = tree.backing(node.path());
      main.database().convertToPlainFile(backing);
      switchContent(node, new Content.Plain(backing, true));
      if (!warnedOfPlainFiles && node.size() > 0) {
        warnedOfPlainFiles = true;
        LOG.warn(
            "{} is no SQLite database; such files are kept on this node and not replicated",
            node.path());
      }
    } finally {
      tree.lock.unlock();
    }
  }

  // -------------------------------------------------------- open and close

  private long openHandle(FuseRequest request, Node node) throws IOException {
    Handle handle = new Handle(node);
    handle.own = OwnDescriptors.isOwnThread(request.tid());
    if (node instanceof FileNode) {
      FileNode file = (FileNode) node;
      file.content.opened();
      file.handles++;
      WalIndexGuard guard = walIndexGuard;
      if (guard != null && !handle.own && file.content instanceof Content.Shm) {
        guard.opened(((Content.Shm) file.content).file());
      }
    }
    return handles.add(handle);
  }

  @Override
  public void open(FuseRequest request, long id, int flags) {
    runLocked(
        request,
        () -> {
          Node node = tree.get(id);
          if (node == null) {
            request.error(Errno.ENOENT);
          } else if (node instanceof TextNode) {
            boolean writes = (flags & 3) != 0;
            if (writes) {
              request.error(Errno.EACCES);
            } else {
              request.replyOpen(openHandle(request, node), OpenFlags.DIRECT_IO);
            }
          } else if (node instanceof FileNode) {
            request.replyOpen(openHandle(request, node), OpenFlags.KEEP_CACHE);
          } else {
            request.error(Errno.EISDIR);
          }
        });
  }

  @Override
  public void flush(FuseRequest request, long id, long handleNumber) {
    Handle handle = handles.get(handleNumber);
    if (handle == null || !(handle.node instanceof FileNode)) {
      request.replyOk();
      return;
    }
    FileNode node = (FileNode) handle.node;
    Content content = node.content;
    if (!handle.own) {
      noteWalClosed(content);
    }
    if (!handle.wrote) {
      request.replyOk();
      return;
    }
    if (content instanceof Content.Main) {
      Content.Main main = (Content.Main) content;
      if (main.file().isLive()
          && (main.database().hasUnjournaledWrites() || main.database().hasUnheardRefusal())) {
        request.blocking(() -> run(request, () -> flushMain(request, node, main)));
        return;
      }
    } else if (content instanceof Content.Plain && isKept(node)) {
      request.blocking(() -> run(request, () -> flushPlain(request, node)));
      return;
    }
    request.replyOk();
  }

  private void noteWalClosed(Content content) {
    WalIndexGuard guard = walIndexGuard;
    if (guard != null) {
      if (content instanceof Content.Wal) {
        guard.check(((Content.Wal) content).database());
      } else if (content instanceof Content.Shm) {
        guard.check(((Content.Shm) content).database());
      }
    }
  }

  /** What was written outside a transaction is complete, unless SQLite is in the middle of one. */
  private void flushMain(FuseRequest request, FileNode node, Content.Main main) throws IOException {
    UnlockWatcher watcher = unlockWatcher;
    long seen = main.database().changes();
    boolean free = true;
    if (watcher != null) {
      free = watcher.settle(main.database()).join();
    }
    if (free) {
      main.database().flush(main.file(), seen);
      main.database().rescanWal();
      if (main.database().hasUnjournaledWrites() && main.database().changes() == seen) {
        settleInvalid(node, main);
      }
    }
    request.replyOk();
  }

  /**
   * The bytes make no database. A file that never was one becomes a plain file. If there is a
   * committed image, what was written over it past SQLite stays visible, as on any file system, but
   * it is never recorded: the image and its log are untouched.
   */
  private void settleInvalid(FileNode node, Content.Main main) throws IOException {
    Database database = main.database();
    if (!database.exists()) {
      makePlain(node, main);
      return;
    }
    String problem = database.problemOfContent();
    if (problem != null) {
      LOG.error(
          "{} was written past SQLite and is no database any more ({}); this is not recorded."
              + " 'tidemark export' gives the last good state, a restart brings it back",
          database.name(),
          problem);
    }
  }

  /** A plain file that became a whole database is taken into the store. */
  private void flushPlain(FuseRequest request, FileNode node) throws IOException {
    Content content = node.content;
    Path path = ((Content.Plain) content).path();
    if (startsWithMagic(content)
        && DatabaseNames.problem(node.path()) == null
        && Files.exists(path)) {
      takeIntoStore(node, path);
    }
    request.replyOk();
  }

  private static boolean startsWithMagic(Content content) throws IOException {
    ByteBuffer first = ByteBuffer.allocate(MAGIC_LENGTH);
    return content.read(first, 0) == MAGIC_LENGTH && Arrays.equals(first.array(), MAGIC);
  }

  private void takeIntoStore(FileNode node, Path path) throws IOException {
    Path copy = store.importDirectory().resolve("plain-" + node.id + ".tmp");
    Files.copy(path, copy, StandardCopyOption.REPLACE_EXISTING);
    try {
      Database database = store.importDatabase(node.path(), copy);
      tree.lock.lock();
      try {
        switchContent(node, new Content.Main(database, database.mainFile()));
        truncateEntry(path);
      } finally {
        tree.lock.unlock();
      }
    } catch (InvalidDatabaseException e) {
      LOG.debug("{} stays a plain file: {}", node.path(), e.getMessage());
    } finally {
      Files.deleteIfExists(copy);
    }
  }

  private static void truncateEntry(Path path) throws IOException {
    try (var channel = FileChannel.open(path, StandardOpenOption.WRITE)) {
      channel.truncate(0);
    }
  }

  @Override
  public void release(FuseRequest request, long id, long handleNumber) {
    Handle handle = handles.remove(handleNumber);
    if (handle == null || !(handle.node instanceof FileNode)) {
      request.replyOk();
      return;
    }
    FileNode node = (FileNode) handle.node;
    WalIndexGuard guard = walIndexGuard;
    if (guard != null && !handle.own && node.content instanceof Content.Shm) {
      Content.Shm shm = (Content.Shm) node.content;
      guard.released(shm.database(), shm.file());
    }
    if (node.content instanceof Content.Main) {
      Content.Main main = (Content.Main) node.content;
      if (handle.wrote && main.file().isLive() && main.database().hasUnjournaledWrites()) {
        request.blocking(() -> releaseAfterWrites(request, node, main));
        return;
      }
    }
    dropHandle(node);
    request.replyOk();
  }

  /** The last chance to settle what a killed process wrote; nobody hears an error any more. */
  private void releaseAfterWrites(FuseRequest request, FileNode node, Content.Main main) {
    try {
      UnlockWatcher watcher = unlockWatcher;
      long seen = main.database().changes();
      boolean free = watcher == null || watcher.settle(main.database()).join();
      if (free) {
        main.database().flush(main.file(), seen);
        if (main.database().hasUnjournaledWrites() && node.handles == 1) {
          settleInvalid(node, main);
        }
      }
    } catch (IOException e) {
      LOG.warn("{}", e.getMessage());
    } finally {
      dropHandle(node);
      request.replyOk();
    }
  }

  private void dropHandle(FileNode node) {
    tree.lock.lock();
    try {
      node.handles--;
      node.content.released();
      tree.forgetIfUnused(node);
    } finally {
      tree.lock.unlock();
    }
  }

  // ------------------------------------------------------- reading, writing

  @Override
  public void read(FuseRequest request, long id, long handleNumber, long offset, int size) {
    Handle handle = handles.get(handleNumber);
    if (handle == null) {
      request.error(Errno.EBADF);
    } else if (handle.node instanceof TextNode) {
      byte[] bytes = ((TextNode) handle.node).bytes();
      ByteBuffer out = request.dataBuffer(size);
      if (offset < bytes.length) {
        out.put(bytes, (int) offset, (int) Math.min(size, bytes.length - offset));
      }
      request.replyData();
    } else if (handle.node instanceof FileNode) {
      Content content = ((FileNode) handle.node).content;
      if (content.readMayWait(size)) {
        request.blocking(() -> readNow(request, content, offset, size));
      } else {
        readNow(request, content, offset, size);
      }
    } else {
      request.error(Errno.EISDIR);
    }
  }

  private void readNow(FuseRequest request, Content content, long offset, int size) {
    try {
      content.read(request.dataBuffer(size), offset);
    } catch (IOException e) {
      request.error(FuseErrno.of(e));
      return;
    }
    request.replyData();
  }

  @Override
  public void write(FuseRequest request, long id, long handleNumber, long offset, ByteBuffer data) {
    Handle handle = handles.get(handleNumber);
    if (handle == null || !(handle.node instanceof FileNode)) {
      // Dirty pages of a mapping can come back without a handle of ours.
      Node node = tree.get(id);
      if (!(node instanceof FileNode)) {
        request.error(Errno.EBADF);
        return;
      }
      handle = new Handle(node);
    }
    handle.wrote = true;
    FileNode node = (FileNode) handle.node;
    Content content = node.content;
    if (content instanceof Content.Plain && content.size() == 0 && isKept(node)) {
      writeFirst(request, node, offset, data);
    } else if (content instanceof Content.Main && isForeign((Content.Main) content, offset, data)) {
      Content.Main main = (Content.Main) content;
      request.blocking(
          () ->
              run(
                  request,
                  () -> {
                    makePlain(node, main);
                    writeNow(request, node, node.content, offset, data);
                  }));
    } else if (content.writeMayWait(offset)) {
      request.blocking(() -> writeNow(request, node, content, offset, data));
    } else {
      writeNow(request, node, content, offset, data);
    }
  }

  /** The first bytes of a file say whether it may become a database. */
  private void writeFirst(FuseRequest request, FileNode node, long offset, ByteBuffer data) {
    runLocked(
        request,
        () -> {
          if (offset == 0 && agreesWithMagic(data) && node.content instanceof Content.Plain) {
            makeProvisional(node);
          }
          writeNow(request, node, node.content, offset, data);
        });
  }

  private static boolean agreesWithMagic(ByteBuffer data) {
    int length = Math.min(MAGIC_LENGTH, data.remaining());
    for (int i = 0; i < length; i++) {
      if (data.get(data.position() + i) != MAGIC[i]) {
        return false;
      }
    }
    return length > 0;
  }

  /** A journal was made for it, but it is not SQLite's format (or encrypted). */
  private static boolean isForeign(Content.Main main, long offset, ByteBuffer data) {
    return offset == 0
        && data.remaining() >= MAGIC_LENGTH
        && main.database().isProvisional()
        && main.file().isLive()
        && !agreesWithMagic(data);
  }

  private void writeNow(
      FuseRequest request, FileNode node, Content content, long offset, ByteBuffer data) {
    int length = data.remaining();
    try {
      content.write(data, offset);
    } catch (IOException e) {
      request.error(FuseErrno.of(e));
      // Shared mappings would go on showing the refused bytes.
      later(() -> cache.invalidate(node.id, offset, length));
      return;
    }
    node.attributes.wrote();
    if (content instanceof Content.Wal
        && ((Content.Wal) content).pages().wrote(offset, length, request.isWriteBack())
        && cache.holdsWhatIsStored()) {
      // May wait for a page that is being read.
      request.blocking(() -> giveWalPages(request, node, (Content.Wal) content, offset, length));
    } else {
      request.replyWritten(length);
    }
  }

  private void giveWalPages(
      FuseRequest request, FileNode node, Content.Wal wal, long offset, int length) {
    try {
      wal.pages().give(cache, node.id, wal.file()::read, offset);
    } catch (IOException e) {
      LOG.debug("the WAL of {} cannot be read back", wal.database().name(), e);
    }
    request.replyWritten(length);
  }

  @Override
  public void fsync(FuseRequest request, long id, long handleNumber, boolean dataOnly) {
    Node node = tree.get(id);
    if (!(node instanceof FileNode)) {
      request.replyOk();
      return;
    }
    Content content = ((FileNode) node).content;
    if (content.syncMayWait()) {
      request.blocking(() -> syncNow(request, content));
    } else {
      syncNow(request, content);
    }
  }

  private void syncNow(FuseRequest request, Content content) {
    try {
      content.sync();
    } catch (IOException e) {
      request.error(FuseErrno.of(e));
      return;
    }
    request.replyOk();
  }

  @Override
  public void fallocate(
      FuseRequest request, long id, long handleNumber, long offset, long length, int mode) {
    request.error(Errno.EOPNOTSUPP);
  }

  // ------------------------------------------------------ deleting, renaming

  @Override
  public void unlink(FuseRequest request, long parentId, String name) {
    request.blocking(() -> run(request, () -> unlinkNow(request, parentId, name)));
  }

  private void unlinkNow(FuseRequest request, long parentId, String name) throws IOException {
    Node node;
    tree.lock.lock();
    try {
      DirectoryNode parent = directory(parentId);
      node = parent == null ? null : tree.find(parent, name);
    } finally {
      tree.lock.unlock();
    }
    if (node == null) {
      request.error(Errno.ENOENT);
      return;
    }
    if (node instanceof DirectoryNode) {
      request.error(Errno.EISDIR);
      return;
    }
    if (node instanceof TextNode) {
      request.error(Errno.EPERM);
      return;
    }
    delete(node);
    tree.lock.lock();
    try {
      tree.unlink(node);
    } finally {
      tree.lock.unlock();
    }
    request.replyOk();
  }

  /** Deletes what stands behind a name; for a journal or super-journal that is a commit. */
  private void delete(Node node) throws IOException {
    Content content = node instanceof FileNode ? ((FileNode) node).content : null;
    Path backing = tree.backing(node.path());
    if (content instanceof Content.Journal) {
      ((Content.Journal) content).database().unlinkJournal();
    } else if (content instanceof Content.Wal) {
      ((Content.Wal) content).database().unlinkWal();
    } else if (content instanceof Content.Shm) {
      ((Content.Shm) content).database().unlinkShm();
    } else if (content instanceof Content.Main) {
      Content.Main main = (Content.Main) content;
      if (main.file().isLive()) {
        main.database().drop();
      }
      Files.deleteIfExists(backing);
      long parent = node.parent.id;
      String name = node.name;
      later(() -> forgetSideNames(parent, name));
    } else if (content instanceof Content.Unserved) {
      store.drop(node.path());
      Files.deleteIfExists(backing);
    } else if (content instanceof Content.Plain && !isKept((FileNode) node)) {
      store.commitGroup(node.path());
      Files.deleteIfExists(((Content.Plain) content).path());
    } else {
      Files.delete(backing);
      node.parent.unsyncedNames = true;
    }
  }

  private void forgetSideNames(long parent, String name) {
    for (Names.Side side : Names.Side.values()) {
      cache.invalidateEntry(parent, name + side.suffix);
    }
  }

  @Override
  public void rmdir(FuseRequest request, long parentId, String name) {
    runLocked(
        request,
        () -> {
          DirectoryNode parent = directory(parentId);
          Node node = parent == null ? null : tree.find(parent, name);
          if (node == null) {
            request.error(Errno.ENOENT);
          } else if (!(node instanceof DirectoryNode)) {
            request.error(Errno.ENOTDIR);
          } else if (!list((DirectoryNode) node).isEmpty()) {
            request.error(Errno.ENOTEMPTY);
          } else {
            Files.delete(tree.backing(node.path()));
            tree.unlink(node);
            request.replyOk();
          }
        });
  }

  /**
   * Renames. A plain file is renamed on the disk below. A database under a new name is a new
   * database: its content is committed there as one transaction, then the old name is dropped. A
   * directory with databases in it answers EXDEV, so that mv copies them one by one.
   */
  @Override
  public void rename(
      FuseRequest request,
      long parentId,
      String name,
      long newParentId,
      String newName,
      int flags) {
    if ((flags & ~RENAME_NOREPLACE) != 0) {
      request.error(Errno.EINVAL);
      return;
    }
    request.blocking(
        () -> run(request, () -> renameNow(request, parentId, name, newParentId, newName, flags)));
  }

  private void renameNow(
      FuseRequest request, long parentId, String name, long newParentId, String newName, int flags)
      throws IOException {
    DirectoryNode parent;
    DirectoryNode newParent;
    Node node;
    Node target;
    tree.lock.lock();
    try {
      parent = directory(parentId);
      newParent = directory(newParentId);
      node = parent == null ? null : tree.find(parent, name);
      target = newParent == null ? null : tree.find(newParent, newName);
    } finally {
      tree.lock.unlock();
    }
    if (node == null || newParent == null) {
      request.error(Errno.ENOENT);
    } else if (target != null && (flags & RENAME_NOREPLACE) != 0) {
      request.error(Errno.EEXIST);
    } else if (isSpecial(newParent, newName)
        || node instanceof TextNode
        || isVolatile(node)
        || (target != null && isVolatile(target))) {
      request.error(Errno.EPERM);
    } else if (node instanceof FileNode && ((FileNode) node).content instanceof Content.Main) {
      renameDatabase(request, (FileNode) node, newParent, newName, target);
    } else if (target instanceof FileNode
        && ((FileNode) target).content instanceof Content.Main
        && ((Content.Main) ((FileNode) target).content).database().exists()) {
      LOG.warn(
          "refused to replace the database {} by {}, which is none; delete it first",
          target.path(),
          node.path());
      request.error(Errno.EPERM);
    } else if (node instanceof DirectoryNode && tree.hasDatabases((DirectoryNode) node)) {
      request.error(Errno.EXDEV);
    } else {
      renamePlain(request, node, newParent, newName, target);
    }
  }

  /**
   * Side files and super-journals belong to their database and have no name of their own to give.
   */
  private static boolean isVolatile(Node node) {
    if (!(node instanceof FileNode)) {
      return false;
    }
    Content content = ((FileNode) node).content;
    return content instanceof Content.Unserved
        || content instanceof Content.Journal
        || content instanceof Content.Wal
        || content instanceof Content.Shm
        || (content instanceof Content.Plain && !isKept((FileNode) node));
  }

  private void renamePlain(
      FuseRequest request, Node node, DirectoryNode newParent, String newName, Node target)
      throws IOException {
    tree.lock.lock();
    try {
      if (target instanceof DirectoryNode && !(node instanceof DirectoryNode)) {
        request.error(Errno.EISDIR);
        return;
      }
      if (target instanceof DirectoryNode && !list((DirectoryNode) target).isEmpty()) {
        request.error(Errno.ENOTEMPTY);
        return;
      }
      if (target != null && !(target instanceof DirectoryNode) && node instanceof DirectoryNode) {
        request.error(Errno.ENOTDIR);
        return;
      }
      Path from = tree.backing(node.path());
      Path to = tree.backing(Tree.join(newParent, newName));
      if (target instanceof FileNode && ((FileNode) target).content instanceof Content.Main) {
        ((Content.Main) ((FileNode) target).content).database().drop(); // empty, provisional
      }
      Files.move(from, to, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      if (target != null) {
        tree.unlink(target);
      }
      node.parent.unsyncedNames = true;
      newParent.unsyncedNames = true;
      tree.move(node, newParent, newName);
      if (node instanceof FileNode && ((FileNode) node).content instanceof Content.Plain) {
        ((Content.Plain) ((FileNode) node).content).moved(to);
      }
      request.replyOk();
    } finally {
      tree.lock.unlock();
    }
  }

  private void renameDatabase(
      FuseRequest request, FileNode node, DirectoryNode newParent, String newName, Node target)
      throws IOException {
    Content.Main main = (Content.Main) node.content;
    Database database = main.database();
    String newPath = Tree.join(newParent, newName);
    if (target instanceof DirectoryNode) {
      request.error(Errno.EISDIR);
      return;
    }
    String problem = DatabaseNames.problem(newPath);
    if (problem != null) {
      request.error(Errno.EPERM);
      return;
    }
    if (!database.exists()) {
      // Only opened so far: nothing is lost by giving it up as a database for now.
      makePlain(node, main);
      renamePlain(request, node, newParent, newName, target);
      return;
    }
    if (database.finaliseMayWait() || database.hasUnjournaledWrites()) {
      request.error(Errno.EBUSY);
      return;
    }
    Path copy = store.importDirectory().resolve("rename-" + node.id + ".tmp");
    try {
      try (var out =
          FileChannel.open(
              copy,
              StandardOpenOption.CREATE,
              StandardOpenOption.TRUNCATE_EXISTING,
              StandardOpenOption.WRITE)) {
        database.exportTo(out, bytes -> {});
      }
      Database renamed = store.importDatabase(newPath, copy);
      Path to = tree.backing(newPath);
      tree.lock.lock();
      try {
        Files.move(
            tree.backing(node.path()),
            to,
            StandardCopyOption.ATOMIC_MOVE,
            StandardCopyOption.REPLACE_EXISTING);
        truncateEntry(to);
        if (target != null) {
          tree.unlink(target);
        }
        tree.move(node, newParent, newName);
        switchContent(node, new Content.Main(renamed, renamed.mainFile()));
      } finally {
        tree.lock.unlock();
      }
      if (target != null) {
        // Its connections must meet the failing handle, not pages that the kernel still has.
        long replaced = target.id;
        later(() -> cache.invalidate(replaced, 0, 0));
      }
      database.drop();
    } finally {
      Files.deleteIfExists(copy);
    }
    request.replyOk();
  }

  // ------------------------------------------------------------ directories

  private Map<String, Integer> list(DirectoryNode directory) throws IOException {
    Map<String, Integer> names = new TreeMap<>();
    try (var stream = Files.newDirectoryStream(tree.backing(directory.path()))) {
      for (Path entry : stream) {
        String name = DatabaseNames.decode(entry.getFileName().toString());
        if (name != null) {
          int type = Files.isSymbolicLink(entry) ? 10 : Files.isDirectory(entry) ? 4 : 8;
          names.put(name, type);
        }
      }
    }
    tree.listVolatile(directory, names);
    return names;
  }

  @Override
  public void opendir(FuseRequest request, long id) {
    Node node = tree.get(id);
    if (node instanceof DirectoryNode) {
      request.replyOpen(handles.add(new Handle(node)), 0);
    } else {
      request.error(Errno.ENOTDIR);
    }
  }

  @Override
  public void readdir(FuseRequest request, long id, long handleNumber, long offset, int size) {
    Handle handle = handles.get(handleNumber);
    if (handle == null || !(handle.node instanceof DirectoryNode)) {
      request.error(Errno.EBADF);
      return;
    }
    runLocked(
        request,
        () -> {
          DirectoryNode directory = (DirectoryNode) handle.node;
          if (offset == 0 || handle.listing == null) {
            handle.listing = listing(directory);
          }
          List<Handle.DirectoryEntry> listing = handle.listing;
          for (int i = (int) offset; i < listing.size(); i++) {
            Handle.DirectoryEntry entry = listing.get(i);
            if (!request.addDirectoryEntry(entry.inode(), i + 1, entry.type(), entry.name())) {
              break;
            }
          }
          request.replyDirectory();
        });
  }

  private List<Handle.DirectoryEntry> listing(DirectoryNode directory) throws IOException {
    List<Handle.DirectoryEntry> listing = new ArrayList<>();
    listing.add(new Handle.DirectoryEntry(directory.id, 4, "."));
    DirectoryNode above = directory.parent == null ? directory : directory.parent;
    listing.add(new Handle.DirectoryEntry(above.id, 4, ".."));
    for (Map.Entry<String, Integer> entry : list(directory).entrySet()) {
      Node known = directory.children.get(entry.getKey());
      // Any number but 0 will do for a name that has no node yet.
      long inode = known != null ? known.id : 0xffffffffL;
      listing.add(new Handle.DirectoryEntry(inode, entry.getValue(), entry.getKey()));
    }
    return listing;
  }

  @Override
  public void releasedir(FuseRequest request, long id, long handleNumber) {
    handles.remove(handleNumber);
    request.replyOk();
  }

  @Override
  public void fsyncdir(FuseRequest request, long id, long handleNumber) {
    // SQLite syncs the directory after it deleted its journal. Names of databases are durable with
    // their log, journals mean nothing after a restart: only other files need it.
    Node node = tree.get(id);
    if (!(node instanceof DirectoryNode) || !((DirectoryNode) node).unsyncedNames) {
      request.replyOk();
      return;
    }
    request.blocking(
        () ->
            run(
                request,
                () -> {
                  DirectoryNode directory = (DirectoryNode) node;
                  directory.unsyncedNames = false;
                  try (FileChannel channel =
                      FileChannel.open(tree.backing(directory.path()), StandardOpenOption.READ)) {
                    channel.force(true);
                  }
                  request.replyOk();
                }));
  }

  @Override
  public void statfs(FuseRequest request, long id) {
    run(
        request,
        () -> {
          FileStore below = Files.getFileStore(store.filesDirectory());
          int block = 4096;
          request.replyStatfs(
              below.getTotalSpace() / block,
              below.getUnallocatedSpace() / block,
              below.getUsableSpace() / block,
              1 << 20,
              1 << 20,
              block,
              255);
        });
  }

  /** How long callers wait at most for helper threads to end. */
  static final long END_MILLIS = TimeUnit.SECONDS.toMillis(5);
}
