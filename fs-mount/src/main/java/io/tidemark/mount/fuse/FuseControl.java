package io.tidemark.mount.fuse;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The kernel's own handles of a connection: fusectl and the backing device info in sysfs. */
final class FuseControl {
  private static final Logger log = LoggerFactory.getLogger(FuseControl.class);

  static final Path CONNECTIONS = Path.of("/sys/fs/fuse/connections");

  /** KiB; the kernel's default of 128 makes cold sequential reads request-bound. */
  private static final int READ_AHEAD_KIB = 1024;

  private FuseControl() {}

  /** Ends a connection: every request of it, waiting or later, gets an error. */
  static void abort(int minor) throws MountException {
    Path file = CONNECTIONS.resolve(Integer.toString(minor)).resolve("abort");
    if (!Files.exists(file)) {
      // Fails without root, or when it is mounted already; the write below will tell.
      Native.C.mount(
          Native.cString("fusectl"),
          Native.cString(CONNECTIONS.toString()),
          Native.cString("fusectl"),
          0,
          null);
    }
    try {
      Files.writeString(file, "1");
    } catch (IOException e) {
      throw new MountException("cannot abort the FUSE connection " + minor + ": " + e, e);
    }
  }

  /**
   * INIT can only lower the read-ahead (the kernel offers its default as the maximum); root may
   * raise it here. Counts for files opened afterwards.
   */
  static void raiseReadAhead(int minor) {
    Path file = Path.of("/sys/class/bdi/0:" + minor + "/read_ahead_kb");
    try {
      Files.writeString(file, Integer.toString(READ_AHEAD_KIB));
    } catch (IOException e) {
      log.debug("read-ahead stays at the kernel's default: {}", e.toString());
    }
  }
}
