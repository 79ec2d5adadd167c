package io.tidemark.database;

import io.tidemark.database.Disk.DiskFile;
import io.tidemark.database.RefusedException.Kind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Where the files of one database are, durable and volatile ones, and how a failure of the disk
 * below them is told.
 *
 * <p>Has no state but the number of side files made so far, which the lock of the database guards.
 */
final class DatabaseFiles {
  /** What is told here concerns the database as a whole, so it is told in its name. */
  private static final Logger LOG = LoggerFactory.getLogger(Database.class);

  private final Disk disk;
  private final String name;
  private final Path directory;
  private final Path volatileDirectory;
  private final BlockMemory memory;
  private int sideFileCounter;

  /**
   * @param memory for uncommitted blocks, before they go to a file
   * @param number different for each object in this process: one that tries to recover a database
   *     must not touch volatile files that handles of the failed one still have open
   */
  DatabaseFiles(
      Disk disk, DataDirectory dataDirectory, BlockMemory memory, String name, long number) {
    this.disk = disk;
    this.name = name;
    this.memory = memory;
    this.directory = DataDirectory.databaseDirectory(dataDirectory.root(), name);
    this.volatileDirectory =
        dataDirectory
            .volatileDirectory()
            .resolve(DatabaseNames.encode(name))
            .resolve(Long.toString(number));
  }

  Disk disk() {
    return disk;
  }

  /** Name of the database, below the mount. */
  String name() {
    return name;
  }

  Path directory() {
    return directory;
  }

  Path logDirectory() {
    return directory.resolve("log");
  }

  /** The database file itself. */
  Path database() {
    return directory.resolve("database");
  }

  Path checkpoint() {
    return directory.resolve("checkpoint");
  }

  void createDirectory() throws IOException {
    disk.createDirectories(directory);
  }

  void createVolatileDirectory() throws IOException {
    disk.createDirectories(volatileDirectory);
  }

  /** Opens the database file, creating it if there is none. */
  DiskFile openDatabase() throws IOException {
    return disk.open(database());
  }

  WorkingImage newImage() {
    return new WorkingImage(disk, volatileDirectory, memory);
  }

  /** A new, empty file; an earlier one of that kind may still have handles. */
  SideFile newSideFile(String kind) throws IOException {
    return new SideFile(disk, volatileDirectory.resolve(kind + "." + sideFileCounter++));
  }

  /** Where a transaction waits while the primary is asked to commit it. */
  Path outgoing() {
    return volatileDirectory.resolve("outgoing.ltx");
  }

  /** Names, sizes and times of the files, to see whether somebody mended something. */
  String state() {
    StringBuilder state = new StringBuilder();
    try {
      for (Path path : List.of(directory, logDirectory())) {
        for (String entry : disk.list(path)) {
          Path file = path.resolve(entry);
          state.append(entry).append(' ').append(Files.size(file)).append(' ');
          state.append(Files.getLastModifiedTime(file).toMillis()).append('\n');
        }
      }
    } catch (IOException e) {
      state.append(e);
    }
    return state.toString();
  }

  /** What the caller is told when the disk failed; the log hears of it here. */
  RefusedException refused(String what, IOException e) {
    RefusedException refused = RefusedException.ofDisk(what + " " + name, e);
    boolean ordinary = refused.kind() == Kind.BUSY || refused.kind() == Kind.READ_ONLY;
    if (!ordinary) {
      LOG.warn("{}", refused.getMessage());
    }
    return refused;
  }
}
