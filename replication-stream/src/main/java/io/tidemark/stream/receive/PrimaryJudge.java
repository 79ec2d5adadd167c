package io.tidemark.stream.receive;

import io.tidemark.stream.Refusal;
import io.tidemark.stream.Welcome;
import java.io.IOException;

/** Decides whether a node listens to a primary that has answered its greeting. */
@FunctionalInterface
public interface PrimaryJudge {
  /**
   * Called before anything is taken from that primary. What was promised to it is durable when this
   * returns null; its epoch is made durable afterwards.
   *
   * @return why not, or null to go on
   * @throws IOException when the promise cannot be kept on the disk
   */
  Refusal judge(Welcome from) throws IOException;
}
