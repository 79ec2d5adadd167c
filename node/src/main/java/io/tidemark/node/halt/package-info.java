/**
 * The halt lock: a replica writes one database while the primary's own writers wait. {@link
 * io.tidemark.node.halt.HaltLock} decides, {@link io.tidemark.node.halt.PrimaryHalts} and {@link
 * io.tidemark.node.halt.ReplicaHalts} act.
 */
package io.tidemark.node.halt;
