package io.tidemark.lease.protocol;

/**
 * A node of the in-sync set. A node counts as this member only if all three are equal: then its
 * data directory is the one that was admitted, and has not been set back to before that.
 *
 * @param nodeId random id of the node, not 0
 * @param incarnation random id of its data directory, not 0
 * @param token random number that the node drew, and made durable, before it asked to be admitted;
 *     not 0
 */
public record Member(long nodeId, long incarnation, long token) implements Comparable<Member> {
  /**
   * @throws IllegalArgumentException if one of them is 0
   */
  public Member {
    if (nodeId == 0 || incarnation == 0 || token == 0) {
      throw new IllegalArgumentException("a member has a node id, an incarnation and a token");
    }
  }

  /** The order in which a record lists members. */
  @Override
  public int compareTo(Member other) {
    return Long.compareUnsigned(nodeId, other.nodeId);
  }

  @Override
  public String toString() {
    return Ids.node(nodeId);
  }
}
