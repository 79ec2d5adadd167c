package io.tidemark.mount.fuse;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Everything that must be right before mounting; nothing is changed until all of it is, except that
 * the dead mount of a killed daemon is removed. Looks that may touch a mounted file system run on a
 * helper thread with a time limit: a hung one would hold us for ever.
 */
final class MountPointCheck {
  private static final Logger log = LoggerFactory.getLogger(MountPointCheck.class);

  private static final long LIMIT_SECONDS = 5;
  private static final Path DEVICE = Path.of("/dev/fuse");

  private static final int AT_STATX_FORCE_SYNC = 0x2000;
  private static final int STATX_BASIC_STATS = 0x7ff;

  private MountPointCheck() {}

  /** Returns the directory without symbolic links, free to be mounted on. */
  static Path prepare(Path mountPoint, Mounter mounter) throws MountException {
    Path absolute = mountPoint.toAbsolutePath().normalize();
    deviceUsable(mounter);
    // The last component may be a dead or hung mount: look at the table before touching it.
    removeDeadMount(absolute, mounter);
    Path candidate = limited("resolving " + absolute, () -> resolveParent(absolute));
    removeDeadMount(candidate, mounter);
    Path resolved = limited("resolving " + absolute, candidate::toRealPath);
    removeDeadMount(resolved, mounter);
    limited("examining " + resolved, () -> examine(resolved));
    return resolved;
  }

  private static Path resolveParent(Path absolute) throws IOException {
    if (absolute.getParent() == null) {
      throw new MountException("the root directory cannot be the mount point");
    }
    if (!Files.exists(absolute, LinkOption.NOFOLLOW_LINKS)) {
      throw new MountException(
          "the mount point "
              + absolute
              + " does not exist; create it with mkdir -p and start again");
    }
    return absolute.getParent().toRealPath().resolve(absolute.getFileName());
  }

  private static void deviceUsable(Mounter mounter) throws MountException {
    if (!Files.exists(DEVICE)) {
      throw new MountException(
          "/dev/fuse does not exist: the kernel module is not loaded or the container was not given"
              + " the device; run modprobe fuse, or start the container with --device /dev/fuse"
              + " --cap-add SYS_ADMIN");
    }
    mounter.checkUsable();
    // Without root it is fusermount3 that opens the device, but with the caller's rights.
    int fd = Native.C.open(Native.cString(DEVICE.toString()), Native.O_RDWR | Native.O_CLOEXEC, 0);
    if (fd < 0) {
      throw new MountException(
          "cannot open /dev/fuse ("
              + Errno.name(Native.errno())
              + "); allow this user to use it (chmod 666 /dev/fuse is the default of most"
              + " distributions), in a container also with --device /dev/fuse");
    }
    Native.close(fd);
  }

  private static void removeDeadMount(Path path, Mounter mounter) throws MountException {
    // Several dead mounts may be stacked.
    for (Optional<MountTable.Mount> at = MountTable.at(path);
        at.isPresent();
        at = MountTable.at(path)) {
      MountTable.Mount mount = at.get();
      if (!mount.isFuse() || !isDead(path, mount)) {
        throw new MountException(
            "%s is already a mount (%s from %s); unmount it or choose another directory"
                .formatted(path, mount.type(), mount.source()));
      }
      log.warn(
          "removing the dead mount on {} ({} from {}): its daemon ended without unmounting",
          path,
          mount.type(),
          mount.source());
      mounter.detach(path);
    }
  }

  private static boolean isDead(Path path, MountTable.Mount mount) throws MountException {
    try {
      return limited("asking the file system on " + path, () -> statxErrno(path)) == Errno.ENOTCONN;
    } catch (MountException e) {
      throw new MountException(
          "%s carries a %s mount that does not answer. If its daemon is stuck, free it with: echo 1 > /sys/fs/fuse/connections/%d/abort; umount -l %s"
              .formatted(path, mount.type(), mount.minor(), path),
          e);
    }
  }

  /** Asks the file system itself; cached attributes would look alive. */
  private static int statxErrno(Path path) {
    ByteBuffer result = Native.scratch(256);
    int rc =
        Native.C.statx(
            -100, // AT_FDCWD, not used with an absolute path
            Native.cString(path.toString()),
            AT_STATX_FORCE_SYNC,
            STATX_BASIC_STATS,
            Native.address(result));
    return rc == 0 ? 0 : Native.errno();
  }

  private static Void examine(Path path) throws IOException {
    if (!Files.isDirectory(path)) {
      throw new MountException(
          "the mount point " + path + " is not a directory; choose or create a directory");
    }
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(path)) {
      for (Path entry : entries) {
        if (isOfNothing(entry)) {
          log.warn(
              "removing {}: a program made it when its database had gone with the mount", entry);
          Files.delete(entry);
          continue;
        }
        throw new MountException(
            "the mount point "
                + path
                + " is not empty (it has "
                + entry.getFileName()
                + "): a program may have written there while nothing was mounted, and the mount would"
                + " hide those files; move them away and start again");
      }
    }
    return null;
  }

  /**
   * A program that has a database open when the daemon dies makes the files beside it anew, in the
   * directory below. Without a database a wal-index, or a WAL of no bytes, has nothing; left there
   * it would keep the node from starting.
   */
  private static boolean isOfNothing(Path entry) throws IOException {
    if (!Files.isRegularFile(entry, LinkOption.NOFOLLOW_LINKS)) {
      return false;
    }
    String name = entry.getFileName().toString();
    boolean empty = name.endsWith("-shm") || name.endsWith("-wal") && Files.size(entry) == 0;
    return empty && Files.notExists(entry.resolveSibling(name.substring(0, name.length() - 4)));
  }

  private static <T> T limited(String what, Callable<T> look) throws MountException {
    FutureTask<T> task = new FutureTask<>(look);
    Thread thread = new Thread(task, "fuse-mount-check");
    thread.setDaemon(true);
    thread.start();
    try {
      return task.get(LIMIT_SECONDS, TimeUnit.SECONDS);
    } catch (TimeoutException e) {
      throw new MountException(
          what + " takes longer than " + LIMIT_SECONDS + " s; a file system on the way hangs", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new MountException("interrupted while " + what, e);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof MountException cause) {
        throw cause;
      }
      throw new MountException(what + " failed: " + e.getCause(), e.getCause());
    }
  }
}
