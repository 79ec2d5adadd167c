package io.tidemark.mount.fuse;

/**
 * A name that was found or made. Giving it to the kernel adds one reference to the node, which a
 * later forget takes away.
 *
 * @param entryValidNanos how long the kernel may trust the name
 * @param attrValidNanos how long the kernel may trust the attributes
 */
public record Entry(long node, Attr attr, long entryValidNanos, long attrValidNanos) {}
