package io.tidemark.node.cluster;

import java.io.IOException;

/** What people can see and change of a node's place in its cluster. Safe for all threads. */
public interface ClusterControl {
  ClusterStatus status();

  /**
   * On the primary: makes another node primary. Writers wait meanwhile, nothing is lost.
   *
   * @param nodeId 16 hex digits; null for the in-sync member that is furthest
   * @return where the new primary is reached
   * @throws RoleChangeException when the primary stays who it is
   */
  String handOff(String nodeId) throws RoleChangeException, IOException;

  /**
   * Makes this node primary: whoever is hands over to it.
   *
   * @return where this node is reached
   * @throws RoleChangeException when it does not become primary
   */
  String promote() throws RoleChangeException, IOException;

  /**
   * Makes this node primary although others may have transactions that it lacks. It never takes the
   * lease from a node that has it.
   *
   * @return where this node is reached
   * @throws RoleChangeException when it does not become primary
   */
  String force() throws RoleChangeException, IOException;
}
