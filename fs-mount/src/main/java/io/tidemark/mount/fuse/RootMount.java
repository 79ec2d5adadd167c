package io.tidemark.mount.fuse;

import java.nio.file.Path;

/** mount(2) and umount2(2). */
final class RootMount implements Mounter {
  private static final long MS_NOSUID = 2;
  private static final long MS_NODEV = 4;
  private static final int MNT_DETACH = 2;
  private static final int UMOUNT_NOFOLLOW = 8;

  @Override
  public boolean isRoot() {
    return true;
  }

  @Override
  public void checkUsable() {
    // System calls only
  }

  @Override
  public int mount(Path mountPoint, MountOptions options) throws MountException {
    int fd = Native.C.open(Native.cString("/dev/fuse"), Native.O_RDWR | Native.O_CLOEXEC, 0);
    if (fd < 0) {
      throw new MountException("cannot open /dev/fuse: " + Errno.name(Native.errno()));
    }
    String data =
        "fd=%d,rootmode=40000,user_id=%d,group_id=%d,default_permissions,max_read=%d%s"
            .formatted(
                fd,
                Native.C.geteuid(),
                Native.C.getegid(),
                MountOptions.MAX_WRITE,
                options.allowOther() ? ",allow_other" : "");
    int rc =
        Native.C.mount(
            Native.cString(options.fsName()),
            Native.cString(mountPoint.toString()),
            Native.cString("fuse.tidemark"),
            MS_NOSUID | MS_NODEV,
            Native.cString(data));
    if (rc < 0) {
      int errno = Native.errno();
      Native.close(fd);
      String hint =
          switch (errno) {
            case Errno.EPERM, Errno.EACCES ->
                "; root without CAP_SYS_ADMIN cannot mount, give the container --cap-add SYS_ADMIN"
                    + " (and a security profile that allows mount)";
            case Errno.ENODEV -> "; the kernel has no FUSE, run modprobe fuse";
            case Errno.EINVAL ->
                "; /dev/fuse is not the FUSE device, make it anew: rm /dev/fuse && mknod /dev/fuse"
                    + " c 10 229";
            default -> "";
          };
      throw new MountException(
          "mounting on " + mountPoint + " failed: " + Errno.name(errno) + hint);
    }
    return fd;
  }

  @Override
  public boolean unmount(Path mountPoint) throws MountException {
    return umount(mountPoint, UMOUNT_NOFOLLOW);
  }

  @Override
  public void detach(Path mountPoint) throws MountException {
    umount(mountPoint, UMOUNT_NOFOLLOW | MNT_DETACH);
  }

  @Override
  public String detachProgram() throws MountException {
    String umount = Programs.find("umount");
    if (umount == null) {
      throw new MountException("umount(8) was not found; install the package mount (util-linux)");
    }
    return umount;
  }

  @Override
  public String detachOptions() {
    return "-l";
  }

  private static boolean umount(Path mountPoint, int flags) throws MountException {
    if (Native.C.umount2(Native.cString(mountPoint.toString()), flags) == 0) {
      return true;
    }
    int errno = Native.errno();
    if (errno == Errno.EBUSY) {
      return false;
    }
    throw new MountException("cannot unmount " + mountPoint + ": " + Errno.name(errno));
  }
}
