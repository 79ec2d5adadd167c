package io.tidemark.database;

import io.tidemark.database.Disk.DiskFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What is in {@code divergent/} of a data directory. Nothing there is ever changed or deleted by a
 * node, but for a directory that a crash left unfinished; people may delete any of it at any time.
 */
public final class Divergences {
  static final String DIRECTORY = "divergent";
  static final String UNFINISHED = ".tmp";
  static final String DATABASE = "database.db";
  static final String DESCRIPTION = "description";
  static final String LOG = "log";

  /** So many characters of an encoded name leave room for the numbers in a directory entry. */
  private static final int MOST_OF_NAME = 160;

  private static final long MOST_OF_DESCRIPTION = 64 << 10;

  /** Name, first and last TXID, epoch of the last, number. */
  private static final Pattern ID =
      Pattern.compile("(.+)\\.([0-9a-f]{16})-([0-9a-f]{16})\\.([0-9]{1,19})\\.([0-9]{1,9})");

  private Divergences() {}

  /**
   * All of a data directory, which may be in use, by directory name.
   *
   * @throws StoreException when this is not a data directory of this version
   */
  public static List<Divergence> list(Path dataDir) throws IOException {
    DataDirectory.checkReadable(dataDir);
    return list(new FileDisk(), dataDir);
  }

  static List<Divergence> list(Disk disk, Path root) throws IOException {
    List<Divergence> found = new ArrayList<>();
    Path directory = root.resolve(DIRECTORY);
    for (String entry : disk.list(directory)) {
      Matcher id = ID.matcher(entry);
      if (id.matches()) {
        found.add(read(disk, directory.resolve(entry), id));
      }
    }
    return found;
  }

  /** The directory entry of a set. */
  static String id(String name, long firstTxid, long lastTxid, long epoch, int number) {
    String encoded = DatabaseNames.encode(name);
    return String.format(
        "%s.%016x-%016x.%d.%d",
        encoded.substring(0, Math.min(MOST_OF_NAME, encoded.length())),
        firstTxid,
        lastTxid,
        epoch,
        number);
  }

  private static Divergence read(Disk disk, Path path, Matcher id) throws IOException {
    Map<String, String> fields = new HashMap<>();
    String trouble = null;
    long lastEpoch = Long.parseUnsignedLong(id.group(4));
    long firstEpoch = lastEpoch;
    long checksum = 0;
    Instant time = null;
    try {
      fields = fields(disk, path.resolve(DESCRIPTION));
      firstEpoch = Long.parseLong(fields.getOrDefault("first-epoch", ""));
      checksum = Long.parseUnsignedLong(fields.getOrDefault("checksum", ""), 16);
      time = Instant.parse(fields.getOrDefault("set-aside", ""));
    } catch (IOException | NumberFormatException | DateTimeException e) {
      trouble = "(its description cannot be read: " + e.getMessage() + ")";
    }
    String name = DatabaseNames.decode(fields.getOrDefault("encoded-name", id.group(1)));
    return new Divergence(
        name == null ? id.group(1) : name,
        Long.parseUnsignedLong(id.group(2), 16),
        Long.parseUnsignedLong(id.group(3), 16),
        firstEpoch,
        lastEpoch,
        checksum,
        time,
        trouble == null ? fields.getOrDefault("why", "") : trouble,
        disk.exists(path.resolve(DATABASE)),
        bytes(disk, path),
        path);
  }

  private static Map<String, String> fields(Disk disk, Path description) throws IOException {
    try (DiskFile file = disk.openReadOnly(description)) {
      ByteBuffer bytes = ByteBuffer.allocate((int) Math.min(MOST_OF_DESCRIPTION, file.size()));
      file.read(bytes, 0);
      Map<String, String> fields = new HashMap<>();
      for (String line : StandardCharsets.UTF_8.decode(bytes.flip()).toString().split("\n")) {
        int colon = line.indexOf(": ");
        if (colon > 0) {
          fields.put(line.substring(0, colon), line.substring(colon + 2));
        }
      }
      return fields;
    }
  }

  private static long bytes(Disk disk, Path path) throws IOException {
    if (!Files.isDirectory(path)) {
      return Files.exists(path) ? Files.size(path) : 0; // it may just be on its way out
    }
    long total = 0;
    for (String entry : disk.list(path)) {
      total += bytes(disk, path.resolve(entry));
    }
    return total;
  }

  /** At a start: what a crash left unfinished was not relied upon by anybody. */
  static void removeUnfinished(Disk disk, Path root) throws IOException {
    Path directory = root.resolve(DIRECTORY);
    for (String entry : disk.list(directory)) {
      if (entry.endsWith(UNFINISHED)) {
        deleteTree(disk, directory.resolve(entry));
      }
    }
  }

  static void deleteTree(Disk disk, Path path) throws IOException {
    for (String entry : disk.list(path)) {
      deleteTree(disk, path.resolve(entry));
    }
    disk.delete(path);
  }
}
