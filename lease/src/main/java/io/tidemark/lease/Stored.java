package io.tidemark.lease;

import java.util.Objects;
import java.util.Optional;

/**
 * What a linearizable read has found: at some moment between the call and its return, both were so.
 *
 * @param record the cluster record; it stays when the ownership ends
 * @param owner who holds the ownership, if it is held
 */
public record Stored(Optional<StoredRecord> record, Optional<Owner> owner) {
  public Stored {
    Objects.requireNonNull(record);
    Objects.requireNonNull(owner);
  }

  public Optional<Revision> revision() {
    return record.map(StoredRecord::revision);
  }

  /**
   * Why this cannot come after an earlier read of the same store, or empty if it can. That happens
   * when a store was restored from a backup, when an object was deleted by hand, or when the
   * configuration now names another store. What the record itself says about its version is to be
   * compared as well: a restored store may have counted past the revision that was seen.
   */
  public Optional<String> regressionSince(Stored earlier) {
    if (earlier.record.isEmpty()) {
      return Optional.empty();
    }
    Revision before = earlier.record.get().revision();
    if (record.isEmpty()) {
      return Optional.of("the record is gone; it was there at revision " + before);
    }
    Revision now = record.get().revision();
    if (!now.incarnation().equals(before.incarnation())) {
      return Optional.of(
          "the record is of another store or was made anew: revision " + now + ", seen " + before);
    }
    return now.number() < before.number()
        ? Optional.of("the record went back to revision " + now + ", seen " + before)
        : Optional.empty();
  }
}
