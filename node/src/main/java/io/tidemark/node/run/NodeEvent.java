package io.tidemark.node.run;

/** What can end a running node. */
sealed interface NodeEvent {
  /** A signal arrived; the name is without SIG. */
  record Signal(String name) implements NodeEvent {}

  /** The supervised command ended. */
  record ChildExit(int code) implements NodeEvent {}

  /** The mount is gone although nobody here removed it. */
  record MountLost() implements NodeEvent {}
}
