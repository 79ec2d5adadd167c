package io.tidemark.lease.protocol;

/** What a node is, as far as the cluster goes. */
public enum Role {
  /** Recovers its databases. */
  STARTING,
  /** Follows the primary, or looks for one. */
  FOLLOWING,
  /** The store or this node is not what it was: it follows nobody and acquires nothing. */
  WAITING_FOR_OPERATOR,
  /** Has asked the store for the lease. */
  ACQUIRING,
  /** Has the lease; announces its epoch and has not read the end of its log. */
  FENCING,
  /** Has read the end of its log; what it inherited is not yet known to be committed. */
  SETTLING,
  /** Serves writers. */
  PRIMARY,
  /** Is handing over: writers wait. */
  HOLDING,
  /** Could not renew in time: commits nothing until it knows whether it still owns the lease. */
  DEADLINE_PASSED,
  /** Goes down. */
  STOPPING,
  /** Is down. */
  STOPPED
}
