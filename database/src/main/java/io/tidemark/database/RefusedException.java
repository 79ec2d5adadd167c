package io.tidemark.database;

import java.io.IOException;

/**
 * A file operation that Tidemark refuses or cannot do. The kind decides what SQLite is told; the
 * message is for the log and says why.
 */
public final class RefusedException extends IOException {
  private static final long serialVersionUID = 1;

  /** What the caller is told, in terms of errno. */
  public enum Kind {
    /** EROFS: this node or database takes no writes now. */
    READ_ONLY,
    /**
     * EACCES: a journal for a database that takes no writes. SQLite turns it into "attempt to write
     * a readonly database" (os_unix.c, unixOpen).
     */
    NO_ACCESS,
    /** ENOSPC. */
    NO_SPACE,
    /** EIO: the operation would break a promise, or the disk failed. */
    IO,
    /**
     * EIO: the transaction is in the log, and nobody knows yet whether it is committed. It is shown
     * nowhere until that is settled, then everywhere or nowhere ({@link Database#inDoubt}).
     */
    IN_DOUBT,
    /**
     * ESTALE: the content is not that of the name any more. SQLite makes "disk I/O error" of it,
     * while it would take EIO on a read for a damaged file (os_unix.c, seekAndRead).
     */
    STALE,
    /** EBUSY: in use in a way that forbids the operation. */
    BUSY,
    /** EPERM: never allowed on this kind of file. */
    NOT_PERMITTED,
    /** EFBIG: beyond what SQLite's format can hold. */
    TOO_BIG
  }

  private final Kind kind;

  public RefusedException(Kind kind, String message) {
    super(message);
    this.kind = kind;
  }

  public RefusedException(Kind kind, String message, Throwable cause) {
    super(message, cause);
    this.kind = kind;
  }

  /** Wraps a failure of the disk, recognising a full one. */
  static RefusedException ofDisk(String what, IOException cause) {
    if (cause instanceof RefusedException) {
      return (RefusedException) cause;
    }
    String text = String.valueOf(cause.getMessage());
    boolean full = text.contains("No space left") || text.contains("quota exceeded");
    return new RefusedException(full ? Kind.NO_SPACE : Kind.IO, what + ": " + text, cause);
  }

  public Kind kind() {
    return kind;
  }
}
