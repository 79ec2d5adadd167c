/** Certificates of this node, for its own port and for the connections that it makes. */
package io.tidemark.node.tls;
