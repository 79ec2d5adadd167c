package io.tidemark.lease.fixed;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;

/**
 * A lock file that one process holds and that is free when it ends, however it ends. The locks of
 * the system are those of a process, so within this one a set says who has it.
 */
final class ProcessLock {
  private static final Set<Path> HELD_HERE = new HashSet<>(); // guarded by the class

  private final Path path;
  private final FileChannel channel;

  private ProcessLock(Path path, FileChannel channel) {
    this.path = path;
    this.channel = channel;
  }

  /** Empty if it is taken. */
  static Optional<ProcessLock> tryTake(Path path) throws IOException {
    synchronized (ProcessLock.class) {
      if (HELD_HERE.contains(path)) {
        return Optional.empty();
      }
      FileChannel channel =
          FileChannel.open(path, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
      try {
        FileLock lock = channel.tryLock();
        if (lock != null) {
          HELD_HERE.add(path);
          return Optional.of(new ProcessLock(path, channel));
        }
      } catch (IOException e) {
        channel.close();
        throw e;
      }
      channel.close();
      return Optional.empty();
    }
  }

  /** Takes it for an instant, so somebody else may find it taken. */
  static boolean isTaken(Path path) throws IOException {
    Optional<ProcessLock> lock = tryTake(path);
    if (lock.isPresent()) {
      lock.get().free();
    }
    return lock.isEmpty();
  }

  boolean isHeld() {
    return channel.isOpen();
  }

  void free() throws IOException {
    synchronized (ProcessLock.class) {
      if (channel.isOpen()) {
        HELD_HERE.remove(path);
        channel.close();
      }
    }
  }
}
