package io.tidemark.mount.fuse;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;

/** Says aloud what a machine lacks; a test that did not run must not look like one that passed. */
final class FuseSupport {
  private FuseSupport() {}

  static void require(MountOptions.Transport transport) {
    needs(Files.exists(Path.of("/dev/fuse")), "/dev/fuse is missing");
    needs(
        Native.C.geteuid() == 0 || Programs.find("fusermount3") != null,
        "not root, and fusermount3 is missing (package fuse3)");
    if (transport == MountOptions.Transport.LIBFUSE) {
      boolean present;
      try {
        LibfuseBinding.load();
        present = true;
      } catch (MountException e) {
        present = false;
      }
      needs(present, "libfuse.so.2 is missing (package libfuse2)");
    }
  }

  static void requireProgram(String name) {
    needs(Programs.find(name) != null, "the program " + name + " is missing");
  }

  static void requireRoot() {
    needs(Native.C.geteuid() == 0, "not root");
  }

  static void needs(boolean condition, String missing) {
    if (!condition) {
      System.err.println("*** FUSE TEST CANNOT RUN HERE: " + missing + " ***");
    }
    assumeTrue(condition, missing);
  }
}
