package io.tidemark.mount.fuse;

import java.nio.file.Path;

/** Mounts and unmounts with the rights this process has. */
interface Mounter {
  static Mounter ofThisProcess() {
    return Native.C.geteuid() == 0 ? new RootMount() : new FusermountMount();
  }

  boolean isRoot();

  /** Throws when a program that is needed is missing. */
  void checkUsable() throws MountException;

  /** Mounts for the kernel transport; returns the descriptor of /dev/fuse. */
  int mount(Path mountPoint, MountOptions options) throws MountException;

  /**
   * Removes the mount if nobody uses it.
   *
   * @return false when it is busy
   */
  boolean unmount(Path mountPoint) throws MountException;

  /** Removes the mount from the tree at once; programs keep what they have open. */
  void detach(Path mountPoint) throws MountException;

  /** The program that detaches a mount, for the guard process. */
  String detachProgram() throws MountException;

  /** Its options, separated by spaces; the mount point follows. */
  String detachOptions();
}
