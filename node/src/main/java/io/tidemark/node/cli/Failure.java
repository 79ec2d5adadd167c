package io.tidemark.node.cli;

/**
 * A command did not do what was asked. The message is for the user: cause and next step in one or
 * two lines. The program exits with the code.
 */
final class Failure extends Exception {
  private static final long serialVersionUID = 1;

  /** The work failed. */
  static final int FAILED = 1;

  /** The command line or the configuration cannot be used. */
  static final int USAGE = 2;

  private final int code;

  Failure(String message) {
    this(FAILED, message, null);
  }

  Failure(String message, Throwable cause) {
    this(FAILED, message, cause);
  }

  Failure(int code, String message, Throwable cause) {
    super(message, cause);
    this.code = code;
  }

  int code() {
    return code;
  }
}
