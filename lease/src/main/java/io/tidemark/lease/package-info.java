/**
 * Who may write: one contract over a store that grants the ownership of a cluster for a time and
 * keeps the cluster's record, and its implementations for a static configuration, etcd, Consul and
 * Kubernetes. What the record says, and what follows from it, does not belong here.
 */
package io.tidemark.lease;
