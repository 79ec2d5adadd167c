package io.tidemark.it;

/** What is done to a cluster while clients use it. */
interface ClusterScript {
  /** Returns when it has done the last of it; what is still broken then is healed by others. */
  void run(ClusterRound round) throws Exception;

  /** At each node. */
  default int clients() {
    return 2;
  }

  /**
   * Of what a client does; the rest are reads.
   *
   * @param client number of the client at its node, from 1
   */
  default double shareOfWrites(int client) {
    return 0.7;
  }
}
