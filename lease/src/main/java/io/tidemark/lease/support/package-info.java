/**
 * What the clients of lease stores share: the steps of an attempt to acquire, HTTP with time limits
 * and clear errors, JSON, the loop of a watch. Nothing here knows one of the stores.
 */
package io.tidemark.lease.support;
