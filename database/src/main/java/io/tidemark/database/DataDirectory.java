package io.tidemark.database;

import java.io.IOException;
import java.io.StringReader;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Properties;
import java.util.random.RandomGenerator;

/**
 * The layout of a data directory and the lock on it.
 *
 * <pre>
 * format            version, node id, cluster id, incarnation (text)
 * lock              locked by the running process, holds its pid
 * epoch             last epoch that a process of this node took (text)
 * dbs/NAME/         one directory for each database that ever had a transaction
 *   database        the committed image; complete up to the redo point of the checkpoint
 *   checkpoint      redo point and page checksums
 *   log/N.seg       log segments
 * files/            files and directories of the mount that are not SQLite's
 * volatile/         -journal, -wal, -shm and uncommitted pages; emptied at each start
 * import/           files being imported; emptied at each start
 * divergent/        transactions of this node that the primary does not have
 * </pre>
 */
final class DataDirectory implements AutoCloseable {
  static final int VERSION = 1;
  private static final String FORMAT = "format";
  private static final String EPOCH = "epoch";

  /** Cluster id of a directory that belongs to none yet. */
  private static final String NO_CLUSTER = "0000000000000000";

  private final Path root;
  private final Disk disk;
  private final FileChannel lockChannel;
  private final Properties format;
  private volatile long epoch;

  private DataDirectory(
      Path root, Disk disk, FileChannel lockChannel, Properties format, long epoch) {
    this.root = root;
    this.disk = disk;
    this.lockChannel = lockChannel;
    this.format = format;
    this.epoch = epoch;
  }

  /**
   * Takes the directory for this process.
   *
   * @param primary founds a cluster if the directory belongs to none, and takes a new epoch
   * @throws StoreException naming the cause and the next step
   */
  static DataDirectory open(Path root, Disk disk, RandomGenerator random, boolean primary)
      throws IOException {
    try {
      Files.createDirectories(root);
    } catch (IOException e) {
      throw new StoreException(
          "cannot create the data directory "
              + root
              + " ("
              + reason(e)
              + "); choose another data.dir",
          e);
    }
    if (!Files.exists(root.resolve(FORMAT)) && !isEmpty(root)) {
      throw new StoreException(
          root
              + " is not empty and is not a Tidemark data directory; choose an empty or a new"
              + " directory for data.dir");
    }
    Properties format = readFormat(root);
    FileChannel channel = lock(root);
    try {
      if (format == null) {
        format = new Properties();
        format.setProperty("version", Integer.toString(VERSION));
        format.setProperty("node-id", hex(random));
        format.setProperty("cluster-id", primary ? hex(random) : NO_CLUSTER);
        format.setProperty("incarnation", hex(random));
        writeFormat(disk, root, format);
      } else if (primary && format.getProperty("cluster-id").equals(NO_CLUSTER)) {
        format.setProperty("cluster-id", hex(random));
        writeFormat(disk, root, format);
      }
      long epoch = lastEpoch(root);
      if (primary) {
        epoch++;
        writeDurably(disk, root, EPOCH, epoch + "\n");
      }
      FileTree.delete(root.resolve("volatile"));
      FileTree.delete(root.resolve("import"));
      Divergences.removeUnfinished(disk, root);
      for (String directory : List.of("dbs", "files", "volatile", "import")) {
        disk.createDirectories(root.resolve(directory));
      }
      disk.syncDirectory(root);
      return new DataDirectory(root, disk, channel, format, epoch);
    } catch (IOException | RuntimeException e) {
      channel.close();
      throw e;
    }
  }

  /**
   * @throws StoreException when {@code root} is not a data directory that this version can read
   */
  static void checkReadable(Path root) throws IOException {
    if (!Files.isDirectory(root) || readFormat(root) == null) {
      throw new StoreException(
          root + " is not a Tidemark data directory (it has no file 'format')");
    }
  }

  private static boolean isEmpty(Path root) throws IOException {
    try (var entries = Files.list(root)) {
      return entries
          .map(path -> path.getFileName().toString())
          .allMatch(name -> name.equals("lost+found") || name.equals("lock"));
    } catch (IOException e) {
      throw new StoreException(
          "cannot read the data directory " + root + " (" + reason(e) + "); check its permissions",
          e);
    }
  }

