/**
 * What the cluster record says and what follows from it: who may acquire, what a new primary does
 * before it serves, when a transaction is committed, how the in-sync set changes, what becomes of a
 * commit in doubt, how the primary is handed over.
 *
 * <p>Pure decisions: no clock, no thread, no file, no network. Whoever carries them out gives what
 * he knows and gets what to do, with a sentence that says why. {@code docs/PROTOCOL.md} is the
 * written form; a model check in the tests drives these classes through every order of events
 * within its bounds.
 */
package io.tidemark.lease.protocol;
