package io.tidemark.node.halt;

import io.tidemark.database.LogPosition;

/**
 * A halt lock as its holder gets it.
 *
 * @param term differs from that of any earlier time the lock was held, also by the same id: who
 *     finds another one has lost the lock in between
 * @param epoch of the primary
 * @param position of the database on the primary
 * @param remainingMillis until it expires unless it is renewed
 */
public record HaltGrant(
    String name, String id, long term, long epoch, LogPosition position, long remainingMillis) {}
