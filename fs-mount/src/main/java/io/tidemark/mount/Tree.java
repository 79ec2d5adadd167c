package io.tidemark.mount;

import io.tidemark.database.Database;
import io.tidemark.database.DatabaseNames;
import io.tidemark.database.MainFile;
import io.tidemark.database.RefusedException;
import io.tidemark.database.SideFile;
import io.tidemark.database.Store;
import io.tidemark.mount.fuse.FuseFileSystem;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.WeakHashMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;

/**
 * Names and nodes.
 *
 * <p>Every directory, symbolic link and regular file has an entry in the store's files directory,
 * which keeps owner, permissions and times. For a database that entry is an empty placeholder; its
 * bytes are in the store. Side files of databases, super-journals and the special files have none.
 *
 * <p>All methods but those that say otherwise, and those that only make a path of names, are called
 * under {@link #lock}.
 */
final class Tree {
  /** The kernel is told of every change that did not come from it, so it may trust us for long. */
  static final long LONG_NANOS = TimeUnit.HOURS.toNanos(1);

  /** Of a node id: what is drawn for each mount, and what counts its nodes; it is positive. */
  private static final int MOUNT_BITS = 36;

  private static final int FILE_BITS = 26;

  final ReentrantLock lock = new ReentrantLock();
  private final Store store;
  private final ClusterFiles clusterFiles;
  private final Map<Long, Node> nodes = new ConcurrentHashMap<>();
  private final AtomicLong nextId = new AtomicLong(firstId());
  private final Map<SideFile, Attributes> sideAttributes = new WeakHashMap<>();
  private final Map<String, FileNode> superJournals = new HashMap<>();
  private final DirectoryNode root;
  private final int uid;
  private final int gid;

  Tree(Store store, ClusterFiles clusterFiles) throws IOException {
    this.store = store;
    this.clusterFiles = clusterFiles;
    Attributes attributes = Attributes.of(store.filesDirectory());
    this.uid = attributes.uid;
    this.gid = attributes.gid;
    this.root = new DirectoryNode(FuseFileSystem.ROOT_NODE, null, "", attributes);
    nodes.put(root.id, root);
    removePlaceholdersOfDropped();
    makeDirectories();
  }

  /**
   * Programs see node ids as inode numbers, and no two mounts of one directory may show the same. A
   * program that outlived an earlier mount still has its database open there, but reaches what lies
   * beside it by its path, here. SQLite compares inode numbers before it creates a rollback journal
   * or deletes a WAL and its index (SQLITE_FCNTL_HAS_MOVED); with equal ones it would leave a hot
   * journal of former content beside this database, or take the index away from its users.
   */
  private static long firstId() {
    return FuseFileSystem.ROOT_NODE
        + 1
        + (ThreadLocalRandom.current().nextLong(1L << MOUNT_BITS) << FILE_BITS);
  }

  /** A crash can come between the first record of a database and its directories. */
  private void makeDirectories() throws IOException {
    for (Database database : store.allDatabases()) {
      int slash = database.name().lastIndexOf('/');
      if (database.exists() && slash >= 0) {
        Files.createDirectories(backing(database.name().substring(0, slash)));
      }
    }
  }

  /**
   * @return false if there is such a directory. Needs no lock.
   */
  boolean makeDirectory(String path) throws IOException {
    Path directory = backing(path);
    if (Files.isDirectory(directory, LinkOption.NOFOLLOW_LINKS)) {
      return false;
    }
    Files.createDirectory(directory);
    return true;
  }

  /** A crash can come between the record of a drop and the end of its entry. */
  private void removePlaceholdersOfDropped() throws IOException {
    for (Database database : store.allDatabases()) {
      Path entry = backing(database.name());
      if (!database.exists()
          && database.failure() == null
          && database.position().txid() > 0
          && Placeholder.is(entry)
          && Files.getLastModifiedTime(entry).toMillis() <= database.commitMillis()) {
        Files.delete(entry);
      }
    }
  }

  /** The node of that id, or null. Needs no lock. */
  Node get(long id) {
    return nodes.get(id);
  }

  /** The directory of that id, or null if it is none. Needs no lock. */
  DirectoryNode directory(long id) {
    Node node = get(id);
    return node instanceof DirectoryNode ? (DirectoryNode) node : null;
  }

  /** The node that the kernel knows under a path, or null. Needs no lock. */
  Node known(String path) {
    Node node = root;
    for (String component : path.split("/")) {
      if (!component.isEmpty()) {
        if (!(node instanceof DirectoryNode)) {
          return null;
        }
        node = ((DirectoryNode) node).children.get(component);
      }
    }
    return node;
  }

  long newId() {
    return nextId.getAndIncrement();
  }

  static String join(DirectoryNode parent, String name) {
    String above = parent.path();
    return above.isEmpty() ? name : above + "/" + name;
  }

