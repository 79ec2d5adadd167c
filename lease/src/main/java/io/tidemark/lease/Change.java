package io.tidemark.lease;

/** What became of a change of the record by its owner. */
public sealed interface Change {
  /** The record is the one that was given, at this revision, and the ownership was ours. */
  record Done(Revision revision) implements Change {}

  /** Nothing was done: the ownership is ours but the record is not at the expected revision. */
  record RecordChanged() implements Change {}

  /** Nothing was done: the ownership is not ours any more. */
  record Lost(String reason) implements Change {}

  /**
   * The answer was lost. It may have been done, and if a read does not show it, it may still
   * happen, until another change from the same revision has succeeded or the ownership has ended.
   * Nothing may be acknowledged that rests on it.
   */
  record Unknown(LeaseStoreException cause) implements Change {}
}
