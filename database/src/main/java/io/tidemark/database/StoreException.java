package io.tidemark.database;

import java.io.IOException;

/** A data directory cannot be used. The message names the cause and the next step. */
public class StoreException extends IOException {
  private static final long serialVersionUID = 1;

  public StoreException(String message) {
    super(message);
  }

  public StoreException(String message, Throwable cause) {
    super(message, cause);
  }
}
