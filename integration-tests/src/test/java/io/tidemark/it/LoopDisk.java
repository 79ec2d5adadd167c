package io.tidemark.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;

/** A small ext4 in a file, mounted through a loop device, that can lose its power. */
final class LoopDisk implements AutoCloseable {
  private static final long SIZE = 256L << 20;

  private final Path image;
  private final Path mountPoint;

  private LoopDisk(Path image, Path mountPoint) {
    this.image = image;
    this.mountPoint = mountPoint;
  }

  static LoopDisk create(Path image, Path mountPoint) throws IOException {
    try (RandomAccessFile file = new RandomAccessFile(image.toFile(), "rw")) {
      file.setLength(SIZE);
    }
    Command.of("mkfs.ext4", "-q", "-F", image).ok();
    Files.createDirectories(mountPoint);
    return new LoopDisk(image, mountPoint);
  }

  Path mountPoint() {
    return mountPoint;
  }

  void mount() {
    Command.of("mount", "-o", "loop", image, mountPoint).ok();
    assertThat(Mounts.at(mountPoint)).as("mount of %s", image).isNotNull();
  }

  /**
   * Nothing that is not on the disk now will ever get there, not even the file system's journal.
   */
  void losePower() {
    Command.python("lose_power.py", mountPoint).ok();
  }

  void unmount() {
    Await.until(
        java.time.Duration.ofSeconds(20),
        "unmount of " + mountPoint,
        () -> Command.of("umount", mountPoint).run().exit() == 0);
  }

  @Override
  public void close() {
    if (Mounts.at(mountPoint) != null) {
      Command.of("umount", "-l", mountPoint).run();
    }
  }
}
