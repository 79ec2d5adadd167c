/**
 * What the clients of lease stores share: HTTP with time limits and clear errors, JSON, the loop of
 * a watch. Nothing here knows what a lease is.
 */
package io.tidemark.lease.support;