  /** Where the entry of a path is on the disk below. */
  Path backing(String path) {
    Path backing = store.filesDirectory();
    for (String component : path.split("/")) {
      if (!component.isEmpty()) {
        backing = backing.resolve(DatabaseNames.encode(component));
      }
    }
    return backing;
  }

  /** The node of a name, or null if there is no such file. */
  Node find(DirectoryNode parent, String name) throws IOException {
    Node known = parent.children.get(name);
    if (known != null && isCurrent(known)) {
      return known;
    }
    if (known != null) {
      parent.children.remove(name);
    }
    Node found = load(parent, name);
    if (found != null) {
      add(found);
    }
    return found;
  }

  void add(Node node) {
    nodes.put(node.id, node);
    node.parent.children.put(node.name, node);
  }

  /** The name is gone; the node lives on for those who have it open. */
  void unlink(Node node) {
    node.parent.children.remove(node.name, node);
    superJournals.remove(node.path(), node);
    forgetIfUnused(node);
  }

  void forgetIfUnused(Node node) {
    boolean open = node instanceof FileNode && ((FileNode) node).handles > 0;
    boolean parent = node instanceof DirectoryNode && !((DirectoryNode) node).children.isEmpty();
    if (node.lookups <= 0 && !open && !parent && node != root) {
      nodes.remove(node.id);
      if (node.parent.children.get(node.name) == node && !superJournals.containsValue(node)) {
        node.parent.children.remove(node.name);
      }
    }
  }

  /**
   * Whether the name of an open file's node stands for something else now, because its database was
   * replaced or changed its files without the kernel's help. The kernel may not have heard of it
   * yet.
   */
  boolean isStale(Node node) {
    if (!(node instanceof FileNode)) {
      return false;
    }
    Content content = ((FileNode) node).content;
    return content instanceof Content.Main main
        ? main.file().isReplaced()
        : content instanceof Content.Side && !isCurrent(node);
  }

  /** Whether the node still is what its name stands for: contents can be replaced from outside. */
  private boolean isCurrent(Node node) {
    if (node instanceof TextNode) {
      return node.parent == root && ClusterFiles.has(node.name)
          ? clusterFiles.text(node.name) != null
          : store.find(baseOfPos(node)) != null;
    }
    if (!(node instanceof FileNode)) {
      return true;
    }
    Content content = ((FileNode) node).content;
    if (content instanceof Content.Main) {
      Content.Main main = (Content.Main) content;
      return main.database().mainFile() == main.file();
    }
    if (content instanceof Content.Unserved) {
      Database database = ((Content.Unserved) content).database();
      return database.unserved() != null && store.get(node.path()) == database;
    }
    if (content instanceof Content.Journal) {
      Content.Journal journal = (Content.Journal) content;
      return journal.database().journal() == journal.file();
    }
    if (content instanceof Content.Wal) {
      Content.Wal wal = (Content.Wal) content;
      return wal.database().wal() == wal.file();
    }
    if (content instanceof Content.Shm) {
      Content.Shm shm = (Content.Shm) content;
      return shm.database().shm() == shm.file();
    }
    return store.find(node.path()) == null;
  }

  private static String baseOfPos(Node node) {
    String path = node.path();
    return path.endsWith(Names.POS_SUFFIX) ? Names.withoutSuffix(path, Names.POS_SUFFIX) : path;
  }

  private Node load(DirectoryNode parent, String name) throws IOException {
    Node special = loadSpecial(parent, name);
    if (special != null) {
      return special;
    }
    String path = join(parent, name);
    Path backing = backing(path);
    Database database = store.find(path);
    if (database != null
        && database.exists()
        && !Files.exists(backing, LinkOption.NOFOLLOW_LINKS)) {
      Placeholder.create(backing);
    }
    Attributes attributes;
    try {
      attributes = Attributes.of(backing);
    } catch (NoSuchFileException e) {
      return null;
    }
    if (attributes.type == Attributes.S_IFDIR) {
      return new DirectoryNode(newId(), parent, name, attributes);
    }
    if (attributes.type == Attributes.S_IFLNK) {
      String target = Files.readSymbolicLink(backing).toString();
      return new LinkNode(newId(), parent, name, attributes, target);
    }
    Database live = store.get(path);
    Content content;
    if (live != null && live.unserved() != null) {
      content = new Content.Unserved(live);
    } else if (live != null && live.mainFile() != null) {
      content = new Content.Main(live, live.mainFile());
    } else {
      content = new Content.Plain(backing, true);
    }
    if (live != null && live.commitMillis() > 0 && content instanceof Content.Main) {
      attributes.mtime = live.commitMillis() * 1_000_000;
    }
    return new FileNode(newId(), parent, name, attributes, content);
  }

