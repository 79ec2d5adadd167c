/**
 * This node in its cluster: reads the lease store, decides by {@code io.tidemark.lease.protocol},
 * and lets the databases and the streams do what was decided.
 */
package io.tidemark.node.cluster;
