package io.tidemark.lease.protocol;

/**
 * What a node has acknowledged for one database: in this epoch, as this member, its log is on disk
 * up to a TXID, all of that is a part of the primary's log, and nothing lies beyond.
 *
 * @param member as the node itself said when it connected
 * @param epoch of the primary; durable on the node
 * @param durable TXID; 0 if the node has nothing
 */
public record MemberAck(Member member, long epoch, long durable) {}
