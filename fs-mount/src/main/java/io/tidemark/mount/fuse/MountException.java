package io.tidemark.mount.fuse;

import java.io.IOException;

/** Mounting or unmounting did not work; the message names the cause and the next step. */
public class MountException extends IOException {
  public MountException(String message) {
    super(message);
  }

  public MountException(String message, Throwable cause) {
    super(message, cause);
  }
}
