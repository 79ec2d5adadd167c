/**
 * The boundary to the kernel: FUSE transports, mounting and unmounting, and the few system calls
 * the daemon needs on its own mount. Everything native is in here; nothing here knows SQLite, LTX
 * or the network. A file system implements {@link io.tidemark.mount.fuse.FuseFileSystem} and is
 * mounted by {@link io.tidemark.mount.fuse.FuseMount}. Layouts and constants follow the kernel's
 * {@code include/uapi/linux/fuse.h}, protocol 7.31 and later.
 */
package io.tidemark.mount.fuse;
