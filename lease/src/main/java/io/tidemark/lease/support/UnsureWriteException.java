package io.tidemark.lease.support;

import java.io.IOException;

/** A file may have been replaced: it was renamed, but the rename is not known to be durable. */
public final class UnsureWriteException extends IOException {
  private static final long serialVersionUID = 1;

  public UnsureWriteException(IOException cause) {
    super(cause.toString(), cause);
  }
}
