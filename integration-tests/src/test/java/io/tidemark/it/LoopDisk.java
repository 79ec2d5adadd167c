package io.tidemark.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** A small ext4 in a file, mounted through a loop device, that can lose its power. */
final class LoopDisk implements AutoCloseable {
  private static final int MEGABYTES = 256;

  private final Path image;
  private final Path mountPoint;

  private LoopDisk(Path image, Path mountPoint) {
    this.image = image;
    this.mountPoint = mountPoint;
  }

  static LoopDisk create(Path image, Path mountPoint) throws IOException {
    return create(image, mountPoint, MEGABYTES);
  }

  static LoopDisk create(Path image, Path mountPoint, int megabytes) throws IOException {
    try (RandomAccessFile file = new RandomAccessFile(image.toFile(), "rw")) {
      file.setLength((long) megabytes << 20);
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

  /** A file takes all the space that is left, to the last block, until {@link #empty}. */
  void fill() {
    String free = Command.of("df", "--output=avail", "-B1", mountPoint).ok().replaceAll("\\D+", "");
    // Most of it without writing it, which takes no time.
    long most = Math.max(4096, Long.parseLong(free) - (4L << 20));
    Command.of("fallocate", "-l", most, filler()).ok();
    for (String block : List.of("1M", "4096")) {
      Command.Result result =
          Command.of(
                  "dd",
                  "if=/dev/zero",
                  "of=" + filler(),
                  "bs=" + block,
                  "oflag=append",
                  "conv=notrunc")
              .run();
      assertThat(result.err()).contains("No space left");
    }
  }

  void empty() throws IOException {
    Files.deleteIfExists(filler());
  }

  private Path filler() {
    return mountPoint.resolve("filler");
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
