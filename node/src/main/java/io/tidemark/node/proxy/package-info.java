/** The proxy of this node: what it has to know of databases, cluster and configuration. */
package io.tidemark.node.proxy;
