package io.tidemark.mount.fuse;

import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A mounted file system. */
public final class FuseMount {
  private static final Logger log = LoggerFactory.getLogger(FuseMount.class);

  private static final long STOP_MILLIS = 10_000;

  private final Path mountPoint;
  private final Mounter mounter;
  private final Transport transport;
  private final FuseTrace trace;
  private final int minor;
  private Guard guard;

  private FuseMount(
      Path mountPoint, Mounter mounter, Transport transport, FuseTrace trace, int minor) {
    this.mountPoint = mountPoint;
    this.mounter = mounter;
    this.transport = transport;
    this.trace = trace;
    this.minor = minor;
  }

  /**
   * Mounts {@code fs}. When this returns, programs can use the mount. A dead mount that a killed
   * daemon left on the directory is replaced.
   *
   * @throws MountException with cause and next step; then nothing is mounted
   */
  public static FuseMount mount(FuseFileSystem fs, MountOptions options) throws MountException {
    Mounter mounter = Mounter.ofThisProcess();
    Path mountPoint = MountPointCheck.prepare(options.mountPoint(), mounter);
    FuseTrace trace = new FuseTrace();
    Transport transport =
        switch (options.transport()) {
          case KERNEL -> kernelTransport(fs, options, mounter, mountPoint, trace);
          case LIBFUSE -> {
            LibfuseTransport libfuse = new LibfuseTransport(fs, mountPoint, trace);
            libfuse.start(options);
            yield libfuse;
          }
        };
    return announce(
        new FuseMount(mountPoint, mounter, transport, trace, minorOf(mountPoint)), options);
  }

  private static Transport kernelTransport(
      FuseFileSystem fs, MountOptions options, Mounter mounter, Path mountPoint, FuseTrace trace)
      throws MountException {
    int fd = mounter.mount(mountPoint, options);
    KernelTransport transport = new KernelTransport(fs, fd, options, trace);
    try {
      transport.start();
      return transport;
    } catch (MountException | RuntimeException | Error e) {
      Native.close(fd);
      mounter.detach(mountPoint);
      throw e;
    }
  }

  private static FuseMount announce(FuseMount mount, MountOptions options) throws MountException {
    if (mount.mounter.isRoot()) {
      FuseControl.raiseReadAhead(mount.minor);
    }
    if (options.guard()) {
      try {
        mount.guard = Guard.start(mount.mounter, mount.mountPoint, mount.minor);
      } catch (MountException e) {
        mount.detach();
        throw e;
      }
    }
    log.info(
        "mounted on {} ({} transport, connection {})",
        mount.mountPoint,
        options.transport().name().toLowerCase(Locale.ROOT),
        mount.minor);
    return mount;
  }

  private static int minorOf(Path mountPoint) throws MountException {
    return MountTable.at(mountPoint)
        .filter(MountTable.Mount::isFuse)
        .map(MountTable.Mount::minor)
        .orElseThrow(
            () -> new MountException(mountPoint + " was unmounted while it was being mounted"));
  }

  /** The directory without symbolic links. */
  public Path mountPoint() {
    return mountPoint;
  }

  public KernelCache cache() {
    return transport.cache();
  }

  /**
   * Device number of the mount (the major number is 0) and name of the connection below
   * /sys/fs/fuse/connections.
   */
  public int connectionId() {
    return minor;
  }

  /** Requests received so far by kind, such as {@code WRITE}; kinds that never came are absent. */
  public Map<String, Long> requestCounts() {
    return trace.counts();
  }

  /** False once it is unmounted, by whomever, or its connection was aborted. */
  public boolean isMounted() {
    return !transport.isStopped();
  }

  /**
   * Unmounts and waits until {@link FuseFileSystem#stopped} has returned. Not to be called from a
   * request thread.
   *
   * @throws MountBusyException when programs still use the mount; it goes on working then
   */
  public void unmount() throws MountException {
    if (!transport.isStopped() && isInMountTable()) {
      transport.mute(true);
      if (!mounter.unmount(mountPoint)) {
        transport.mute(false);
        throw new MountBusyException(mountPoint, HolderScan.holders(mountPoint, minor));
      }
    } else if (isInMountTable()) {
      // Its connection was aborted: only the dead directory is left.
      mounter.detach(mountPoint);
    }
    finish();
  }

  /**
   * Takes the mount out of the directory tree even if it is in use. Programs keep their open files,
   * and the file system serves them until the last is closed.
   */
  public void detach() throws MountException {
    if (isInMountTable()) {
      mounter.detach(mountPoint);
    }
    if (guard != null) {
      guard.end();
    }
  }

  /**
   * Ends the connection at once: requests that wait, and all later ones, fail with an I/O error.
   * For a mount that cannot be unmounted because something hangs.
   */
  public void abort() throws MountException {
    if (!transport.isStopped()) {
      FuseControl.abort(minor);
    }
    unmount();
  }

  /** Waits until the file system was unmounted by anybody. */
  public void awaitStopped() throws InterruptedException {
    transport.awaitStopped(Long.MAX_VALUE);
  }

  private boolean isInMountTable() throws MountException {
    return MountTable.at(mountPoint).filter(m -> m.minor() == minor && m.isFuse()).isPresent();
  }

  private void finish() throws MountException {
    try {
      if (!transport.awaitStopped(STOP_MILLIS)) {
        log.warn(
            "{} is unmounted here, but the connection lives on: another mount namespace (a"
                + " container) may still have it",
            mountPoint);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new MountException("interrupted while unmounting " + mountPoint, e);
    }
    if (guard != null) {
      guard.end();
    }
  }
}
