package io.tidemark.node.config;

/** What who has a token may do; each role may do all that those before it may. */
public enum AccessRole {
  /** See and copy everything. */
  READ,
  /** Be a node of the cluster: follow the stream, take halt locks, ask for a handoff. */
  REPLICATE,
  /** Everything. */
  ADMIN;

  /** Whether it is enough where another is needed. */
  public boolean covers(AccessRole needed) {
    return compareTo(needed) >= 0;
  }
}
