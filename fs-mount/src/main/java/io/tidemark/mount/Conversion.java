package io.tidemark.mount;

import io.tidemark.database.Database;
import io.tidemark.database.DatabaseNames;
import io.tidemark.database.InvalidDatabaseException;
import io.tidemark.database.MainFile;
import io.tidemark.database.Store;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A regular file starts as a plain file. It becomes a database file when SQLite makes a journal for
 * it or when bytes are written that a SQLite database begins with; a file that turns out to be no
 * database becomes a plain file again. Plain files stay on this node.
 *
 * <p>What stands behind a node changes under {@link Tree#lock} only.
 */
final class Conversion {
  private static final Logger LOG = LoggerFactory.getLogger(Conversion.class);
  private static final int MAGIC_LENGTH = 16;
  private static final byte[] MAGIC = "SQLite format 3\0".getBytes(StandardCharsets.US_ASCII);

  private final Store store;
  private final Tree tree;
  private final KernelView kernel;

  /** Guarded by the tree's lock. */
  private boolean warnedOfPlainFiles;

  Conversion(Store store, Tree tree, KernelView kernel) {
    this.store = store;
    this.tree = tree;
    this.kernel = kernel;
  }

  // ------------------------------------------------------------- by content

  /** Whether these first bytes of a file agree with those of a database, as far as they go. */
  static boolean agreesWithMagic(ByteBuffer data) {
    int length = Math.min(MAGIC_LENGTH, data.remaining());
    for (int i = 0; i < length; i++) {
      if (data.get(data.position() + i) != MAGIC[i]) {
        return false;
      }
    }
    return length > 0;
  }

  /** A journal was made for it, but it is not SQLite's format (or encrypted). */
  static boolean isForeign(Content.Main main, long offset, ByteBuffer data) {
    return offset == 0
        && data.remaining() >= MAGIC_LENGTH
        && main.database().isProvisional()
        && main.file().isLive()
        && !agreesWithMagic(data);
  }

  private static boolean startsWithMagic(Content content) throws IOException {
    ByteBuffer first = ByteBuffer.allocate(MAGIC_LENGTH);
    return content.read(first, 0) == MAGIC_LENGTH && Arrays.equals(first.array(), MAGIC);
  }

  // --------------------------------------------------------- to a database

  /**
   * An empty file may become a database: from now on its bytes go to the store. Under the tree's
   * lock.
   */
  void makeProvisional(FileNode node) throws IOException {
    String path = node.path();
    if (DatabaseNames.problem(path) != null) {
      return;
    }
    Database database = store.getOrCreate(path);
    MainFile main = database.create();
    switchContent(node, new Content.Main(database, main));
    adoptSideFiles(node.parent, node.name, database);
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
        kernel.nameChanged(parent.id, sideName);
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

  /** A plain file that became a whole database is taken into the store; others stay as they are. */
  void takeIn(FileNode node) throws IOException {
    Content content = node.content;
    Path path = ((Content.Plain) content).path();
    if (startsWithMagic(content)
        && DatabaseNames.problem(node.path()) == null
        && Files.exists(path)) {
      importFrom(path, node);
    }
  }

  private void importFrom(Path path, FileNode node) throws IOException {
    Path copy = store.importDirectory().resolve("plain-" + node.id + ".tmp");
    Files.copy(path, copy, StandardCopyOption.REPLACE_EXISTING);
    try {
      Database database = store.importDatabase(node.path(), copy);
      tree.lock.lock();
      try {
        switchContent(node, new Content.Main(database, database.mainFile()));
        Placeholder.empty(path);
      } finally {
        tree.lock.unlock();
      }
    } catch (InvalidDatabaseException e) {
      LOG.debug("{} stays a plain file: {}", node.path(), e.getMessage());
    } finally {
      Files.deleteIfExists(copy);
    }
  }

  // -------------------------------------------------------- to a plain file

  /** What was taken for a database is none: its bytes become a plain file. */
  void makePlain(FileNode node, Content.Main main) throws IOException {
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

  /**
   * The bytes make no database. A file that never was one becomes a plain file. If there is a
   * committed image, what was written over it past SQLite stays visible, as on any file system, but
   * it is never recorded: the image and its log are untouched.
   */
  void settleInvalid(FileNode node, Content.Main main) throws IOException {
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

  /** Puts another content behind a node; its handles go with it. Under the tree's lock. */
  static void switchContent(FileNode node, Content next) throws IOException {
    Content previous = node.content;
    for (int i = 0; i < node.handles; i++) {
      next.opened();
    }
    node.content = next;
    for (int i = 0; i < node.handles; i++) {
      previous.released();
    }
  }
}
