package io.tidemark.database;

/** What this node may do with its databases. */
public enum Role {
  /** Programs may write; the log takes this node's own records. */
  PRIMARY,
  /** Programs may read; the log takes only the records of the primary. */
  REPLICA,
  /** No longer fed by a primary and not yet one: what the log has is being shown. */
  PROMOTING
}
