package io.tidemark.stream.receive;

import io.tidemark.stream.Id;
import io.tidemark.stream.Refusal;
import io.tidemark.stream.Standing;
import io.tidemark.stream.Welcome;
import java.io.IOException;

/**
 * Decides whether a node listens to a primary, and hears what that says of the in-sync set. Called
 * by the event loop of the connection, one call at a time.
 */
@FunctionalInterface
public interface FollowGate {
  /**
   * Called before anything is taken from a primary, or said to it. What was promised to it (epoch,
   * nonce, record version) is durable when this returns null; only then the primary is told where
   * the logs end.
   *
   * @return why not, or null to go on
   * @throws IOException when the promise cannot be kept on the disk
   */
  Refusal judge(Welcome from) throws IOException;

  /**
   * This node is no member of the in-sync set and may ask to be admitted. Called once each time it
   * hears that it is none, unless it has not been one since it asked on the same connection.
   *
   * @return a token that was drawn now and is durable, or {@link Id#NONE} if this node is not to be
   *     a member
   * @throws IOException when it cannot be made durable: then this node does not ask
   */
  default Id admission() throws IOException {
    return Id.NONE;
  }

  /** The primary has changed the record, or what this node is in it. */
  default void standing(Standing now) {}

  /**
   * The primary has handed over to this node.
   *
   * @param recordVersion of the record that says so, which should be read now
   */
  default void handoff(long recordVersion) {}
}
