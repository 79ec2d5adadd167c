package io.tidemark.mount.fuse;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * Finds the processes that keep a mount busy. It reads links and tables of /proc only, never the
 * mount itself. Other users' processes can be seen by root only.
 */
final class HolderScan {
  private HolderScan() {}

  static List<MountBusyException.Holder> holders(Path mountPoint, int deviceMinor) {
    Set<MountBusyException.Holder> found = new LinkedHashSet<>();
    try (DirectoryStream<Path> processes = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
      for (Path process : processes) {
        long pid = Long.parseLong(process.getFileName().toString());
        Set<String> paths = new LinkedHashSet<>();
        for (String link : List.of("cwd", "root", "exe")) {
          addLink(process.resolve(link), mountPoint, paths);
        }
        addDescriptors(process.resolve("fd"), mountPoint, paths);
        addMappings(process.resolve("maps"), deviceMinor, paths);
        for (String path : paths) {
          found.add(new MountBusyException.Holder(pid, command(process), path));
        }
      }
    } catch (IOException e) {
      // /proc is not readable: nothing to name.
      return List.of();
    }
    return List.copyOf(found);
  }

  private static void addDescriptors(Path directory, Path mountPoint, Set<String> paths) {
    try (DirectoryStream<Path> descriptors = Files.newDirectoryStream(directory)) {
      for (Path descriptor : descriptors) {
        addLink(descriptor, mountPoint, paths);
      }
    } catch (IOException e) {
      // Gone, or another user's.
    }
  }

  private static void addLink(Path link, Path mountPoint, Set<String> paths) {
    try {
      Path target = Files.readSymbolicLink(link);
      if (target.startsWith(mountPoint)) {
        paths.add(target.toString());
      }
    } catch (IOException | RuntimeException e) {
      // Gone, or another user's.
    }
  }

  /** Lines like "7f00-7f01 rw-s 00000000 00:2a 5 /mnt/db-shm" with the device in hexadecimal. */
  private static void addMappings(Path maps, int deviceMinor, Set<String> paths) {
    String device = " 00:%02x ".formatted(deviceMinor);
    try {
      for (String line : Files.readAllLines(maps, StandardCharsets.ISO_8859_1)) {
        int slash = line.indexOf('/');
        if (slash > 0 && line.substring(0, slash).contains(device)) {
          paths.add(
              new String(
                  line.substring(slash).getBytes(StandardCharsets.ISO_8859_1),
                  StandardCharsets.UTF_8));
        }
      }
    } catch (IOException e) {
      // Gone, or another user's.
    }
  }

  private static String command(Path process) {
    try {
      return Files.readString(process.resolve("comm"), StandardCharsets.ISO_8859_1).trim();
    } catch (IOException e) {
      return "?";
    }
  }
}