  private static Properties readFormat(Path root) throws IOException {
    Path file = root.resolve(FORMAT);
    if (!Files.exists(file)) {
      return null;
    }
    Properties format = new Properties();
    String text;
    try {
      text = Files.readString(file, StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new StoreException(
          "cannot read " + file + " (" + reason(e) + "); check its permissions", e);
    }
    format.load(new StringReader(text));
    String version = format.getProperty("version", "");
    if (!version.equals(Integer.toString(VERSION))) {
      throw new StoreException(
          root
              + " has data directory version '"
              + version
              + "', this program uses version "
              + VERSION
              + "; use the Tidemark version that wrote it, or another data.dir");
    }
    for (String key : List.of("node-id", "cluster-id", "incarnation")) {
      if (!format.getProperty(key, "").matches("[0-9a-f]{16}")) {
        throw new StoreException(file + " is damaged: it has no valid " + key);
      }
    }
    return format;
  }

  private static FileChannel lock(Path root) throws IOException {
    Path file = root.resolve("lock");
    FileChannel channel;
    try {
      channel =
          FileChannel.open(
              file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
    } catch (IOException e) {
      throw new StoreException(
          "cannot write in the data directory "
              + root
              + " ("
              + reason(e)
              + "); check its owner,"
              + " permissions and that its disk is not mounted read-only",
          e);
    }
    FileLock lock = null;
    try {
      lock = channel.tryLock();
    } catch (OverlappingFileLockException e) {
      // Another store of this process: reported below, like another process.
    }
    if (lock == null) {
      channel.close();
      String holder = Files.readString(file, StandardCharsets.UTF_8).trim();
      throw new StoreException(
          root
              + " is in use by another process"
              + (holder.isEmpty() ? "" : " (pid " + holder + ")")
              + "; stop it first, or choose another data.dir");
    }
    channel.truncate(0);
    channel.write(
        java.nio.ByteBuffer.wrap(
            (ProcessHandle.current().pid() + "\n").getBytes(StandardCharsets.UTF_8)),
        0);
    return channel;
  }

  private static void writeFormat(Disk disk, Path root, Properties format) throws IOException {
    StringBuilder text = new StringBuilder();
    for (String key : List.of("version", "node-id", "cluster-id", "incarnation")) {
      text.append(key).append('=').append(format.getProperty(key)).append('\n');
    }
    writeDurably(disk, root, FORMAT, text.toString());
  }

  /** The greatest epoch that this node has taken or seen, 0 if none. */
  private static long lastEpoch(Path root) throws IOException {
    Path file = root.resolve(EPOCH);
    if (Files.exists(file)) {
      String text = Files.readString(file, StandardCharsets.UTF_8).trim();
      try {
        return Long.parseLong(text);
      } catch (NumberFormatException e) {
        throw new StoreException(
            file
                + " is damaged: '"
                + text
                + "' is not a number. Write the greatest epoch that"
                + " 'tidemark ltx ls' shows into it",
            e);
      }
    }
    return 0;
  }

  private static void writeDurably(Disk disk, Path root, String name, String text)
      throws IOException {
    Path temporary = root.resolve(name + ".tmp");
    disk.delete(temporary);
    try (Disk.DiskFile file = disk.open(temporary)) {
      file.write(java.nio.ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8)), 0);
      file.sync();
    } catch (IOException e) {
      throw new StoreException(
          "cannot write in the data directory " + root + " (" + reason(e) + ")", e);
    }
    disk.rename(temporary, root.resolve(name));
    disk.syncDirectory(root);
  }

  private static String hex(RandomGenerator random) {
    return String.format("%016x", random.nextLong());
  }

  private static String reason(IOException e) {
    return e instanceof AccessDeniedException ? "permission denied" : e.getMessage();
  }

  static Path databaseDirectory(Path root, String name) {
    return root.resolve("dbs").resolve(DatabaseNames.encode(name));
  }

  static List<String> databaseNames(Disk disk, Path root) throws IOException {
    List<String> names = new ArrayList<>();
    for (String entry : disk.list(root.resolve("dbs"))) {
      String name = DatabaseNames.decode(entry);
      if (name != null && Files.isDirectory(root.resolve("dbs").resolve(entry).resolve("log"))) {
        names.add(name);
      }
    }
    Collections.sort(names);
    return names;
  }

  Path root() {
    return root;
  }

  Path volatileDirectory() {
    return root.resolve("volatile");
  }

  Path filesDirectory() {
    return root.resolve("files");
  }

  Path importDirectory() {
    return root.resolve("import");
  }

  List<String> databaseNames() throws IOException {
    return databaseNames(disk, root);
  }

  String nodeId() {
    return format.getProperty("node-id");
  }

  String clusterId() {
    return format.getProperty("cluster-id");
  }

  String incarnation() {
    return format.getProperty("incarnation");
  }

  long epoch() {
    return epoch;
  }

  /** The log knows a newer epoch than the file, which was lost or restored: takes a newer one. */
  void raiseEpoch(long newEpoch) throws IOException {
    writeDurably(disk, root, EPOCH, newEpoch + "\n");
    epoch = newEpoch;
  }

  /** As {@link Store#follow}. */
  void follow(String cluster, long newEpoch) throws IOException {
    if (newEpoch < epoch) {
      throw new StoreException(
          "this node has seen epoch "
              + epoch
              + ", the primary is of epoch "
              + newEpoch
              + ": another node has been primary since; start that one as the primary");
    }
    if (!cluster.equals(clusterId())) {
      format.setProperty("cluster-id", cluster);
      writeFormat(disk, root, format);
    }
    if (newEpoch > epoch) {
      raiseEpoch(newEpoch);
    }
  }

  @Override
  public void close() throws IOException {
    lockChannel.close();
  }
}
