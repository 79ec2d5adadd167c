package io.tidemark.lease.protocol;

/** What a COMMIT waits for. */
public enum CommitMode {
  /** The log of the primary. */
  ASYNC,
  /** The log of the primary and those of all in-sync members, on disk. */
  SYNC
}
