/**
 * The lease in Kubernetes: one object of coordination.k8s.io/v1 holds the ownership and, in its
 * annotations, the record. Speaks to the API server directly.
 */
package io.tidemark.lease.kubernetes;
