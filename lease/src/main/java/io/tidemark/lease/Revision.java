package io.tidemark.lease;

import java.util.Objects;

/**
 * Which version of the record the store holds. A transaction compares it.
 *
 * @param incarnation names the store, or the object in it, that counts: numbers of two incarnations
 *     cannot be compared. Empty where the store has no such name.
 * @param number grows with each change
 */
public record Revision(String incarnation, long number) {
  public Revision {
    Objects.requireNonNull(incarnation);
  }

  @Override
  public String toString() {
    return incarnation.isEmpty() ? Long.toString(number) : number + " of " + incarnation;
  }
}
