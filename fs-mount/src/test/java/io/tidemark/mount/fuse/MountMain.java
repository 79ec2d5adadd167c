package io.tidemark.mount.fuse;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * A daemon of its own for tests and measurements: arguments are the backing directory, the mount
 * point, and options as name=value.
 */
final class MountMain {
  private MountMain() {}

  public static void main(String[] args) throws Exception {
    PassThroughFs fs = new PassThroughFs(Path.of(args[0]), 3_600_000_000_000L);
    MountOptions.Builder options = MountOptions.builder(Path.of(args[1]));
    boolean waitsForItself = false;
    for (String option : Arrays.asList(args).subList(2, args.length)) {
      String[] pair = option.split("=");
      switch (pair[0]) {
        case "transport" -> options.transport(MountOptions.Transport.valueOf(pair[1]));
        case "leaders" -> options.leaders(Integer.parseInt(pair[1]));
        case "spin" -> options.spinMicros(Integer.parseInt(pair[1]));
        case "cpu" -> options.cpuAffinity(List.of(Integer.parseInt(pair[1])));
        case "guard" -> options.guard(Boolean.parseBoolean(pair[1]));
        case "blockingFsync" -> fs.blockingFsync = Boolean.parseBoolean(pair[1]);
        case "waitsForItself" -> waitsForItself = Boolean.parseBoolean(pair[1]);
        default -> throw new IllegalArgumentException(option);
      }
    }
    FuseMount mount = FuseMount.mount(fs, options.build());
    if (waitsForItself) {
      readFromOwnMount(fs, mount);
    }
    System.out.println("mounted " + mount.connectionId());
    // A line or the end of standard input unmounts.
    int c = System.in.read();
    System.out.println("requests " + mount.requestCounts() + (c < 0 ? " (end of input)" : ""));
    if (mount.isMounted()) {
      mount.unmount();
    }
  }

  /** A thread of this process sits in a request to its own mount that nobody answers. */
  private static void readFromOwnMount(PassThroughFs fs, FuseMount mount) throws Exception {
    CountDownLatch asked = new CountDownLatch(1);
    fs.hook =
        (request, operation, name) -> {
          boolean takes = operation.equals("read") && name.equals("never");
          if (takes) {
            asked.countDown();
          }
          return takes;
        };
    Path file = mount.mountPoint().resolve("never");
    Files.writeString(fs.backing.resolve("never"), "x");
    Thread reader =
        new Thread(
            () -> {
              try {
                Files.readAllBytes(file);
              } catch (IOException e) {
                System.out.println("read of the own mount ended: " + e);
              }
            });
    reader.setDaemon(true);
    reader.start();
    if (!asked.await(20, TimeUnit.SECONDS)) {
      throw new IllegalStateException("the read did not arrive");
    }
  }
}