  private Node loadSpecial(DirectoryNode parent, String name) throws IOException {
    String path = join(parent, name);
    if (parent == root && ClusterFiles.has(name)) {
      Supplier<String> text = clusterFiles.text(name);
      return text == null ? null : new TextNode(newId(), parent, name, uid, gid, text);
    }
    if (name.endsWith(Names.POS_SUFFIX)) {
      Database database = store.find(Names.withoutSuffix(path, Names.POS_SUFFIX));
      if (database != null && database.exists()) {
        return new TextNode(newId(), parent, name, uid, gid, () -> database.shownPosition() + "\n");
      }
    }
    FileNode superJournal = superJournals.get(path);
    if (superJournal != null) {
      return superJournal;
    }
    Names.Side side = Names.side(name);
    if (side == null) {
      return null;
    }
    Database database = store.get(Names.withoutSuffix(path, side.suffix));
    SideFile file = database == null ? null : sideFile(database, side);
    if (file == null) {
      return null;
    }
    Attributes attributes =
        sideAttributes.computeIfAbsent(
            file, key -> new Attributes(Attributes.S_IFREG, 0644, uid, gid));
    return new FileNode(newId(), parent, name, attributes, content(database, side, file));
  }

  static SideFile sideFile(Database database, Names.Side side) {
    return switch (side) {
      case JOURNAL -> database.journal();
      case WAL -> database.wal();
      case SHM -> database.shm();
    };
  }

  private static Content content(Database database, Names.Side side, SideFile file) {
    return switch (side) {
      case JOURNAL -> new Content.Journal(database, file);
      case WAL -> new Content.Wal(database, file, new WalPages());
      case SHM -> new Content.Shm(database, file);
    };
  }

  /** Makes the side file of a database, with a node. */
  FileNode createSide(
      DirectoryNode parent, String name, Database database, Names.Side side, Attributes attributes)
      throws RefusedException {
    SideFile file =
        switch (side) {
          case JOURNAL -> database.createJournal();
          case WAL -> database.createWal();
          case SHM -> database.createShm();
        };
    sideAttributes.put(file, attributes);
    FileNode node = new FileNode(newId(), parent, name, attributes, content(database, side, file));
    add(node);
    return node;
  }

  /** Makes a super-journal, which lives as long as the mount. */
  FileNode createSuperJournal(DirectoryNode parent, String name, Attributes attributes)
      throws IOException {
    long id = newId();
    Path path = store.volatileDirectory().resolve("super." + id);
    Files.createFile(path);
    FileNode node = new FileNode(id, parent, name, attributes, new Content.Plain(path, false));
    superJournals.put(node.path(), node);
    add(node);
    return node;
  }

  /** Node id of the file of a database, 0 if the kernel does not know it. Needs no lock. */
  long idOf(Database database, MainFile file) {
    return known(database.name()) instanceof FileNode node
            && node.content instanceof Content.Main main
            && main.file() == file
        ? node.id
        : 0;
  }

  /** Node id of a file beside a database, 0 if the kernel does not know it. Needs no lock. */
  long idOf(Database database, SideFile file, Names.Side side) {
    return known(database.name() + side.suffix) instanceof FileNode node
            && node.content instanceof Content.Side found
            && found.file() == file
        ? node.id
        : 0;
  }

  /** Gives a node another name. */
  void move(Node node, DirectoryNode newParent, String newName) {
    node.parent.children.remove(node.name, node);
    node.parent = newParent;
    node.name = newName;
    newParent.children.put(newName, node);
  }

  /** Names in a directory, with their DT_* values of readdir(3). */
  Map<String, Integer> list(DirectoryNode directory) throws IOException {
    Map<String, Integer> names = new TreeMap<>();
    try (var stream = Files.newDirectoryStream(backing(directory.path()))) {
      for (Path entry : stream) {
        String name = DatabaseNames.decode(entry.getFileName().toString());
        if (name != null) {
          int type = Files.isSymbolicLink(entry) ? 10 : Files.isDirectory(entry) ? 4 : 8;
          names.put(name, type);
        }
      }
    }
    listVolatile(directory, names);
    return names;
  }

  /** Names of side files and super-journals in a directory, and of databases. */
  private void listVolatile(DirectoryNode directory, Map<String, Integer> into) {
    String above = directory.path();
    for (Database database : store.allDatabases()) {
      String path = database.name();
      int slash = path.lastIndexOf('/');
      if (!(slash < 0 ? "" : path.substring(0, slash)).equals(above)) {
        continue;
      }
      String name = path.substring(slash + 1);
      if (database.exists()) {
        into.put(name, 8);
      }
      for (Names.Side side : Names.Side.values()) {
        if (sideFile(database, side) != null) {
          into.put(name + side.suffix, 8);
        }
      }
    }
    for (FileNode node : superJournals.values()) {
      if (node.parent == directory) {
        into.put(node.name, 8);
      }
    }
  }

  /** Whether a database lives anywhere below a directory. */
  boolean hasDatabases(DirectoryNode directory) {
    String prefix = directory.path() + "/";
    for (Database database : store.allDatabases()) {
      if (database.name().startsWith(prefix) && database.mainFile() != null) {
        return true;
      }
    }
    return false;
  }
}
