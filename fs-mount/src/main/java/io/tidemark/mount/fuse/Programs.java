package io.tidemark.mount.fuse;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** System programs, looked for in the usual places: a service may run without PATH. */
final class Programs {
  private static final List<String> PLACES =
      List.of("/usr/bin", "/bin", "/usr/sbin", "/sbin", "/usr/local/bin");

  private Programs() {}

  /** Returns null when it is not installed. */
  static String find(String name) {
    for (String place : PLACES) {
      Path candidate = Path.of(place, name);
      if (Files.isExecutable(candidate)) {
        return candidate.toString();
      }
    }
    return null;
  }
}
