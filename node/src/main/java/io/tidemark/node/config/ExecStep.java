package io.tidemark.node.config;

import java.util.List;

/**
 * A command that the node runs once it is mounted.
 *
 * @param command program and arguments
 * @param ifCandidate skip it quietly on a node that may not become primary
 */
public record ExecStep(List<String> command, boolean ifCandidate) {
  public ExecStep {
    command = List.copyOf(command);
  }
}
