/**
 * The lease of {@code lease.type: static}: the configuration says who the primary is. Only its
 * record, with the counter of its epochs, has to be kept, in a file.
 */
package io.tidemark.lease.fixed;
