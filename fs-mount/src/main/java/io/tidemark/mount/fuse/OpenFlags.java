package io.tidemark.mount.fuse;

/** Flags of an open reply ({@code FOPEN_*} of the kernel's fuse.h). */
public final class OpenFlags {
  /** No page cache for this handle. */
  public static final int DIRECT_IO = 1;

  /** Keep what the page cache holds from earlier opens. */
  public static final int KEEP_CACHE = 2;

  private OpenFlags() {}
}
