package io.tidemark.mount.fuse;

/**
 * Attributes of a node, as in stat(2).
 *
 * @param inode inode number shown to programs; by convention the node id
 * @param mode file type and permission bits
 * @param size bytes
 */
public record Attr(
    long inode,
    int mode,
    int nlink,
    int uid,
    int gid,
    long size,
    long blocks,
    long atimeNanos,
    long mtimeNanos,
    long ctimeNanos) {}
