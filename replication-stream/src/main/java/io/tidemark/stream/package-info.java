/**
 * How nodes talk about transactions: the frames of the replication stream, their encoding, and the
 * decisions that need no socket (what a replica has to be sent, whose turn it is, when a peer
 * counts as dead). PROTOCOL.md in this module describes every byte. SQLite's formats, files, FUSE
 * and the question who is the primary do not belong here.
 */
package io.tidemark.stream;
