/**
 * The lease in Consul: ownership is a key locked by a session, the record is a key beside it.
 * Speaks to the agent's HTTP API directly.
 */
package io.tidemark.lease.consul;
