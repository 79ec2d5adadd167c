package io.tidemark.database;

import java.io.IOException;

/** Why something from the primary was not taken. Nothing of it stays. */
public final class ReplicationException extends IOException {
  private static final long serialVersionUID = 1;

  /** What the stream has to do about it. */
  public enum Kind {
    /** Not the transaction after the last one: begin again at {@link ReplicaLog#received}. */
    NOT_NEXT,
    /** The sender is no primary any more, or this node is one itself: leave it. */
    OLDER_EPOCH,
    /** It continues another history: find the common position. */
    WRONG_HISTORY,
    /** The bytes are not what the primary sent: ask for them again. */
    DAMAGED,
    /** This node's disk refuses, or the database is not served: try again later. */
    DISK
  }

  private final Kind kind;

  ReplicationException(Kind kind, String message) {
    super(message);
    this.kind = kind;
  }

  ReplicationException(Kind kind, String message, Throwable cause) {
    super(message, cause);
    this.kind = kind;
  }

  static ReplicationException ofDisk(String what, IOException cause) {
    return new ReplicationException(Kind.DISK, what + ": " + cause.getMessage(), cause);
  }

  public Kind kind() {
    return kind;
  }
}
