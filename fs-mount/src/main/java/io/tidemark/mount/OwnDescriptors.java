package io.tidemark.mount;

import io.tidemark.mount.fuse.OwnMountFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Descriptors of the daemon on files of its own mount, opened once for each incarnation of a file
 * and kept while programs use it: after that they would only keep the mount busy. Used by one
 * thread at a time, which serves no request: opening waits for the threads that do.
 */
final class OwnDescriptors {
  private static final Logger LOG = LoggerFactory.getLogger(OwnDescriptors.class);

  private record Open(Object incarnation, int fd) {}

  /** Threads whose opens are the daemon's own, by the id that a FUSE request carries. */
  private static final Set<Integer> THREADS = ConcurrentHashMap.newKeySet();

  private final Path mountPoint;
  private final Map<String, Open> open = new HashMap<>();

  OwnDescriptors(Path mountPoint) {
    this.mountPoint = mountPoint;
  }

  /** Whether a request of that thread comes from the daemon itself. */
  static boolean isOwnThread(int tid) {
    if (!THREADS.contains(tid)) {
      return false;
    }
    // The id of a thread that has ended may be that of a program by now.
    boolean alive = Files.exists(Path.of("/proc/self/task", Integer.toString(tid)));
    if (!alive) {
      THREADS.remove(tid);
    }
    return alive;
  }

  /** To be called by the thread that will use these descriptors. */
  static void registerThread() {
    try {
      // PID/task/TID
      String self = Files.readSymbolicLink(Path.of("/proc/thread-self")).toString();
      THREADS.add(Integer.parseInt(self.substring(self.lastIndexOf('/') + 1)));
    } catch (IOException e) {
      LOG.warn("cannot tell own requests from others: {}", e.toString());
    }
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
    registerThread();
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
