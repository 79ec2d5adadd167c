package io.tidemark.it;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/** Mounts as the kernel lists them, and the ways to get rid of one. */
final class Mounts {
  private static final Path MOUNTINFO = Path.of("/proc/self/mountinfo");
  private static final Path CONNECTIONS = Path.of("/sys/fs/fuse/connections");

  private Mounts() {}

  /**
   * A line of mountinfo.
   *
   * @param device "major:minor"; the minor number names the FUSE connection
   */
  record Entry(String device, Path at, String type) {
    String connection() {
      return device.substring(device.indexOf(':') + 1);
    }
  }

  static boolean inMountNamespace() {
    return Files.isReadable(MOUNTINFO);
  }

  /** The topmost mount at a directory, or null. Sends no request to it. */
  static Entry at(Path directory) {
    String wanted = directory.toAbsolutePath().normalize().toString();
    Entry found = null;
    for (String line : lines()) {
      String[] fields = line.split(" ");
      String point = fields[4].replace("\\040", " ");
      if (point.equals(wanted)) {
        int separator = List.of(fields).indexOf("-");
        found = new Entry(fields[2], Path.of(point), fields[separator + 1]);
      }
    }
    return found;
  }

  static boolean isFuse(Path directory) {
    Entry entry = at(directory);
    return entry != null && entry.type().startsWith("fuse");
  }

  private static List<String> lines() {
    try {
      return Files.readAllLines(MOUNTINFO);
    } catch (IOException e) {
      throw new AssertionError("mountinfo cannot be read", e);
    }
  }

  /** Whether the file system answers a statfs, asked from a process that may hang in our place. */
  static boolean answers(Path directory) {
    try {
      return Command.of("stat", "-f", directory).within(Duration.ofSeconds(10)).run().exit() == 0;
    } catch (AssertionError hangs) {
      return false;
    }
  }

  /** Ends a FUSE connection: every waiting and later request fails. Nothing may hang after it. */
  static void abort(String connection) {
    try {
      if (!Files.isDirectory(CONNECTIONS.resolve(connection))) {
        if (at(CONNECTIONS) == null) {
          Command.of("mount", "-t", "fusectl", "none", CONNECTIONS).run();
        }
      }
      Path abort = CONNECTIONS.resolve(connection).resolve("abort");
      if (Files.exists(abort)) {
        Files.writeString(abort, "1");
      }
    } catch (IOException e) {
      System.err.println("Could not abort FUSE connection " + connection + ": " + e);
    }
  }

  /** Unmounts whatever is mounted at a directory, hung or not. */
  static void clear(Path directory) {
    for (int i = 0; i < 5 && at(directory) != null; i++) {
      Entry entry = at(directory);
      if (Command.of("umount", directory).within(Duration.ofSeconds(10)).run().exit() == 0) {
        continue;
      }
      if (entry.type().startsWith("fuse")) {
        abort(entry.connection());
      }
      Command.of("umount", "-l", directory).within(Duration.ofSeconds(10)).run();
    }
    if (at(directory) != null) {
      throw new AssertionError("Cannot unmount " + directory);
    }
  }
}
