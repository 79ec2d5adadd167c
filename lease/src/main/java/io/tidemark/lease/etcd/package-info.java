/**
 * The lease in etcd: ownership is a key bound to an etcd lease, the record is a key beside it. The
 * only place that knows jetcd and gRPC.
 */
package io.tidemark.lease.etcd;
