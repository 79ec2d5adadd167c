package io.tidemark.lease.protocol.model;

/** A promise is broken in a state of the model. */
final class Violation extends RuntimeException {
  private static final long serialVersionUID = 1;

  Violation(String message) {
    super(message);
  }
}
