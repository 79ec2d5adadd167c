package io.tidemark.mount;

import io.tidemark.mount.fuse.OwnMountFiles;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Descriptors of the daemon on files of its own mount, opened once for each incarnation of a file.
 * Used by one thread only, which serves no request: opening waits for the threads that do.
 */
final class OwnDescriptors {
  private static final Logger LOG = LoggerFactory.getLogger(OwnDescriptors.class);

  private record Open(Object incarnation, int fd) {}

  private final Path mountPoint;
  private final Map<String, Open> open = new HashMap<>();

  OwnDescriptors(Path mountPoint) {
    this.mountPoint = mountPoint;
  }

  /**
   * @param path below the mount
   * @param incarnation what the name stands for now; another one is opened anew
   */
  int get(String path, Object incarnation) throws IOException {
    Open known = open.get(path);
    if (known != null && known.incarnation == incarnation) {
      return known.fd;
    }
    close(path);
    int fd = OwnMountFiles.open(mountPoint.resolve(path));
    open.put(path, new Open(incarnation, fd));
    return fd;
  }

  void close(String path) {
    Open known = open.remove(path);
    if (known != null) {
      try {
        OwnMountFiles.close(known.fd);
      } catch (IOException e) {
        LOG.warn("closing {}: {}", path, e.toString());
      }
    }
  }

  void closeAll() {
    for (String path : Map.copyOf(open).keySet()) {
      close(path);
    }
  }
}
