package io.tidemark.lease;

import java.util.Objects;

/** The cluster record as the store holds it: a text that means nothing to this package. */
public record StoredRecord(String text, Revision revision) {
  public StoredRecord {
    Objects.requireNonNull(text);
    Objects.requireNonNull(revision);
  }
}
