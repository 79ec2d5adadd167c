package io.tidemark.lease;

/** A running {@link Leaser#watch}. */
@FunctionalInterface
public interface LeaseWatch extends AutoCloseable {
  /** No hint begins after this. */
  @Override
  void close();
}
