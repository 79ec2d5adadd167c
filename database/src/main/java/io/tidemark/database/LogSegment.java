package io.tidemark.database;

import io.tidemark.database.Disk.DiskFile;
import java.io.IOException;
import java.nio.file.Path;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One segment file of a log, and what is known of its records.
 *
 * <p>Guarded by the lock of the database, but for the file of a segment that is full: the sync that
 * covers its last record closes it.
 */
final class LogSegment {
  private static final Logger LOG = LoggerFactory.getLogger(LogSegment.class);

  final long number;
  final Path path;
  long firstTxid;

  /** Rolling checksum before the first record. */
  long preChecksum;

  /** The last record that counts; {@code firstTxid} - 1 if there is none. */
  long lastTxid;

  /** Where the next record begins. */
  long end;

  /** Bytes of the file; it may grow beyond. */
  long size;

  /** Time of the last record. */
  long lastMillis;

  /** Open while records are appended, and until all of them are synced. */
  DiskFile file;

  LogSegment(long number, Path path) {
    this.number = number;
    this.path = path;
  }

  static Path pathOf(Path directory, long number) {
    return directory.resolve(String.format("%016x.seg", number));
  }

  /** Whether a file of that name in a log directory is a segment. */
  static boolean isName(String name) {
    return name.matches("[0-9a-f]{16}\\.seg");
  }

  static long numberOf(String name) {
    return Long.parseUnsignedLong(name.substring(0, 16), 16);
  }

  void closeFile() {
    DiskFile open = file;
    file = null;
    if (open != null) {
      try {
        open.close();
      } catch (IOException e) {
        LOG.warn("closing {}: {}", path, e.toString());
      }
    }
  }
}
