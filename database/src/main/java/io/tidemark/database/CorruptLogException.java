package io.tidemark.database;

import java.io.IOException;

/** A log segment holds bytes that a crash cannot explain. The message names file and offset. */
public final class CorruptLogException extends IOException {
  private static final long serialVersionUID = 1;

  public CorruptLogException(String message) {
    super(message);
  }
}
