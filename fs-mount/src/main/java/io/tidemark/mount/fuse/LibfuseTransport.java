package io.tidemark.mount.fuse;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import jnr.ffi.Pointer;
import jnr.ffi.Struct;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import ru.serce.jnrfuse.FuseException;
import ru.serce.jnrfuse.FuseStubFS;

/**
 * libfuse 2 through jnr-fuse, for systems where the kernel transport cannot run. libfuse mounts,
 * runs its own threads and calls {@link LibfuseOperations}.
 *
 * <p>Options: {@code hard_remove}, because the default renames a file that is removed while open,
 * and journal names mean something here; no {@code use_ino}, see {@link LibfuseCache}; no {@code
 * kernel_cache}; no timeouts, because libfuse has one for all names and cannot follow what the file
 * system says about each. Locks stay in the kernel: there is no lock callback.
 */
final class LibfuseTransport implements Transport {
  private static final Logger log = LoggerFactory.getLogger(LibfuseTransport.class);

  private static final long INIT_SECONDS = 10;

  /** Slot of the flags flag_nullpath_ok 1, flag_nopath 2, flag_utime_omit_ok 4. */
  private static final int FLAGS_SLOT = 38;

  private final FuseFileSystem fs;
  private final Path mountPoint;
  private final LibfuseBinding.Functions libfuse;
  private final LibfuseOperations operations;
  private final KernelCache cache = new LibfuseCache(this);
  private final CountDownLatch ready = new CountDownLatch(1);
  private final CountDownLatch stopped = new CountDownLatch(1);
  private volatile boolean started;
  private volatile boolean muted;
  private volatile long channel;

  /** The closures of the callbacks: native code has only their addresses. */
  private final List<Object> closures = new ArrayList<>();

  LibfuseTransport(FuseFileSystem fs, Path mountPoint, FuseTrace trace) throws MountException {
    this.fs = fs;
    this.mountPoint = mountPoint;
    libfuse = LibfuseBinding.load();
    operations = new LibfuseOperations(fs, trace, libfuse);
  }

  /** Mounts; returns when the kernel connection is ready. */
  void start(MountOptions options) throws MountException {
    String settings =
        "hard_remove,big_writes,default_permissions,attr_timeout=0,entry_timeout=0"
            + ",negative_timeout=0,subtype=tidemark,fsname="
            + options.fsName()
            + (options.allowOther() ? ",allow_other" : "");
    Session session = new Session();
    Thread thread =
        new Thread(
            () -> run(session, new String[] {"-o", settings}),
            "fuse-" + mountPoint.getFileName() + "-libfuse");
    thread.setDaemon(true);
    thread.start();
    try {
      if (!ready.await(INIT_SECONDS, TimeUnit.SECONDS) || !started) {
        throw new MountException(
            "libfuse could not mount on %s; its reason is on standard error%s"
                .formatted(
                    mountPoint,
                    options.allowOther()
                        ? ". Without root, allow_other needs user_allow_other in /etc/fuse.conf"
                        : ""));
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new MountException("interrupted while mounting", e);
    }
  }

  private void run(Session session, String[] settings) {
    try {
      session.mount(mountPoint, true, false, settings);
    } catch (FuseException e) {
      if (started) {
        log.warn("libfuse ended with an error", e);
      }
    } finally {
      ready.countDown();
      if (started) {
        try {
          fs.stopped();
        } catch (RuntimeException e) {
          log.error("the file system failed in stopped()", e);
        }
      }
      stopped.countDown();
    }
  }

  private void initialised(long fuse) {
    channel = libfuse.fuse_session_next_chan(libfuse.fuse_get_session(fuse), 0);
    try {
      fs.start(cache);
      started = true;
    } catch (RuntimeException e) {
      log.error("the file system failed in start()", e);
    }
    ready.countDown();
  }

  /** libfuse frees its channel when it ends; a notification must not use it then. */
  @Override
  public void mute(boolean value) {
    muted = value;
  }

  boolean canNotify() {
    return !muted && started && !isStopped();
  }

  LibfuseBinding.Functions libfuse() {
    return libfuse;
  }

  LibfuseOperations operations() {
    return operations;
  }

  long channel() {
    return channel;
  }

  Path mountPoint() {
    return mountPoint;
  }

  @Override
  public KernelCache cache() {
    return cache;
  }

  @Override
  public boolean isStopped() {
    return stopped.getCount() == 0;
  }

  @Override
  public boolean awaitStopped(long millis) throws InterruptedException {
    return stopped.await(millis, TimeUnit.MILLISECONDS);
  }

  /** jnr-fuse's part: loading libfuse, the table of operations, and the main loop. */
  private final class Session extends FuseStubFS {
    private final Pointer table = Struct.getMemory(fuseOperations);

    Session() {
      LibfuseOperations o = operations;
      set(0, LibfuseBinding.Call2.class, o::getattr);
      set(1, LibfuseBinding.Call3.class, o::readlink);
      set(3, LibfuseBinding.Call3.class, o::mknod);
      set(4, LibfuseBinding.Call2.class, o::mkdir);
      set(5, LibfuseBinding.Call1.class, o::unlink);
      set(6, LibfuseBinding.Call1.class, o::rmdir);
      set(7, LibfuseBinding.Call2.class, o::symlink);
      set(8, LibfuseBinding.Call2.class, o::rename);
      set(9, LibfuseBinding.Call2.class, o::link);
      set(10, LibfuseBinding.Call2.class, o::chmod);
      set(11, LibfuseBinding.Call3.class, o::chown);
      set(12, LibfuseBinding.Call2.class, o::truncate);
      set(14, LibfuseBinding.Call2.class, o::open);
      set(15, LibfuseBinding.Call5.class, o::read);
      set(16, LibfuseBinding.Call5.class, o::write);
      set(17, LibfuseBinding.Call2.class, o::statfs);
      set(18, LibfuseBinding.Call2.class, o::flush);
      set(19, LibfuseBinding.Call2.class, o::release);
      set(20, LibfuseBinding.Call3.class, o::fsync);
      set(25, LibfuseBinding.Call2.class, o::opendir);
      set(26, LibfuseBinding.Call5.class, o::readdir);
      set(27, LibfuseBinding.Call2.class, o::releasedir);
      set(28, LibfuseBinding.Call3.class, o::fsyncdir);
      set(32, LibfuseBinding.Call3.class, o::create);
      set(33, LibfuseBinding.Call3.class, o::ftruncate);
      set(34, LibfuseBinding.Call3.class, o::fgetattr);
      set(36, LibfuseBinding.Call2.class, o::utimens);
      set(44, LibfuseBinding.Call5.class, o::fallocate);
      table.putInt(FLAGS_SLOT * 8L, 1 | 2 | 4);
    }

    /** Writes a function pointer into a slot of struct fuse_operations (fuse.h of libfuse 2.9). */
    private <T> void set(int slot, Class<? extends T> type, T callback) {
      closures.add(callback);
      table.putPointer(
          slot * 8L, Native.RUNTIME.getClosureManager().getClosurePointer(type, callback));
    }

    @Override
    public Pointer init(Pointer connection) {
      initialised(LibfuseBinding.MEMORY.getAddress(libfuse.fuse_get_context()));
      return null;
    }

    @Override
    public void umount() {
      // Called by a shutdown hook of jnr-fuse; unmounting is FuseMount's business.
    }

    @Override
    protected String getFSName() {
      return "tidemark";
    }
  }
}
