package io.tidemark.node.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * The file system that a directory is on.
 *
 * @param mountPoint where it is mounted
 * @param type such as ext4 or fuse
 * @param source the device, "tidemark" for a mount of ours
 */
public record FileSystems(String mountPoint, String type, String source) {
  /** Looks a directory up in the mount table of this process. */
  public static FileSystems of(Path directory) throws IOException {
    return of(
        directory.toRealPath().toString(), Files.readAllLines(Path.of("/proc/self/mountinfo")));
  }

  /** The last mount whose mount point contains the path: later mounts cover earlier ones. */
  static FileSystems of(String path, List<String> mountInfo) {
    FileSystems best = new FileSystems("/", "unknown", "unknown");
    for (String line : mountInfo) {
      String[] halves = line.split(" - ", 2);
      String mountPoint = unescape(halves[0].split(" ")[4]);
      String prefix = mountPoint.endsWith("/") ? mountPoint : mountPoint + "/";
      if ((path + "/").startsWith(prefix) && mountPoint.length() >= best.mountPoint.length()) {
        String[] rest = halves[1].split(" ");
        best = new FileSystems(mountPoint, rest[0], unescape(rest[1]));
      }
    }
    return best;
  }

  private static String unescape(String text) {
    return text.replace("\\040", " ")
        .replace("\\011", "\t")
        .replace("\\012", "\n")
        .replace("\\134", "\\");
  }

  /** Whether this is a mount of Tidemark. */
  public boolean isTidemark() {
    return type.startsWith("fuse") && (type.contains("tidemark") || source.equals("tidemark"));
  }

  @Override
  public String toString() {
    return type + " (" + source + " on " + mountPoint + ")";
  }
}
