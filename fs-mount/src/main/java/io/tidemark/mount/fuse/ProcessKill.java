package io.tidemark.mount.fuse;

/** Ends this process as a crash would; for fault injection. */
public final class ProcessKill {
  private static final int SIGKILL = 9;

  private ProcessKill() {}

  /** Sends SIGKILL to this process: no shutdown hook runs and no buffer is flushed. */
  public static void self() {
    Native.C.kill(Native.C.getpid(), SIGKILL);
  }

  /** The process id that the kernel uses in this pid namespace. */
  public static int pid() {
    return Native.C.getpid();
  }
}
