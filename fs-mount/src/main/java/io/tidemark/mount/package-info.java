/**
 * The file system that programs see: names, nodes, attributes and handles, and which call on a
 * database each request means. The protocol with the kernel is in {@code fuse}; what a write means
 * for a transaction is in the database module.
 */
package io.tidemark.mount;
