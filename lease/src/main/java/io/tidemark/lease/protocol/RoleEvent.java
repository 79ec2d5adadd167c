package io.tidemark.lease.protocol;

/** What changes the role of a node. */
public enum RoleEvent {
  /** All databases are recovered, or say why not. */
  RECOVERED,
  /** Nobody owns the lease and {@link Eligibility} says yes: the acquisition is sent. */
  ELIGIBLE,
  /** {@link Eligibility} says that a person has to look. */
  OPERATOR_NEEDED,
  /** A later read of the record gives no reason for that any more. */
  RECORD_FITS,
  /** The store has granted the lease and has our record. */
  ACQUIRED,
  /** The store has not granted it, and cannot any more. */
  NOT_ACQUIRED,
  /** {@link Fencing} says that the end of the log may be read. */
  FENCED,
  /** All that was inherited is committed, in every database that is served. */
  SETTLED,
  /** A newer epoch, or a record of another primary, has been seen; or the lease is not ours. */
  SUPERSEDED,
  /** The deadline of the lease has passed without a renewal. */
  DEADLINE,
  /** The store has said, later, that the ownership never ended. */
  OWNERSHIP_PROVED,
  /** This primary has taken a new epoch, to abort what is in doubt. */
  NEW_EPOCH,
  /** A handoff begins: asked for, because of a failed database, or because the node stops. */
  HANDOFF,
  /** The lease is given up to the successor. */
  HANDED_OVER,
  /** The handoff is given up, and the release cannot happen any more. */
  RESUMED,
  /** The program is asked to stop, and there is nothing to hand over (any more). */
  STOP,
  /** Everything is closed. */
  CLOSED
}
