package io.tidemark.mount.fuse;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What is mounted, from /proc/self/mountinfo (proc_pid_mountinfo(5)). Reading it touches no mounted
 * file system, so a hung one cannot hang us.
 */
final class MountTable {
  private static final Path MOUNTINFO = Path.of("/proc/self/mountinfo");

  /**
   * One line.
   *
   * @param minor minor number of the device; for FUSE (major 0) it also names the connection below
   *     /sys/fs/fuse/connections
   */
  record Mount(int major, int minor, String mountPoint, String type, String source) {
    boolean isFuse() {
      return type.equals("fuse") || type.startsWith("fuse.") || type.startsWith("fuseblk");
    }
  }

  private MountTable() {}

  /** The topmost mount on exactly this directory. */
  static Optional<Mount> at(Path mountPoint) throws MountException {
    String wanted = mountPoint.toString();
    Mount found = null;
    for (Mount mount : read()) {
      if (mount.mountPoint().equals(wanted)) {
        found = mount;
      }
    }
    return Optional.ofNullable(found);
  }

  static List<Mount> read() throws MountException {
    List<Mount> mounts = new ArrayList<>();
    try {
      for (String line : Files.readAllLines(MOUNTINFO, StandardCharsets.ISO_8859_1)) {
        mounts.add(parse(line));
      }
    } catch (IOException | RuntimeException e) {
      throw new MountException("cannot read " + MOUNTINFO + "; is /proc mounted?", e);
    }
    return mounts;
  }

  /** For example "36 35 0:42 / /mnt rw,nosuid shared:1 - fuse.tidemark tidemark rw,user_id=0". */
  private static Mount parse(String line) {
    int dash = line.indexOf(" - ");
    String[] left = line.substring(0, dash).split(" ");
    String[] right = line.substring(dash + 3).split(" ");
    String[] device = left[2].split(":");
    return new Mount(
        Integer.parseInt(device[0]),
        Integer.parseInt(device[1]),
        unescape(left[4]),
        right[0],
        right.length > 1 ? unescape(right[1]) : "");
  }

  /** Space, tab, newline and backslash are written as three octal digits. */
  private static String unescape(String text) {
    StringBuilder bytes = new StringBuilder();
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == '\\' && i + 3 < text.length()) {
        c = (char) Integer.parseInt(text.substring(i + 1, i + 4), 8);
        i += 3;
      }
      bytes.append(c);
    }
    return new String(
        bytes.toString().getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.UTF_8);
  }
}
